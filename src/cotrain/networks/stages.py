"""The stages of any network, read from the names and shapes of its weights."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from torch import Tensor, nn


def stages(network: nn.Module) -> dict[str, dict[str, Tensor]]:
    """By stage, its layers' weights by name, without the last layer, which gives the classes."""
    found: dict[str, dict[str, Tensor]] = {}
    for name, weight in list(_layers(network))[:-1]:
        found.setdefault(_stage(name), {})[name] = weight
    return found


def stage_widths(network: nn.Module) -> tuple[int, ...]:
    """Outputs of each stage's last layer; stages of one width in a row are told once."""
    widths = [list(layers.values())[-1].shape[0] for layers in stages(network).values()]
    return tuple(width for width, _ in groupby(widths))


def narrowest_stage(network: nn.Module) -> int | None:
    """The smallest width of a stage of several layers; None where there is none.

    The width of a layer is the number of its outputs. A stage is as narrow as its last layer, or as
    the one in the middle of its layers, each counted by its size, where that is narrower: of a
    bottleneck block, the convolution inside.
    """
    widths = [_width(list(each.values())) for each in stages(network).values() if len(each) > 1]
    return min(widths, default=None)


def _width(weights: Sequence[Tensor]) -> int:
    inside = middle((weight.shape[0], weight.numel()) for weight in weights)
    return min(int(inside), weights[-1].shape[0])


def middle(pairs: Iterable[tuple[float, int]]) -> float:
    """The median of numbers, each counted as often as the second of its pair says."""
    ordered = sorted(pairs)
    half = sum(size for _, size in ordered) / 2
    for number, size in ordered:
        half -= size
        if half <= 0:
            return number
    raise ValueError("no numbers: there is no median of nothing")


def _layers(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Weights whose first axis is a layer's outputs; that of an embedding or a table is none."""
    for prefix, module in network.named_modules():
        for name, weight in module.named_parameters(recurse=False):
            is_layer = "weight" in name and weight.dim() >= 2 and weight.shape[0] > 1
            if is_layer and not isinstance(module, nn.Embedding):
                yield f"{prefix}.{name}" if prefix else name, weight


def _stage(name: str) -> str:
    """The path to a weight up to its first numbered module, or to the second module without one.

    A digit that ends a layer's own name, as in ``conv1``, numbers no stage.
    """
    *modules, layer = name.split(".")[:-1] or [name]
    for index, module in enumerate([*modules, layer]):
        if module.isdigit() or (module[-1].isdigit() and index < len(modules)):
            return ".".join([*modules, layer][: index + 1])
    return ".".join(modules[:2]) or layer
