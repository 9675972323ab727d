"""Whether all stages of a network were narrowed alike, or one was crushed to spare another."""

from torch import nn

from cotrain.networks.stages import middle, stages


def stage_ratios(large: nn.Module, small: nn.Module) -> dict[str, float]:
    """By stage, the small network's width over the large one's.

    The width of a layer is the number of its outputs; a stage's ratio is the median over its
    layers, each counted by its size, so that a squeeze of 8 channels says little. Layers are
    matched by name; those that give the classes, of which a network may have several, have none.
    """
    narrow = dict(small.named_parameters())
    classes = list(narrow.values())[-1].shape[0]
    found: dict[str, float] = {}
    for stage, layers in stages(large).items():
        pairs = [
            (narrow[name].shape[0] / weight.shape[0], weight.numel())
            for name, weight in layers.items()
            if name in narrow and not weight.shape[0] == narrow[name].shape[0] == classes
        ]
        if pairs:
            found[stage] = middle(pairs)
    return found


def unevenness(large: nn.Module, small: nn.Module) -> float:
    """Largest over smallest stage ratio: 1 where all stages were narrowed alike."""
    ratios = stage_ratios(large, small).values()
    return max(ratios) / min(ratios) if ratios else 1.0
