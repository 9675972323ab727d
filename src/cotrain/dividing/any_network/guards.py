"""Whether a narrowed network computes what it should, not only something of the right shape."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import seeded
from cotrain.basics.text import one_line
from cotrain.dividing.any_network.by_structure.narrowing import MisfitError, WidthPlan, narrow
from cotrain.dividing.any_network.by_structure.survey import Survey
from cotrain.dividing.any_network.by_structure.watching import first_tensor
from cotrain.networks.evaluating import evaluating
from cotrain.networks.foreign.narrow.arguments import (
    Changes,
    Construction,
    build_with_arguments,
    constructor_arguments,
    leaves,
)
from cotrain.networks.foreign.narrow.reshaping import record
from cotrain.networks.meta import on_meta

# Two float64 runs of one function differ by rounding alone; a wrong scale differs by percents.
_CLOSE = 1e-6
_NEXT = "give small= (your own builder)"


def check_scale_one(found: Survey) -> None:
    """The structural method with f(v) = v changes nothing: no attribute, no shape.

    Raises:
        ConfigError: It does; names the module or the tensor.
    """
    try:
        network = narrow(found, WidthPlan(widths=found.width_map(1.0)))
    except MisfitError as misfit:
        raise ConfigError(f"at scale 1 it does not run: {misfit}: {_NEXT}") from None
    _require_unchanged(found.large, network, "at scale 1")


def check_same_arguments(build: Callable[[], nn.Module], changes: Changes) -> None:
    """The constructor, given its own arguments at the places of ``changes``, does the same.

    Raises:
        ConfigError: It makes another network; names the module or the tensor.
    """
    seen = constructor_arguments(build)
    again = on_meta(lambda: _with_same_arguments(build, changes, seen))
    _require_unchanged(seen.network, again, "with the same arguments")


def check_same_outputs(
    build: Callable[[], nn.Module], changes: Changes, image_shape: Sequence[int]
) -> None:
    """As ``check_same_arguments``, by the outputs in float64.

    Raises:
        ConfigError: They are others.
    """
    with seeded(0):
        first = build()
        again = _with_same_arguments(build, changes, constructor_arguments(build))
    if not same_function(first, again, image_shape):
        raise ConfigError(f"with the same arguments it gives other outputs: {_NEXT}")


def check_training_step(small: nn.Module, large: nn.Module, image_shape: Sequence[int]) -> None:
    """A training step reaches the parameters that it reaches in the large network.

    Args:
        small: On any device, best on ``meta``; not changed.
        large: As ``small``.
        image_shape: [C, H, W].

    Raises:
        ConfigError: It fails, or some parameters get no gradient.
    """
    try:
        missing = _without_gradient(small, image_shape)
    except Exception as error:
        _without_gradient(large, image_shape)  # where this fails too there is nothing to compare
        raise ConfigError(f"a training step fails ({reason_of(error)}): {_NEXT}") from error
    if missing and (missing := missing - _without_gradient(large, image_shape)):
        raise ConfigError(
            f"{min(missing)} and {len(missing) - 1} others have no gradient in a training step, "
            f"as they have in the large network: {_NEXT}"
        )


def same_function(first: nn.Module, second: nn.Module, image_shape: Sequence[int]) -> bool:
    """Whether two networks of equal shapes give the same outputs with the same random weights.

    Args:
        first: On the CPU; not changed.
        second: On the CPU; not changed.
        image_shape: [C, H, W].
    """
    first, second = (deepcopy(each).double().eval() for each in (first, second))
    if {n: t.shape for n, t in first.state_dict().items()} != {
        n: t.shape for n, t in second.state_dict().items()
    }:
        return False
    randomize(first)
    second.load_state_dict(first.state_dict())
    return agree(float64_outputs(first, image_shape), float64_outputs(second, image_shape))


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


def float64_outputs(network: nn.Module, image_shape: Sequence[int]) -> Tensor:
    """The first tensor that a float64 network gives for one random image."""
    generator = torch.Generator().manual_seed(2)
    images = torch.randn(1, *image_shape, generator=generator, dtype=torch.float64)
    with evaluating(network), torch.no_grad(), _double_by_default():
        return first_tensor(network(images))


def agree(first: Tensor, second: Tensor) -> bool:
    """Whether the largest difference is but rounding beside the spread; not without a spread."""
    spread = second.std()
    return bool(spread > 0 and (first - second).abs().max() < _CLOSE * spread)


def reason_of(error: BaseException) -> str:
    """An error's kind and the first line of its text."""
    first = str(error).strip().partition("\n")[0]
    return one_line(f"{type(error).__name__}: {first[:200]}")


def _with_same_arguments(
    build: Callable[[], nn.Module], changes: Changes, seen: Construction
) -> nn.Module:
    values = dict(leaves(seen.arguments))
    same = [(path, values[tuple(path)]) for path, _ in changes]
    return build_with_arguments(build, same, seen)


def _require_unchanged(large: nn.Module, again: nn.Module, when: str) -> None:
    if [name for name, _ in large.named_modules()] != [name for name, _ in again.named_modules()]:
        raise ConfigError(f"{when} it has other layers: {_NEXT}")
    changes = record(large, again)
    for name in (*changes["attributes"], *changes["shapes"]):
        raise ConfigError(f"{when} {name!r} becomes another: {_NEXT}")


def _without_gradient(network: nn.Module, image_shape: Sequence[int]) -> set[str]:
    """Trainable parameters that a training step leaves without a gradient."""
    network = deepcopy(network).train()
    device = next(network.parameters()).device
    with seeded(0):
        first_tensor(network(torch.zeros(2, *image_shape, device=device))).sum().backward()
    return {n for n, each in network.named_parameters() if each.requires_grad and each.grad is None}


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
