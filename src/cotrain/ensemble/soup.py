"""The mean of the weights of several ensembles: one ensemble, at the cost of one."""

import copy
from collections.abc import Mapping, Sequence

import torch

from cotrain.basics.errors import ConfigError
from cotrain.ensemble.ensemble import Ensemble


@torch.no_grad()
def average(ensembles: Sequence[Ensemble]) -> Ensemble:
    """Network by network the mean of weights and buffers; counters are the first one's.

    BatchNorm's statistics are no means of statistics: take them anew before it answers.

    Args:
        ensembles: Of one description, as ``check_alike`` makes sure.
    """
    soup = copy.deepcopy(ensembles[0])
    soup.spec = soup.spec.unfitted()
    states = [each.state_dict() for each in ensembles]
    for name, tensor in soup.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.stack([state[name].double() for state in states]).mean(0))
    return soup


def check_alike(ensembles: Mapping[str, Ensemble]) -> None:
    """Raise ConfigError unless all have one description but for what was fitted to them.

    Args:
        ensembles: By the name that the error gives.
    """
    (first, model), *others = ensembles.items()
    for name, each in others:
        for field in ("divided", "into", "members", "classes", "preprocessing", "combine"):
            if getattr(each.spec, field) != getattr(model.spec, field):
                what = {"divided": "large network", "members": "network"}.get(field, field)
                raise ConfigError(
                    f"{name} has another {what} than {first}: weights can be averaged only of "
                    "networks, classes and images that are the same"
                )
