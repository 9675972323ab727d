"""Which of the S networks a process trains, and what the processes tell each other.

With the others' predictions held constant, the gradient of the co-training loss with respect to a
network's own logits is exact (arXiv:2011.14660): networks on different machines exchange
predictions in a step, and neither weights nor gradients.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytorch_lightning as lightning
import torch
import torch.distributed as dist
from pytorch_lightning.strategies import DDPStrategy
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float
from cotrain.config import Experiment
from cotrain.data import Share
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.peers.peer import Peer
from cotrain.ensemble.soft_targets import full

Networks = list[nn.Module]


class NetworkParallel(lightning.Callback):
    """A grid of processes: ``size`` groups, each of which has some of the networks and all images.

    Processes of consecutive ranks have the same networks and different images, and average their
    gradients: those of one machine, where that is cheap. Before ``setup`` there is one process.

    Attributes:
        networks: Those that this process trains.
        share: Its part of the images.

    Args:
        ensembles: What is trained, and its moving average where there is one.
        size: Over how many groups the networks are spread; 1 gives all to every process.
    """

    def __init__(self, ensembles: Sequence[Ensemble | Peer], size: int) -> None:
        into = len(ensembles[0].networks)
        self._copies = [[each.networks[index] for each in ensembles] for index in range(into)]
        bounds = [into * part // size for part in range(size + 1)]
        self._parts = [range(*pair) for pair in pairwise(bounds)]
        self._part, self.share = 0, Share()
        # The processes that have the other networks and the same images.
        self._others: dist.ProcessGroup | None = None

    @property
    def networks(self) -> range:
        return self._parts[self._part]

    @property
    def is_first(self) -> bool:
        """Whether this process has the first networks: it counts for those with its images."""
        return self._part == 0

    @property
    def spreads(self) -> bool:
        """Whether a process has some of the networks only."""
        return len(self._parts) > 1

    def setup(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str
    ) -> None:
        """The processes have found each other: take this one's place. Gradients become means over
        those with the same networks."""
        size = len(self._parts)
        processes = trainer.world_size // size
        self._part, rank = divmod(trainer.global_rank, processes)
        self.share = Share(rank, processes)
        if not self.spreads:
            return
        strategy = trainer.strategy
        assert isinstance(strategy, DDPStrategy)
        grid = torch.arange(trainer.world_size).reshape(size, processes)
        make = dist.new_subgroups_by_enumeration
        same, _ = make(grid.tolist(), timeout=strategy._timeout)
        self._others = make(grid.T.tolist(), timeout=strategy._timeout)[0]  # type: ignore[assignment]
        strategy._ddp_kwargs |= {"process_group": same}
        others = {
            id(tensor)
            for copies in self._elsewhere()
            for network in copies
            for tensor in (*network.parameters(), *network.buffers())
        }
        named = (*pl_module.named_parameters(), *pl_module.named_buffers())
        ignored = [name for name, tensor in named if id(tensor) in others]
        DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(pl_module, ignored)

    def _elsewhere(self) -> list[Networks]:
        """The networks that other processes train."""
        return [each for index, each in enumerate(self._copies) if index not in self.networks]

    def on_train_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Drop what a checkpoint has of an optimizer for the others' networks."""
        for parameter in (p for copies in self._elsewhere() for p in copies[0].parameters()):
            trainer.optimizers[0].state.pop(parameter, None)

    def on_validation_epoch_start(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        """Validate the same networks in every process."""
        self.collect()

    def exchange(self, own: Float[Tensor, "N B C"]) -> Float[Tensor, "S B C"]:
        """What all networks say of the same images; gradients flow to this process's N alone.

        Args:
            own: What they say; every process that has the same images must call it.
        """
        if not self.spreads:
            return own
        own = full(own)
        most = max(map(len, self._parts))
        sent = own.new_zeros(most, *own.shape[1:])
        sent[: len(own)] = own.detach()
        received = [torch.empty_like(sent) for _ in self._parts]
        dist.all_gather(received, sent, group=self._others)
        parts = [each[: len(part)] for each, part in zip(received, self._parts, strict=True)]
        parts[self._part] = own
        return torch.cat(parts)

    def collect(self) -> None:
        """Give every process the networks as the first that trains each has them.

        All must call it. Where all train all, only BatchNorm's statistics differ between them.
        """
        if not (dist.is_available() and dist.is_initialized()):
            return
        sent = [
            dist.broadcast(tensor, src=self._trainer_of(index), async_op=True)
            for index, copies in enumerate(self._copies)
            for network in copies
            for tensor in (network.state_dict().values() if self.spreads else network.buffers())
        ]
        for each in sent:
            assert each is not None
            each.wait()

    def _trainer_of(self, index: int) -> int:
        part = next(part for part, own in enumerate(self._parts) if index in own)
        return part * self.share.world_size

    def complete(self, state: dict[int, Any]) -> None:
        """Give the first process all networks, and add to its optimizer's state, by number of
        parameter, what the others have of theirs; all must call it."""
        if not self.spreads:
            return
        self.collect()
        if self.share.rank > 0:
            return
        own = {number: _on_cpu(each) for number, each in state.items()}
        found: list[dict[int, Any]] = [{} for _ in self._parts]
        dist.gather_object(own, found if self.is_first else None, dst=0, group=self._others)
        for each in found:
            state.update(each)

    def clip(self, largest: float | None) -> None:
        """Scale all gradients so that their norm, over all S networks, is at most ``largest``.

        What the Trainer clips after it, by the norm of one process, is no larger any more.
        """
        if largest is None or not self.spreads:
            return
        networks = [self._copies[index][0] for index in self.networks]
        trained = [each for network in networks for each in network.parameters()]
        gradients = [each.grad for each in trained if each.grad is not None]
        squared = get_total_norm(gradients).square()
        dist.all_reduce(squared, group=self._others)
        clip_grads_with_norm_(trained, largest, squared.sqrt())


def _on_cpu(state: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.cpu() if isinstance(value, Tensor) else value for name, value in state.items()
    }


def check_network_parallel(experiment: Experiment, trainer: lightning.Trainer) -> None:
    """Raise ConfigError if the networks cannot be spread so, or over these processes."""
    size, processes = experiment.hardware.network_parallel, trainer.world_size
    name = f"hardware.network_parallel={size}"
    if size == 1:
        return
    if size > experiment.trained_networks:
        raise ConfigError(
            f"{name} is more than the networks that are trained: "
            f"give at most {experiment.trained_networks}"
        )
    if processes % size:
        raise ConfigError(
            f"{name} needs a multiple of {size} processes, not {processes}: give "
            f"hardware.devices={size}, or start so many with torchrun"
        )
    if not isinstance(trainer.strategy, DDPStrategy):
        raise ConfigError(f"{name} works with hardware.strategy=ddp alone: give that")
    if experiment.hardware.precision == "16-mixed":
        raise ConfigError(
            f"{name} does not go with hardware.precision=16-mixed, which scales the loss of all "
            "networks alike: give bf16-mixed or 32-true"
        )
