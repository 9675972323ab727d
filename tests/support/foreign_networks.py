"""Weights as others save them, for the tests that import them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from cotrain.dividing import divide_spec
from cotrain.networks import build, family_of, spec


def randomized(network: nn.Module) -> nn.Module:
    """The network with weights and BatchNorm statistics that a training might leave."""
    for name, value in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            value.fill_(7)
        elif value.dim() > 1:
            value.normal_(0, value[0].numel() ** -0.5)
        elif name.endswith(("running_var", "weight")):
            value.uniform_(0.5, 1.5)
        else:
            value.normal_(0, 0.5)
    return network.eval()


def written(arch: str, dataset: str, into: int) -> list[nn.Module]:
    """S networks whose weights a file of the authors could hold."""
    large = spec(arch, dataset=dataset)
    if "unused_shortcuts" in family_of(large).switches:
        large = replace(large, unused_shortcuts=True)  # type: ignore[type-var]
    torch.manual_seed(0)
    return [randomized(build(divide_spec(large, into))) for _ in range(into)]


def foreign_names(network: nn.Module, prefix: str) -> dict[str, Tensor]:
    """The tensors in their order, under names that have only the last part in common with ours."""
    state = network.state_dict().items()
    return {f"{prefix}l{n}.{name.split('.')[-1]}": each for n, (name, each) in enumerate(state)}


def names_of(networks: Sequence[nn.Module], prefix: str = "module.") -> dict[str, Tensor]:
    """The state dict of S networks in the authors' order and prefixes."""
    state: dict[str, Tensor] = {}
    for index, network in enumerate(networks):
        state |= foreign_names(network, f"{prefix}models.{index}.")
    return state


def save(path: Path, state: object, **others: object) -> Path:
    """A file as the authors' training leaves it."""
    record = {
        "epoch": 300,
        "arch": "x",
        "best_acc1": 82.5,
        "optimizer": {"state": {}},
        "scaler": {},
    }
    torch.save({**record, "state_dict": state, **others}, path)
    return path
