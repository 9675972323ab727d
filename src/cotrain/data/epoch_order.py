"""Which images make which training batch: a pure function of (seed, epoch, step, rank)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Sampler

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import derive_seed
from cotrain.data.class_balance import balanced_order


@dataclass(frozen=True)
class Share:
    """The part of the work that one of several processes does.

    Args:
        rank: Which of them, from 0.
        world_size: How many they are.
    """

    rank: int = 0
    world_size: int = 1


ALONE = Share()


class Key(NamedTuple):
    """All that one training batch depends on, besides the seed and the rank."""

    epoch: int
    step: int
    indices: tuple[int, ...]


class EpochSampler(Sampler[Key]):
    """One key for each training step of an epoch; the last incomplete batch is dropped.

    Every epoch shuffles anew. Step t takes the next ``batch_size * world_size`` images, of which
    every rank gets its own ``batch_size``. With ``by_class`` N images are drawn instead, of every
    class as many.

    Args:
        size: N, the number of images.
        batch_size: Images of one step on one rank.
        seed: The run's seed.
        epochs: Epochs of one schedule; those after begin again with the same batches.
        share: Which of the processes that train together this is.
        by_class: Indices of the images of each class.

    Raises:
        ConfigError: There is not one whole batch.
    """

    def __init__(
        self,
        size: int,
        *,
        batch_size: int,
        seed: int,
        epochs: int | None = None,
        share: Share = ALONE,
        by_class: Sequence[Tensor] | None = None,
    ) -> None:
        if size < batch_size * share.world_size:
            raise ConfigError(
                f"batch_size={batch_size} on {share.world_size} processes is more than the {size} "
                f"training images: give at most {size // share.world_size}"
            )
        self._size, self._batch_size, self._seed = size, batch_size, seed
        self._epochs, self._share, self._by_class = epochs, share, by_class
        self._epoch = self._start = 0

    def __len__(self) -> int:
        """Steps of a whole epoch, also when a resumed one starts later."""
        return self._size // (self._batch_size * self._share.world_size)

    def __iter__(self) -> Iterator[Key]:
        epoch = self._epoch % self._epochs if self._epochs else self._epoch
        generator = torch.Generator().manual_seed(derive_seed(self._seed, "order", epoch))
        if self._by_class is None:
            order = torch.randperm(self._size, generator=generator).tolist()
        else:
            order = balanced_order(self._by_class, generator).tolist()
        for step in range(self._start, len(self)):
            begin = (step * self._share.world_size + self._share.rank) * self._batch_size
            yield Key(epoch, step, tuple(order[begin : begin + self._batch_size]))

    def set_epoch(self, epoch: int) -> None:
        """Start ``epoch`` from its first step; changes nothing in the epoch it is at already."""
        if epoch != self._epoch:
            self.resume(epoch, 0)

    def resume(self, epoch: int, start: int) -> None:
        """Continue ``epoch`` with step ``start``, as if the steps before had been taken."""
        self._epoch, self._start = epoch, start
