"""Whether a divided network computes the large network's function: three ways to ask.

Here, unlike in ``any_network_checks.py``, the package's own guards do the comparing.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from any_network_subject import Subject
from torch import nn

from cotrain import ConfigError
from cotrain.basics.seeds import seeded
from cotrain.dividing import DivideOptions, divide_spec
from cotrain.dividing.any_network.by_structure.survey import survey
from cotrain.dividing.any_network.guards import check_same_outputs, check_scale_one, same_function
from cotrain.dividing.any_network.halving import check_halves
from cotrain.networks import NetworkSpec, build, image_shape_of
from cotrain.networks.foreign.names import builder_of
from cotrain.networks.meta import on_meta

PASSED = "passed"


def identity(subject: Subject) -> str:
    """The mechanism with every width as it is gives the large network's function."""
    shape, make = image_shape_of(subject.large), builder_of(subject.large)
    if subject.small.mechanism == "structural":
        return _guarded(lambda: check_scale_one(survey(on_meta(make), shape)))
    arguments = subject.small.changes["arguments"]
    return _guarded(lambda: check_same_outputs(make, arguments, shape))


def same_function_at_equal_widths(subject: Subject) -> str:
    """Constructor and structure, brought to the same widths, compute the same (guards)."""
    into, loose = subject.ensemble.spec.into, DivideOptions(method="constructor", tolerance=0.5)
    built = subject.small
    if built.mechanism != "constructor":
        try:
            built = divide_spec(subject.large, into, loose)
        except ConfigError:
            return "not run: only the structure can be divided"
    widths = _width_map(subject.large, built)
    if widths is None:
        return "not run: equal widths of the large network differ in the small one"
    try:
        options = replace(loose, method="structural", widths=widths, tolerance=0.99)
        narrowed = divide_spec(subject.large, into, options)
    except ConfigError:
        return "not run: the structure cannot take the constructor's widths"
    first, second = (_built(each) for each in (built, narrowed))
    if _shapes(first) != _shapes(second):
        return "not run: the structure takes other widths than the constructor"
    compared = _compared(first, second, image_shape_of(subject.large))
    if subject.small.mechanism == "constructor" and compared != PASSED:
        # The division is the authors' own code; another number of heads is another function, too.
        return compared.replace("failed: it", "not run: the structure, which was not used,", 1)
    return compared


def halves(subject: Subject) -> str:
    """Structural: the large network with channels doubled computes what a halved one does."""
    if subject.small.mechanism != "structural":
        return "not run: the constructor's own function"
    make = builder_of(subject.large)
    found = survey(on_meta(make), image_shape_of(subject.large))
    return _guarded(lambda: check_halves(make, found))


def _compared(first: nn.Module, second: nn.Module, image_shape: tuple[int, int, int]) -> str:
    def compare() -> None:
        if not same_function(first, second, image_shape):
            raise ConfigError("it computes another function")

    return _guarded(compare)


def _guarded(guard: Callable[[], None]) -> str:
    """What a guard says; one that cannot say, or that a network does not run under, is not run."""
    try:
        guard()
    except ConfigError as failure:
        return f"failed: {failure}"
    except Exception as error:  # such as a network that makes float32 tensors, run in float64
        reason = " ".join(str(error).split())
        return f"not run: it cannot be compared ({type(error).__name__}: {reason[:200]})"
    return PASSED


def _width_map(large: NetworkSpec, small: NetworkSpec) -> dict[int, int] | None:
    """What each width became; None where equal ones became different ones."""
    wide = on_meta(lambda: build(large))
    narrow = dict(on_meta(lambda: build(small)).named_parameters())
    widths = set(survey(wide, image_shape_of(large)).widths)
    found: dict[int, set[int]] = {}
    for name, tensor in wide.named_parameters():
        for old, new in zip(tensor.shape, narrow[name].shape, strict=True):
            if old in widths:
                found.setdefault(old, set()).add(new)
    if any(len(new) > 1 for new in found.values()):
        return None
    return {old: next(iter(new)) for old, new in found.items()}


def _built(spec: NetworkSpec) -> nn.Module:
    with seeded(0):
        return build(spec)


def _shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {name: each.shape for name, each in network.state_dict().items()}
