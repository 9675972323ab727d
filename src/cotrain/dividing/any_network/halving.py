"""Whether a network with every channel twice computes what it does with half of its channels.

A number that stayed as the large network's in the narrowed one shows as another output.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import seeded
from cotrain.dividing.any_network.by_structure.narrowing import MisfitError, WidthPlan, narrow
from cotrain.dividing.any_network.by_structure.survey import Survey
from cotrain.dividing.any_network.guards import agree, float64_outputs, randomize
from cotrain.networks.foreign.narrow.reshaping import apply_record, record

# Of outputs in float64 whose weights are about 1.
_NEAR = 1e-6


class NotHalvedError(ValueError):
    """Theory has no answer: widths that cannot be halved, or groups that become fewer."""


def check_halves(build: Callable[[], nn.Module], found: Survey) -> None:
    """The large network with every channel twice computes what the halved one does.

    Convolutions, linear layers, normalisations and activations keep doubled channels doubled
    when the weights of each input are halved; products of queries and keys double, which scales
    are set to undo.

    Args:
        build: Makes the large network.
        found: Of the large network.

    Raises:
        ConfigError: It computes something else; names the first module whose output shows it.
        NotHalvedError: The network cannot be halved.
    """
    changes = _halving(found)
    with seeded(0):
        double, small = build().double().eval(), apply_record(build(), changes).double().eval()
        randomize(small)
    _copy_doubled(small, double)
    _halve_scales(double, changes)
    with _halved_products():
        logits = float64_outputs(double, found.image_shape)
    if not agree(logits, float64_outputs(small, found.image_shape)):
        place = _first_other(double, small, found.image_shape)
        raise ConfigError(
            f"module {place!r} gives something else with half the channels than with each of them "
            "twice: there or before it a number goes on with the large network's width: give "
            "small= (your own builder)"
        )


def _first_other(double: nn.Module, small: nn.Module, image_shape: Sequence[int]) -> str:
    """The first module to end whose outputs differ; empty where only the logits do."""
    with _halved_products():
        wide = _outputs_by_module(double, image_shape)
    for name, output in _outputs_by_module(small, image_shape).items():
        part = wide.get(name, output)
        for axis, size in enumerate(output.shape):
            if part.dim() == output.dim() and part.shape[axis] == 2 * size:
                part = part.index_select(axis, torch.arange(0, 2 * size, 2))
        if part.shape == output.shape and not torch.allclose(part, output, atol=_NEAR):
            return name
    return ""


def _outputs_by_module(network: nn.Module, image_shape: Sequence[int]) -> dict[str, Tensor]:
    """The output of every module that gives one tensor, in the order in which they end."""
    found: dict[str, Tensor] = {}

    def noting(name: str) -> Callable[..., None]:
        def note(_: nn.Module, __: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                found.setdefault(name, output)

        return note

    handles = [m.register_forward_hook(noting(name)) for name, m in network.named_modules()]
    try:
        float64_outputs(network, image_shape)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _halving(found: Survey) -> dict[str, dict[str, Any]]:
    """The record that halves every width."""
    try:
        half = narrow(found, WidthPlan(widths=found.width_map(0.5)))
    except MisfitError as misfit:
        raise NotHalvedError(f"it cannot be halved, {misfit}") from None
    changes = record(found.large, half)
    wide = {name: tuple(each.shape) for name, each in found.large.state_dict().items()}
    if not _halved(wide, changes):
        raise NotHalvedError("some widths have no half")
    if _fewer_groups(found.large, half):
        raise NotHalvedError("halves have fewer groups")
    return changes


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
