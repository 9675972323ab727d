"""Whether a narrowed network computes what it should, not only something of the right shape."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from cotrain.basics.seeds import seeded
from cotrain.dividing.any_network.by_structure.narrowing import MisfitError, Narrower
from cotrain.dividing.any_network.by_structure.survey import survey
from cotrain.dividing.any_network.by_structure.watching import first_tensor
from cotrain.dividing.any_network.by_structure.width_map import WidthMap
from cotrain.networks.evaluating import evaluating
from cotrain.networks.foreign.narrow.reshaping import apply_record, record
from cotrain.networks.meta import on_meta

# Two float64 runs of one function differ by rounding alone; a wrong scale differs by percents.
_CLOSE = 1e-6


def same_function(first: nn.Module, second: nn.Module, image_shape: Sequence[int]) -> bool:
    """Whether two networks of equal shapes give the same outputs with the same random weights.

    Args:
        first: On the CPU; not changed.
        second: On the CPU; not changed.
        image_shape: [C, H, W].
    """
    first, second = (copy.deepcopy(each).double().eval() for each in (first, second))
    if {n: t.shape for n, t in first.state_dict().items()} != {
        n: t.shape for n, t in second.state_dict().items()
    }:
        return False
    randomize(first)
    second.load_state_dict(first.state_dict())
    return _difference(first, second, image_shape) < _CLOSE


def unchanged_at_scale_one(build: Callable[[], nn.Module], image_shape: Sequence[int]) -> bool:
    """Whether the structural method with f(v) = v changes nothing: no attribute, no shape."""
    large = on_meta(build)
    found = survey(large, tuple(image_shape))
    same = Narrower(found).narrow(WidthMap(multiplier=1.0, quanta=found.quanta, sums=found.sums))
    return record(large, same) == {"attributes": {}, "shapes": {}}


def halves_agree(build: Callable[[], nn.Module], image_shape: Sequence[int]) -> bool | None:
    """Whether the large network with every channel twice computes what the halved one does.

    Convolutions, linear layers, normalisations and activations keep doubled channels doubled
    when the weights of each input are halved; products of queries and keys double, which scales
    are set to undo. A number that went stale in the halved network shows as another output.

    Returns:
        None where theory has no answer: widths that cannot be halved, groups that become fewer.
    """
    large = on_meta(build)
    found = survey(large, tuple(image_shape))
    try:
        half = Narrower(found).narrow(
            WidthMap(multiplier=0.5, quanta=found.quanta, sums=found.sums)
        )
    except MisfitError:
        return None
    changes = record(large, half)
    wide = {name: tuple(each.shape) for name, each in large.state_dict().items()}
    if not _halved(wide, changes) or _fewer_groups(large, half):
        return None
    with seeded(0):
        double, small = build().double().eval(), apply_record(build(), changes).double().eval()
        randomize(small)
    _copy_doubled(small, double)
    _halve_scales(double, changes)
    with _halved_products():
        wide_logits = _logits(double, image_shape)
    return _relative(wide_logits, _logits(small, image_shape)) < _CLOSE


def randomize(network: nn.Module) -> None:
    """Weights for which no part of the network is silent: nothing is 0 or all ones."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in network.state_dict(keep_vars=True).items():
            if not tensor.is_floating_point():
                continue
            noise = torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype)
            if name.endswith("running_var"):
                tensor.copy_(0.5 + noise)
            elif isinstance(tensor, nn.Parameter) and tensor.dim() > 1:
                tensor.copy_((noise - 0.5) * 3.5 / max(1, tensor[0].numel()) ** 0.5)
            elif isinstance(tensor, nn.Parameter):
                tensor.copy_(tensor.mean().clamp(0.0, 1.0) + 0.5 * (noise - 0.3))


def _logits(network: nn.Module, image_shape: Sequence[int]) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    images = torch.randn(1, *image_shape, generator=generator, dtype=torch.float64)
    with evaluating(network), torch.no_grad(), _double_by_default():
        return first_tensor(network(images))


def _difference(first: nn.Module, second: nn.Module, image_shape: Sequence[int]) -> float:
    return _relative(_logits(first, image_shape), _logits(second, image_shape))


def _relative(first: Tensor, second: Tensor) -> float:
    """Largest difference over the spread of the second; infinite where there is no spread."""
    spread = second.std()
    return float((first - second).abs().max() / spread) if spread > 0 else float("inf")


@contextmanager
def _double_by_default() -> Iterator[None]:
    """Tensors that a network makes as it runs are float64 as well."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
        torch.backends.mha.set_fastpath_enabled(fused)


def _halved(wide: Mapping[str, tuple[int, ...]], changes: Mapping[str, Any]) -> bool:
    return all(
        old in (new, 2 * new)
        for name, shape in changes["shapes"].items()
        if name in wide
        for old, new in zip(wide[name], shape, strict=True)
    )


def _fewer_groups(large: nn.Module, half: nn.Module) -> bool:
    """Whether a grouped layer that is not depthwise lost groups: its channels are not doubled."""
    for old, new in zip(large.modules(), half.modules(), strict=True):
        for name in ("groups", "num_groups"):
            groups = getattr(old, name, 1)
            depthwise = groups == getattr(old, "in_channels", None)
            if groups != getattr(new, name, 1) and not depthwise:
                return True
    return False


def _copy_doubled(small: nn.Module, double: nn.Module) -> None:
    """Give every channel of ``double`` the weights of one of ``small``, each twice."""
    narrow = small.state_dict()
    inputs = {f"{name}.weight": _input_axis(module) for name, module in double.named_modules()}
    attention = {
        f"{name}.in_proj_weight"
        for name, module in double.named_modules()
        if isinstance(module, nn.MultiheadAttention)
    }
    with torch.no_grad():
        for name, tensor in double.state_dict(keep_vars=True).items():
            part = narrow[name]
            for axis, size in enumerate(tensor.shape):
                if size != part.shape[axis]:
                    part = part.repeat_interleave(2, axis)
                    if axis == inputs.get(name) or (axis == 1 and name in attention):
                        part = part / 2
            tensor.copy_(part)
        for module in double.modules():
            _halve_queries(module)
    _copy_plain(small, double)


def _input_axis(module: nn.Module) -> int | None:
    """The axis of a layer's weight that is summed over; None of a layer that sums nothing."""
    if isinstance(module, nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d):
        return 0 if module.groups == 1 else None
    layers = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d
    return 1 if isinstance(module, layers) else None


def _copy_plain(small: nn.Module, double: nn.Module) -> None:
    """Buffers that are not saved."""
    narrow = dict(small.named_buffers())
    saved = set(double.state_dict())
    for name, tensor in double.named_buffers():
        if name not in saved and tensor.is_floating_point():
            part = narrow[name]
            for axis, size in enumerate(tensor.shape):
                if size == 2 * part.shape[axis]:
                    part = part.repeat_interleave(2, axis)
            tensor.copy_(part)


def _halve_queries(module: nn.Module) -> None:
    """torch's own attention scales by the wide 1/sqrt(2 d): sqrt(2) is left to undo."""
    if isinstance(module, nn.MultiheadAttention) and module.in_proj_weight is not None:
        module.in_proj_weight[: module.embed_dim] /= 2**0.5
        if module.in_proj_bias is not None:
            module.in_proj_bias[: module.embed_dim] /= 2**0.5


def _halve_scales(double: nn.Module, changes: Mapping[str, Any]) -> None:
    """Twice as many summands: the halved network's 1/sqrt(d), and half of it."""
    modules = dict(double.named_modules())
    for name, attributes in changes["attributes"].items():
        for attribute, value in attributes.items():
            if isinstance(value, float):
                setattr(modules[name], attribute, value / 2)


class _halved_products(TorchFunctionMode):  # noqa: N801 - used like a function
    """Attention that has no scale of its own is scaled by the halved network's, and halved."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is F.scaled_dot_product_attention and kwargs.get("scale") is None:
            kwargs["scale"] = (args[0].shape[-1] / 2) ** -0.5 / 2
        return func(*args, **kwargs)
