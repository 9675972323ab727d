"""BatchNorm's statistics of networks that inherit, taken from the images before the first step."""

from itertools import islice

import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from cotrain.basics.seeds import derive_seed, seeded
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.peers.peer import Peer
from cotrain.training.datamodule import Loaders
from cotrain.training.notices import say

# Enough for means over many pixels; a training pass over them takes seconds.
_IMAGES = 1024
_KINDS = nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm


def has_statistics(layer: nn.Module) -> bool:
    """Whether it is a BatchNorm that keeps running statistics."""
    return isinstance(layer, _KINDS) and layer.track_running_stats


def keeps_wrong_statistics(ensemble: Ensemble | Peer) -> bool:
    """Whether the networks have BatchNorm statistics of a larger network's channels.

    What a layer adds up has changed where channels were left out, so that statistics that were cut
    out of the large network's fit only roughly. A network of the whole size keeps right ones.

    Args:
        ensemble: Networks that start from trained weights.
    """
    if isinstance(ensemble, Peer) or ensemble.spec.divided is None:
        return False
    narrower = ensemble.spec.network != ensemble.spec.divided
    return narrower and any(has_statistics(layer) for layer in ensemble.modules())


def take_statistics(ensemble: Ensemble | Peer, loaders: Loaders, device: torch.device) -> None:
    """Replace the statistics by means over the first training views of each network.

    Args:
        ensemble: On the CPU, where it stays.
        loaders: Of the training images.
        device: Where to compute.
    """
    batch_size, training = loaders.experiment.batch_size, loaders.training()
    count = min(len(training), max(_IMAGES // batch_size, 1))
    with seeded(derive_seed(loaders.experiment.seed, "statistics")):
        update_bn(islice(training, count), ensemble.to(device), device)
    ensemble.cpu()
    say(f"BatchNorm's statistics are taken anew, from {count * batch_size} training images")
