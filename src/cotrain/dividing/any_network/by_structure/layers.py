"""What the layers of torch, and those that are written like them, need to become narrower."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from cotrain.networks.foreign.narrow.reshaping import reshape

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_INSTANCE_NORMS = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)
# With more groups than this, it is the number of groups that shrinks, not their width.
MOST_KEPT_GROUPS = 8


@dataclass(frozen=True, kw_only=True)
class Widths:
    """Channels that enter and leave a layer; ``axis`` is the one of its input that they enter by.

    ``chooses`` is false for layers that have as many outputs as inputs whatever these are.
    """

    entering: int
    leaving: int
    axis: int
    chooses: bool = True


def layer_widths(layer: nn.Module, shape: tuple[int, ...] = ()) -> Widths | None:
    """A layer's widths; None for modules that are no layers known here.

    Args:
        layer: A module of a network that has not been changed.
        shape: Of the layer's input, where known.
    """
    weight = getattr(layer, "weight", None)
    if isinstance(layer, _CONVOLUTIONS + _TRANSPOSED) and isinstance(weight, Tensor):
        depthwise = layer.groups == layer.in_channels > 1
        axis = 1 - weight.dim()
        return Widths(
            entering=layer.in_channels, leaving=layer.out_channels, axis=axis, chooses=not depthwise
        )
    if isinstance(layer, nn.Linear):
        return Widths(entering=layer.in_features, leaving=layer.out_features, axis=-1)
    if isinstance(layer, nn.MultiheadAttention):
        return _same(layer.embed_dim, -1)
    if isinstance(layer, _BATCH_NORMS + _INSTANCE_NORMS):
        return _same(layer.num_features, 1)
    if isinstance(layer, nn.GroupNorm):
        return _same(layer.num_channels, 1)
    if isinstance(layer, nn.PReLU) and layer.num_parameters > 1:
        return _same(layer.num_parameters, 1)
    normalized: Any = getattr(layer, "normalized_shape", None)
    if isinstance(normalized, tuple) and len(normalized) == 1:
        return _same(normalized[0], _normalized_axis(layer, normalized[0], shape))
    return None


def narrow_layer(wide: Any, layer: Any, entering: int, leaving: int) -> None:
    """Give ``layer``, a copy of ``wide``, as many inputs and outputs, in place.

    Raises:
        ValueError: Its groups do not divide them.
    """
    if isinstance(layer, _CONVOLUTIONS + _TRANSPOSED):
        _narrow_convolution(wide, layer, entering, leaving)
    elif isinstance(layer, nn.Linear):
        layer.in_features, layer.out_features = entering, leaving
        _reshape_own(wide, layer, {"weight": (leaving, entering)}, wide.out_features, leaving)
    elif isinstance(layer, nn.MultiheadAttention):
        _narrow_attention(wide, layer, entering)
    else:
        _narrow_norm(wide, layer, entering)


def group_quantum(wide: nn.Module, width: int, groups: int) -> int:
    """What a grouped layer's channels must be a multiple of."""
    return groups if _keeps_groups(wide, groups) else width // groups


def narrow_groups(wide: nn.Module, groups: int, width: int, narrow: int) -> int:
    """Groups of ``narrow`` channels where ``width`` had ``groups``."""
    return groups if _keeps_groups(wide, groups) else max(1, narrow // (width // groups))


def _keeps_groups(wide: nn.Module, groups: int) -> bool:
    if isinstance(wide, nn.GroupNorm):
        return groups <= MOST_KEPT_GROUPS or wide.num_channels // groups > groups
    return groups <= MOST_KEPT_GROUPS


def _same(width: int, axis: int) -> Widths:
    return Widths(entering=width, leaving=width, axis=axis, chooses=False)


def _normalized_axis(layer: nn.Module, width: int, shape: tuple[int, ...]) -> int:
    """-1 as torch's LayerNorm, or 1 for those over the channels of an image."""
    last = not shape or shape[-1] == width
    return 1 if len(shape) == 4 and ("2d" in type(layer).__name__ or not last) else -1


def _narrow_convolution(wide: Any, layer: Any, entering: int, leaving: int) -> None:
    if wide.groups == wide.in_channels:
        groups = entering if wide.groups > 1 else 1
        leaving = entering * (wide.out_channels // wide.in_channels) if groups > 1 else leaving
    else:
        groups = narrow_groups(wide, wide.groups, wide.in_channels, entering)
    if entering % groups or leaving % groups:
        raise ValueError(f"{groups} groups do not divide {entering} and {leaving} channels")
    layer.in_channels, layer.out_channels, layer.groups = entering, leaving, groups
    sides = (leaving, entering // groups)
    if isinstance(layer, _TRANSPOSED):
        sides = (entering, leaving // groups)
    shape = (*sides, *wide.weight.shape[2:])
    _reshape_own(wide, layer, {"weight": shape}, wide.out_channels, leaving)
    if isinstance(getattr(layer, "scale", None), float):
        # Weight-standardised: the scale is a gain / sqrt(weights of one output).
        fan, wide_fan = layer.weight[0].numel(), wide.weight[0].numel()
        if 0.4 < wide.scale * wide_fan**0.5 < 4:
            layer.scale = wide.scale * (wide_fan / fan) ** 0.5


def _narrow_attention(wide: Any, layer: Any, width: int) -> None:
    if width % wide.num_heads:
        raise ValueError(f"{wide.num_heads} heads do not divide {width} channels")
    changed = {wide.embed_dim: width, 3 * wide.embed_dim: 3 * width}
    layer.embed_dim, layer.head_dim = width, width // wide.num_heads
    layer.kdim, layer.vdim = (changed.get(each, each) for each in (wide.kdim, wide.vdim))
    for name, tensor in _own_tensors(wide):
        reshape(layer, name, [changed.get(size, size) for size in tensor.shape])
    narrow_layer(wide.out_proj, layer.out_proj, width, width)


def _narrow_norm(wide: Any, layer: Any, width: int) -> None:
    names = ("num_features", "num_channels", "num_parameters")
    old = next((getattr(wide, name) for name in names if hasattr(wide, name)), None)
    for name in names:
        if hasattr(wide, name):
            setattr(layer, name, width)
    if isinstance(wide, nn.GroupNorm):
        layer.num_groups = narrow_groups(wide, wide.num_groups, wide.num_channels, width)
        if width % layer.num_groups:
            raise ValueError(f"{layer.num_groups} groups do not divide {width} channels")
    if old is None:
        old, layer.normalized_shape = wide.normalized_shape[0], (width,)  # type: ignore[index]
    _reshape_own(wide, layer, {}, int(old), width)


def _reshape_own(
    wide: nn.Module, layer: nn.Module, shapes: dict[str, tuple[int, ...]], old: int, new: int
) -> None:
    """Give tensors the shapes; the others follow the outputs along the axes that are as long."""
    for name, tensor in _own_tensors(wide):
        shape = shapes.get(name, [new if size == old else size for size in tensor.shape])
        reshape(layer, name, shape)


def _own_tensors(layer: nn.Module) -> list[tuple[str, Tensor]]:
    return [*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)]
