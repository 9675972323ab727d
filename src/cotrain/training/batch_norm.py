"""BatchNorm's statistics: taken anew before the first step, and shared by all processes."""

from itertools import islice

import pytorch_lightning as lightning
import torch
from pytorch_lightning.accelerators import CPUAccelerator
from torch import nn
from torch.optim.swa_utils import update_bn

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import derive_seed, seeded
from cotrain.config import Hardware
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


def synchronise(ensemble: Ensemble | Peer) -> None:
    """Have BatchNorm normalise by the batches of all processes; weights and their names remain.

    Args:
        ensemble: Before anything else holds its layers.
    """
    from timm.layers.norm_act import convert_sync_batchnorm  # imports timm's model zoo

    if not any(isinstance(layer, _KINDS) for layer in ensemble.modules()):
        say("hardware.sync_batch_norm=true: there is no BatchNorm, so nothing to synchronise")
    for network in ensemble.networks:
        convert_sync_batchnorm(network)


def check_synchronised(hardware: Hardware, trainer: lightning.Trainer) -> None:
    """Raise ConfigError if BatchNorm is to be synchronised and cannot be."""
    if not hardware.sync_batch_norm:
        return
    name = "hardware.sync_batch_norm=true"
    if trainer.world_size == 1:
        say(f"{name}: one process has the whole batch, so there is nothing to synchronise")
    elif isinstance(trainer.accelerator, CPUAccelerator):
        raise ConfigError(f"{name} works on GPUs alone (torch's SyncBatchNorm): leave it out")
