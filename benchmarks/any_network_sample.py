"""Which networks the benchmark of any network is judged on: drawn by rule, never chosen by hand."""

import random
from collections.abc import Collection
from pathlib import Path

PER_MODULE = 2
HF_CONFIGS = 5
# Ordinary image classifiers of transformers, in the order in which they are taken.
HF_TYPES = (
    *("vit", "convnext", "swin", "resnet", "beit"),
    *("deit", "convnextv2", "swinv2", "dinov2", "regnet", "poolformer", "mobilenet_v2"),
)


def read_names(path: Path) -> list[str]:
    """Names such as ``timm:resnet50``, one a line; what follows a ``#`` is a remark."""
    lines = (line.partition("#")[0].strip() for line in path.read_text("utf-8").splitlines())
    return [line for line in lines if line]


def draw_unseen(seen: Collection[str], seed: int) -> list[str]:
    """Networks that nobody looked at while dividing was developed.

    Two random networks from every module of timm, all of torchvision's classifiers, and five
    configurations of transformers.

    Args:
        seen: The networks of the development.
        seed: Of the draw.
    """
    return [*_from_timm(seen, seed), *_from_torchvision(seen), *_from_transformers(seen)]


def _from_timm(seen: Collection[str], seed: int) -> list[str]:
    import timm

    modules: dict[str, list[str]] = {}
    for name in sorted(timm.list_models()):
        if f"timm:{name}" not in seen:
            modules.setdefault(timm.model_entrypoint(name).__module__, []).append(name)
    draw = random.Random(seed)
    return [
        f"timm:{name}"
        for _, names in sorted(modules.items())
        for name in sorted(draw.sample(names, min(PER_MODULE, len(names))))
    ]


def _from_torchvision(seen: Collection[str]) -> list[str]:
    from torchvision import models

    names = (f"torchvision:{name}" for name in sorted(models.list_models(module=models)))
    return [name for name in names if name not in seen]


def _from_transformers(seen: Collection[str]) -> list[str]:
    names = (f"hf:{name}" for name in HF_TYPES)
    return [name for name in names if name not in seen][:HF_CONFIGS]
