"""One optimizer over all networks: which parameters are decayed, and timm's optimizers by name."""

import difflib
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from cotrain.basics.errors import ConfigError
from cotrain.config import Hardware, Optimizer
from cotrain.dividing.regularization import divide_weight_decay
from cotrain.training.learning_rates import Scales


def parameter_groups(
    module: nn.Module, weight_decay: float, decayed: str, scales: Scales | None = None
) -> list[dict[str, Any]]:
    """Parameter groups of an optimizer: the decayed parameters, then the others.

    Those whose learning rate is another have groups of their own, with an ``lr_scale`` as timm's
    have.

    Args:
        module: Its trainable parameters are grouped.
        weight_decay: Weight decay of the first group; the second has 0.
        decayed: ``weights`` decays the weights of layers: no biases, norms, scales, embeddings,
            tokens and tables of position biases, and nothing that a network lists in its
            ``no_weight_decay()``, as those of timm do; ``paper`` decays every parameter whose name
            has neither "norm" nor "bias", hence also BatchNorm weights named otherwise (the tables
            of arXiv:2011.14660 were trained so); ``all`` decays everything.
        scales: By which the learning rates of parameters are multiplied, where that is not 1.

    Raises:
        ConfigError: ``decayed`` is unknown.
    """
    if decayed not in _IS_DECAYED:
        raise ConfigError(f"decayed={decayed!r} is unknown: give one of {', '.join(_IS_DECAYED)}")
    is_decayed, spared = _IS_DECAYED[decayed], _spared(module)
    members: dict[tuple[float, bool], list[nn.Parameter]] = {(1.0, True): [], (1.0, False): []}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            place = (scales or {}).get(parameter, 1.0), is_decayed(name, parameter, spared)
            members.setdefault(place, []).append(parameter)
    return [
        {
            "params": own,
            "weight_decay": weight_decay if decays else 0.0,
            **({} if scale == 1 else {"lr_scale": scale}),
        }
        for (scale, decays), own in members.items()
    ]


def build_optimizer(
    module: nn.Module,
    optimizer: Optimizer,
    into: int,
    scales: Scales | None = None,
    *,
    fused: bool = False,
) -> torch.optim.Optimizer:
    """The optimizer that ``optimizer`` describes, over all parameters of ``module``.

    ``sgd`` is torch's SGD with Nesterov momentum. ``momentum`` goes only to optimizers that have
    one. The paper's EfficientNet optimizer is ``rmsproptf`` with ``momentum: 0.9`` and
    ``options: {alpha: 0.9, eps: 0.001}``: eps inside the root, learning rate in the momentum
    buffer, L2 in the gradient, square average from 1.

    Args:
        module: All networks.
        optimizer: The settings, resolved.
        into: S, by which the weight decay is divided if ``divide_weight_decay`` says so.
        scales: As for ``parameter_groups``.
        fused: Step by one kernel; for those for which ``is_fused`` says so.

    Raises:
        ConfigError: The name is unknown, or the optimizer does not take the settings.
    """
    # timm imports its model zoo (not before an optimizer is needed) and marks no name as exported.
    from timm.optim import create_optimizer_v2, list_optimizers  # pyright: ignore

    _check_name(optimizer.name, [str(name) for name in list_optimizers()])
    weight_decay = optimizer.weight_decay
    assert weight_decay is not None  # an experiment says what suits
    if optimizer.divide_weight_decay:
        weight_decay = divide_weight_decay(weight_decay, into)
    # timm groups the parameters of a module by its own rules, but leaves given groups alone.
    groups = parameter_groups(module, weight_decay, optimizer.decayed, scales)
    settings = {"lr": optimizer.lr, "momentum": optimizer.momentum}
    options: dict[str, Any] = {**optimizer.options, **({"fused": True} if fused else {})}
    try:
        built = create_optimizer_v2(groups, opt=optimizer.name, **settings, **options)
    except (TypeError, ValueError, AssertionError, ImportError) as error:
        raise ConfigError(
            f"optimizer.name={optimizer.name} cannot be built with {settings} and "
            f"optimizer.options={optimizer.options}: {error}; change that setting"
        ) from error
    _check_options_used(optimizer, built)
    return built


# Of timm's names, those of torch's optimizers that have one kernel for a step.
_WITH_FUSED = ("sgd", "adam", "adamw")


def is_fused(optimizer: Optimizer, hardware: Hardware, device: torch.device) -> bool:
    """Whether one kernel makes the step, which in 16-mixed also spares a wait for the GPU.

    On a CPU it would be no faster, and round otherwise. Gradients that it unscales by itself cannot
    be clipped before.
    """
    clips_scaled = hardware.precision == "16-mixed" and optimizer.clip is not None
    own = {"fused", "foreach", "differentiable"} & optimizer.options.keys()
    return device.type == "cuda" and optimizer.name in _WITH_FUSED and not own and not clips_scaled


def scale_gradients(module: nn.Module, factor: float) -> None:
    """Multiply all gradients that there are."""
    for parameter in module.parameters():
        if parameter.grad is not None:
            parameter.grad.mul_(factor)


# Parts of the names of parameters that are no weights of a layer, whatever their dimensions.
_NO_WEIGHTS = ("bias", "embed", "token", "position", "rel_pos")


def _spared(module: nn.Module) -> set[nn.Parameter]:
    """What the networks' own lists and the kinds of their layers spare from ``weights``."""
    found: set[nn.Parameter] = set()
    for each in module.modules():
        own = dict(each.named_parameters())
        if isinstance(each, nn.Embedding | nn.EmbeddingBag):
            found |= set(own.values())
        listed = getattr(each, "no_weight_decay", set)()
        found |= {own[name] for name in listed if name in own}
    return found


def _is_weight(name: str, parameter: nn.Parameter, spared: set[nn.Parameter]) -> bool:
    """Whether a layer multiplies with it: not a vector, also where that is shaped [C, 1, 1]."""
    if parameter.ndim < 2 or parameter in spared:
        return False
    if "weight" in name.rpartition(".")[2]:
        return True
    is_vector = parameter.numel() == max(parameter.shape)
    return not is_vector and not any(part in name for part in _NO_WEIGHTS)


_IS_DECAYED: dict[str, Callable[[str, nn.Parameter, set[nn.Parameter]], bool]] = {
    "weights": _is_weight,
    "paper": lambda name, parameter, spared: "norm" not in name and "bias" not in name,
    "all": lambda name, parameter, spared: True,
}


# Optimizers of timm that cannot be used here.
_UNSUITABLE = {
    "adahessian": "needs second derivatives",
    "kron": "compiles code for minutes, and draws numbers that no checkpoint can repeat",
    "kronw": "compiles code for minutes, and draws numbers that no checkpoint can repeat",
}


def _check_name(name: str, known: list[str]) -> None:
    if name in _UNSUITABLE:
        raise ConfigError(f"optimizer.name={name} {_UNSUITABLE[name]}: give another, such as adamw")
    if name not in known:
        close = difflib.get_close_matches(name.lower(), known) or ["sgd", "adamw", "rmsproptf"]
        raise ConfigError(f"optimizer.name={name!r} is unknown: did you mean {', '.join(close)}?")


def _check_options_used(optimizer: Optimizer, built: torch.optim.Optimizer) -> None:
    """timm drops ``betas``, ``eps`` and its grouping options where they do not apply: say so."""
    dropped = sorted(set(optimizer.options) - set(built.defaults))
    if dropped:
        raise ConfigError(
            f"optimizer.options={optimizer.options}: optimizer.name={optimizer.name} has no "
            f"{', '.join(dropped)}; it has {', '.join(sorted(built.defaults))}"
        )
