"""Dividing: a large network of any origin becomes an ensemble of S."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import derive_seed, seeded
from cotrain.config.dividing import Budget, Check, Method
from cotrain.dividing import DivideOptions, divide_spec
from cotrain.dividing.any_network.divide import check_small
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.pretrained import pretrained_network
from cotrain.ensemble.spec import EnsembleSpec
from cotrain.networks import NetworkSpec, build, image_shape_of
from cotrain.networks.foreign.instances import spec_of
from cotrain.networks.registry import named_spec

Initialization = Literal["fresh", "identical", "inherit"]


def divide(
    network: str | NetworkSpec | nn.Module | Callable[[], nn.Module],
    into: int,
    *,
    example_input: Tensor | None = None,
    budget: Budget = "params",
    tolerance: float = 0.05,
    method: Method = "auto",
    widths: Mapping[int, int] | None = None,
    small: Callable[[], nn.Module] | None = None,
    check: Check = "quick",
    initialization: Initialization = "fresh",
    seed: int | None = None,
    sized_for: int | None = None,
    pretrained: bool | Path | str = False,
) -> Ensemble:
    """S networks that together cost about what ``network`` costs.

    Our own networks are divided by their published rules, whatever these cost. ``example_input``,
    ``budget``, ``tolerance``, ``method``, ``widths``, ``small`` and ``check`` are for all others.

    Args:
        network: The large network: a name (``wide_resnet28_10``, ``timm:convnext_tiny``,
            ``torchvision:resnet50``, ``hf:vit``) or a spec as ``cotrain.networks.spec`` takes and
            gives them; any ``nn.Module``; or a function that makes one.
        into: S; 1 is the large network itself.
        example_input: Images [B, C, H, W] as the network takes them, where it does not say so.
        budget: The cost to keep to: ``params``, ``macs`` or ``both``.
        tolerance: How far all S together may be from the large network's cost, as a share.
        method: How to make it smaller: by its ``constructor``, by its structure, or ``auto``.
        widths: Channels of the large network and what they become, if not all by one factor.
        small: A function that makes one of the S networks, if none of this divides it well.
        check: What is made sure of, besides costs, before a narrowed network is taken: ``none``,
            ``quick`` (what needs no weights, such as that no attention's scale is stale) or
            ``full`` (outputs in float64, too). Not of ``small``, which is your own function.
        initialization: ``fresh``, which keeps no weights, and warns of it where ``into`` is 1;
            ``inherit`` the weights of ``network``, a trained module or an ensemble of S=1; or
            ``identical`` weights in all networks (an ablation).
        seed: Seed of the initialisation; drawn from torch's random state if None.
        sized_for: How many networks of their size cost as much as ``network``, if not S.
        pretrained: True for the weights that timm or torchvision keep for the name, or that stand
            in an ``hf:`` folder; or a file of them. Smaller networks inherit from them; where
            ``into`` or ``sized_for`` is 1 each has them, with a head of its own.

    Raises:
        ConfigError: An unknown name, or a network that cannot be divided into S within tolerance,
            or that would compute something else.
    """
    if initialization not in get_args(Initialization):
        raise ConfigError(
            f"initialization={initialization!r} is not known: "
            f"use one of {list(get_args(Initialization))}"
        )
    options = DivideOptions(
        budget=budget, tolerance=tolerance, method=method, widths=widths, check=check
    )
    if into == 1 and initialization == "fresh" and isinstance(network, nn.Module):
        warnings.warn(
            "into=1 does not keep the module's weights: give initialization='inherit' to keep them",
            stacklevel=2,
        )
    if pretrained and initialization != "fresh":
        raise ConfigError(
            f"initialization={initialization!r} and pretrained={pretrained} are both what the "
            "networks start from: leave one out"
        )
    trained = _trained(network) if initialization == "inherit" else None
    large = _large_spec(network, example_input)
    narrow = _small_spec(large, small, sized_for or into, options)
    if seed is None:
        seed = int(torch.randint(2**62, ()))
    places = [0 if initialization == "identical" else index for index in range(into)]
    seeds = [derive_seed(seed, "init", place) for place in places]
    if pretrained and narrow == large:
        networks = [pretrained_network(large, pretrained, seed=each) for each in seeds]
    else:
        networks = [_build(narrow, each) for each in seeds]
        if pretrained:
            trained = pretrained_network(large, pretrained, seed=derive_seed(seed, "pretrained"))
    if trained is not None:
        from cotrain.dividing.inheriting import inherit  # torch.export takes long to import

        inherit(trained, networks, image_shape_of(large))
    return Ensemble(networks, EnsembleSpec.of_equal(narrow, into, large=large))


def _large_spec(network: Any, example_input: Tensor | None) -> NetworkSpec:
    """What rebuilds the large network."""
    if isinstance(network, str):
        return named_spec(network)
    if isinstance(network, Ensemble):
        return network.spec.large
    if isinstance(network, nn.Module) or callable(network):
        return spec_of(network, example_input)
    return network


def _small_spec(
    large: NetworkSpec,
    small: Callable[[], nn.Module] | None,
    into: int,
    options: DivideOptions,
) -> NetworkSpec:
    """What builds one of the S networks."""
    if small is None:
        return divide_spec(large, into, options)
    narrow = spec_of(small, torch.zeros(1, *image_shape_of(large)))
    check_small(large, narrow, into, options)
    return narrow


def _trained(network: Any) -> nn.Module:
    """The module whose weights are inherited."""
    if isinstance(network, Ensemble) and network.spec.is_large:
        return network.networks[0]
    if isinstance(network, Ensemble) or not isinstance(network, nn.Module):
        raise ConfigError(
            "initialization='inherit' needs trained weights: give the large network as a module, "
            "or as an ensemble of S=1"
        )
    return network


def _build(spec: NetworkSpec, seed: int) -> nn.Module:
    with seeded(seed):
        return build(spec)
