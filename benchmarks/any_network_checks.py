"""What a divided network must do to count as divided: each check says ``passed``, or why not.

A check is a function of the subject that returns one line: ``passed``, ``failed: ...`` or
``not run: ...``.
"""

import copy
import tempfile
from collections.abc import Callable
from statistics import median

import torch
from any_network_functions import PASSED, halves, identity, same_function_at_equal_widths
from any_network_subject import Subject
from torch import Tensor, nn
from torch.nn import functional as F

from cotrain import Ensemble
from cotrain.basics.seeds import seeded
from cotrain.networks.evaluating import evaluating

# Tensors with fewer values say little about the distribution they were drawn from.
FEWEST = 256
# Another graph of the same sums in float32.
EXPORT_TOLERANCE = 1e-3


def forward(subject: Subject) -> str:
    """Finite logits [S, B, C]."""
    logits = _logits(subject.ensemble, subject.images)
    expected = subject.ensemble.spec.into, len(subject.images), subject.large.num_classes
    if tuple(logits.shape) != expected:
        return f"failed: logits of shape {list(logits.shape)}, not {list(expected)}"
    return PASSED if bool(logits.isfinite().all()) else "failed: logits are not finite"


def backward(subject: Subject) -> str:
    """A finite gradient for every parameter that has one in the large network."""
    missing = _without_gradient(subject.first, subject.images)
    if missing:
        missing -= _without_gradient(subject.large_network, subject.images)
    return f"failed: {_some(missing)} have no finite gradient" if missing else PASSED


def independent(subject: Subject) -> str:
    """No random tensor is the same in two of the S networks."""
    first, second = (dict(each.named_parameters()) for each in subject.ensemble.networks[:2])
    equal = {name for name, each in first.items() if torch.equal(each, second[name])}
    random = {name for name in equal if _is_drawn(first[name])}
    if random:  # tables that are computed, not drawn, are the same in every large network, too
        large, other = (dict(subject.fresh_large(seed).named_parameters()) for seed in (0, 1))
        random = {name for name in random if not torch.equal(large[name], other[name])}
    return f"failed: {_some(random)} are equal in two networks" if random else PASSED


def initialisation(subject: Subject) -> str:
    """Report only: the std of every tensor over the one that the large network's suggests."""
    wide, narrow = (
        dict(each.named_parameters()) for each in (subject.large_network, subject.first)
    )
    factors = {}
    for name, tensor in narrow.items():
        if name in wide and tensor.numel() >= FEWEST and _is_drawn(wide[name]):
            weight = name.removesuffix("bias") + "weight" if name.endswith("bias") else name
            fans = [_fans(each.get(weight, each[name])) for each in (wide, narrow)]
            factors[name] = _factor(float(tensor.detach().std() / wide[name].detach().std()), *fans)
    if not factors:
        return "not run: no tensor is large enough"
    worst = max(factors, key=factors.__getitem__)
    subject.spread = {
        "median": median(factors.values()),
        "largest": factors[worst],
        "where": worst,
    }
    return PASSED


def load(subject: Subject) -> str:
    """Saved and loaded, strictly: the same outputs, bit for bit."""
    with tempfile.TemporaryDirectory() as folder:
        subject.ensemble.save(folder)
        loaded = Ensemble.load(folder)
    return _equal_logits(subject, loaded)


def deepcopy(subject: Subject) -> str:
    """A deep copy gives the same outputs, bit for bit."""
    return _equal_logits(subject, copy.deepcopy(subject.ensemble))


def export(subject: Subject) -> str:
    """``torch.export`` of one network gives its logits."""
    network = subject.first
    with evaluating(network), torch.no_grad():
        program = torch.export.export(network, (subject.images,))
        given, expected = program.module()(subject.images), network(subject.images)
    close = torch.allclose(given, expected, rtol=EXPORT_TOLERANCE, atol=EXPORT_TOLERANCE)
    return PASSED if close else "failed: the exported network gives other logits"


Check = Callable[[Subject], str]
# The cheap ones first: a network that takes too long leaves out the last.
CHECKS: dict[str, Check] = {
    "forward": forward,
    "load": load,
    "deepcopy": deepcopy,
    "independent": independent,
    "backward": backward,
    "initialisation": initialisation,
    "identity": identity,
    "same function": same_function_at_equal_widths,
    "halves": halves,
    "export": export,
}
# Those whose failure means that a network is silently wrong.
OF_FUNCTION = ("forward", "load", "backward", "identity", "same function")


def _logits(network: nn.Module, images: Tensor) -> Tensor:
    with evaluating(network), torch.no_grad():
        return network(images)


def _equal_logits(subject: Subject, other: nn.Module) -> str:
    logits = [_logits(each, subject.images) for each in (subject.ensemble, other)]
    return PASSED if torch.equal(*logits) else "failed: other logits"


def _without_gradient(network: nn.Module, images: Tensor) -> set[str]:
    """Trainable parameters that a training step leaves without a finite gradient."""
    network.train().zero_grad()
    labels = torch.arange(len(images))
    with seeded(0):
        F.cross_entropy(network(images), labels).backward()
    missing = {
        name
        for name, each in network.named_parameters()
        if each.requires_grad and (each.grad is None or not bool(each.grad.isfinite().all()))
    }
    network.zero_grad()
    return missing


def _is_drawn(tensor: Tensor) -> bool:
    """Whether its values are not all one number, but for rounding."""
    return tensor.numel() > 1 and bool(tensor.std() > 1e-4 * tensor.abs().max())


def _fans(weight: Tensor) -> tuple[int, int]:
    """Weights of one output, and of one input; none where there is no such axis."""
    return (weight[0].numel(), weight[:, 0].numel()) if weight.dim() > 1 else (1, 1)


def _factor(ratio: float, wide: tuple[int, int], narrow: tuple[int, int]) -> float:
    """How far a ratio of std, narrow over wide, is from the nearest of authors' laws; at least 1.

    The laws: a constant, 1/sqrt(fan in), 1/sqrt(fan out).
    """
    laws = [1.0, *((large / small) ** 0.5 for large, small in zip(wide, narrow, strict=True))]
    return min(max(ratio / law, law / max(ratio, 1e-9)) for law in laws)


def _some(names: set[str]) -> str:
    """The first names, and how many there are."""
    shown = ", ".join(sorted(names)[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
