"""``cotrain completion bash``: verbs and flags completed by the shell."""

from collections.abc import Sequence

from cotrain.basics.errors import ConfigError
from cotrain.cli.verbs import VERBS

_SHELLS = ("bash", "zsh")


def completion_script(words: Sequence[str]) -> str:
    """What the shell must read: ``eval "$(cotrain completion bash)"``.

    Args:
        words: The one word after ``completion``: bash or zsh.

    Raises:
        ConfigError: Other words.
    """
    if len(words) != 1 or words[0] not in _SHELLS:
        raise ConfigError(
            'completion takes the shell, bash or zsh: eval "$(cotrain completion bash)"'
        )
    import shtab
    from jsonargparse import auto_parser

    return shtab.complete(auto_parser(VERBS, prog="cotrain"), words[0])
