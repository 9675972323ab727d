"""Fresh weights as the network's own authors draw them, at widths that they did not choose."""

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import log, sqrt
from typing import Any

import torch
from torch import Tensor, nn

from cotrain.networks.foreign.narrow.reshaping import apply_record

# Fewer values than this tell nothing about a distribution's std.
_FEWEST = 64
# Gains c of std = c / sqrt(fan) that authors use: torch's default, LeCun's and Xavier's, He's.
_GAINS = (1 / sqrt(3), 1.0, sqrt(2))
# Values of std that authors write as numbers.
_CONSTANTS = (0.02, 0.01, 0.001, 0.05, 0.1, 1.0)


@dataclass(frozen=True, kw_only=True)
class Fans:
    """What a tensor's std may depend on; all of one output or one input of its layer.

    Args:
        constant: 1: std depends on nothing.
        fan_in: Weights of one output.
        fan_out: Weights of one input, of one group.
        all_out: As ``fan_out``, as torch counts it: all outputs, whatever the groups.
        mean: Of ``fan_in`` and ``all_out`` (Xavier).
    """

    constant: float = 1.0
    fan_in: float
    fan_out: float
    all_out: float
    mean: float


def fresh_narrow(build: Callable[[], nn.Module], changes: Mapping[str, Any]) -> nn.Module:
    """A freshly initialised narrow network.

    The large network is built afresh and narrowed: each tensor keeps evenly spaced values of the
    large one's, and with them its distribution, or its kind (zeros, tables, indices). Where the
    std of the large network's tensors follows 1/sqrt(fan), it is scaled to the narrow fan.

    Args:
        build: Makes the large network, freshly initialised.
        changes: A structural record.
    """
    network = build()
    # The fans of a layer change with the shape of any of its tensors.
    layers = {name.rpartition(".")[0] for name in changes.get("shapes", {})}
    fans = _all_fans(network)
    before = {name: fans[name] for name in fans if name.rpartition(".")[0] in layers}
    laws = _laws(network)
    apply_record(network, changes)
    after = _all_fans(network)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name in before and name in laws:
                old, new = getattr(before[name], laws[name]), getattr(after[name], laws[name])
                parameter.mul_(sqrt(old / new))
    return network


def fresh(instance: nn.Module) -> nn.Module:
    """A copy of a network whose builder is unknown, independently initialised.

    Every module that has ``reset_parameters`` is reset by it: torch's defaults, not always the
    authors' own scheme. Parameters of other modules are drawn anew from a normal distribution of
    their values' mean and std; those whose values are all equal are kept.
    """
    network = copy.deepcopy(instance)
    with torch.no_grad():
        for module in network.modules():
            reset = getattr(module, "reset_parameters", None)
            if isinstance(module, nn.MultiheadAttention):
                _reset_attention(module)
            elif callable(reset):
                reset()
            else:
                for parameter in module.parameters(recurse=False):
                    _redraw(parameter)
    return network


def _reset_attention(module: nn.MultiheadAttention) -> None:
    """As torch's constructor: Xavier weights, no biases."""
    for name, parameter in module.named_parameters(recurse=False):
        if parameter.dim() < 2:
            parameter.zero_()
        elif name.startswith("bias"):
            nn.init.xavier_normal_(parameter)
        else:
            nn.init.xavier_uniform_(parameter)


def _redraw(parameter: Tensor) -> None:
    if parameter.is_floating_point() and parameter.numel() > 1:
        mean, std = parameter.mean(), parameter.std()
        if std > 0:
            parameter.normal_().mul_(std).add_(mean)


def _all_fans(network: nn.Module) -> dict[str, Fans]:
    """By name, the fans of all weights, and of the biases beside them."""
    found = {}
    for prefix, module in network.named_modules():
        own = dict(module.named_parameters(recurse=False))
        weight = own.get("weight")
        for name, parameter in own.items():
            of = parameter if parameter.dim() >= 2 else weight
            if of is not None and of.dim() >= 2:
                found[f"{prefix}.{name}" if prefix else name] = _fans(module, of)
    return found


def _fans(module: nn.Module, weight: Tensor) -> Fans:
    groups = getattr(module, "groups", 1)
    field = weight[0, 0].numel()
    fan_in, all_out = weight.shape[1] * field, weight.shape[0] * field
    return Fans(
        fan_in=fan_in,
        fan_out=all_out / groups,
        all_out=all_out,
        mean=(fan_in + all_out) / 2,
    )


def _laws(network: nn.Module) -> dict[str, str]:
    """By random tensor of mean 0, the fan that the std follows in the tensors of its kind."""
    fans = _all_fans(network)
    kinds: dict[str, list[str]] = {}
    spreads = {}
    for name, parameter in network.named_parameters():
        std = parameter.detach().float().std().item() if parameter.numel() > 1 else 0.0
        if name in fans and std > 0 and abs(parameter.detach().float().mean().item()) < std:
            spreads[name] = (std, parameter.numel())
            kinds.setdefault(_kind(network, name), []).append(name)
    found = {}
    for names in kinds.values():
        law = _best_law([(fans[name], *spreads[name]) for name in names])
        found.update(dict.fromkeys(names, law))
    return found


def _kind(network: nn.Module, name: str) -> str:
    """Tensors that are alike: the class of their layer, their own name, grouped or not."""
    owner, _, own_name = name.rpartition(".")
    module = network.get_submodule(owner)
    grouped = getattr(module, "groups", 1) > 1
    place = re.sub(r"\d+", "", owner).rpartition(".")[2]
    return f"{type(module).__name__} {place} {own_name} {grouped}"


def _best_law(tensors: list[tuple[Fans, float, int]]) -> str:
    """The fan for which std * sqrt(fan) is most nearly one number, one that authors use."""
    telling = [each for each in tensors if each[2] >= _FEWEST] or tensors
    laws = ("constant", "fan_in", "fan_out", "all_out", "mean")
    return min(laws, key=lambda law: _misfit(law, telling))


def _misfit(law: str, tensors: list[tuple[Fans, float, int]]) -> float:
    """Mean distance of log(std * sqrt(fan)) from its median, and of that from a usual gain."""
    gains = sorted(log(std * sqrt(getattr(fans, law))) for fans, std, _ in tensors)
    middle = gains[len(gains) // 2]
    spread = sum(min(abs(gain - middle), 0.5) for gain in gains) / len(gains)
    usual = _CONSTANTS if law == "constant" else _GAINS
    return spread + min(0.5, *_distances(middle, usual)) * 0.5


def _distances(middle: float, usual: Iterable[float]) -> list[float]:
    return [abs(middle - log(each)) for each in usual]
