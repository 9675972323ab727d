"""``cotrain networks``: which networks can be named."""

import json as json_format
from fnmatch import fnmatchcase

from cotrain.basics.errors import ConfigError


def networks(*, patterns: tuple[str, ...] = (), json: bool = False) -> None:
    """List the networks that can be divided and trained by name: ours and the libraries'.

    Ours (of any depth and width, such as wide_resnet22_6, besides those listed) have the paper's
    rules of dividing; those of timm, torchvision and transformers are divided by cotrain.

    Args:
        patterns: Only names that hold one of these texts, or match it where it has * or ?.
        json: Print a JSON list instead of a name a line.
    """
    from cotrain.networks import list_foreign_networks, list_networks

    names = [*list_networks(), *list_foreign_networks()]
    asked = [text if set("*?[") & set(text) else f"*{text}*" for text in patterns or ("*",)]
    names = [name for name in names if any(fnmatchcase(name, each) for each in asked)]
    if not names:
        raise ConfigError(f"no network is called {' or '.join(patterns)}: give less of the name")
    print(json_format.dumps(names, indent=2) if json else "\n".join(names))
