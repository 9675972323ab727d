"""Which images make which training batch: a pure function of (seed, epoch, batch)."""

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
        begun: How many there were when the run began; as many if None.
    """

    rank: int = 0
    world_size: int = 1
    begun: int | None = None

    def steps(self, batches: int) -> int:
        """How many of an epoch's batches each has: those of whole rounds when the run began."""
        begun = self.begun or self.world_size
        return batches // begun * begun // self.world_size

    def batch(self, step: int) -> int:
        """The number, in the epoch, of the batch that this one has in a step."""
        return step * self.world_size + self.rank


ALONE = Share()


class Key(NamedTuple):
    """All that one training batch depends on, besides the seed, whichever process makes it."""

    epoch: int
    batch: int
    indices: tuple[int, ...]


_MIXED = 4  # shards at once, which are some thousands of images


def order_by_shards(shards: Tensor, generator: torch.Generator) -> Tensor:
    """All images, shuffled: a few shards at once, drawn anew, and the images in these.

    Args:
        shards: The number of the shard of each image, int64 [N].
        generator: All that the order depends on.
    """
    numbers = shards.unique()
    numbers = numbers[torch.randperm(len(numbers), generator=generator)]
    order = []
    for some in numbers.split(_MIXED):
        images = torch.isin(shards, some).nonzero().flatten()
        order.append(images[torch.randperm(len(images), generator=generator)])
    return torch.cat(order)


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
        shards: Which file each image lies in with others; an epoch takes a few after the other.

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
        shards: Tensor | None = None,
    ) -> None:
        if size < batch_size * share.world_size:
            raise ConfigError(
                f"batch_size={batch_size} on {share.world_size} processes is more than the {size} "
                f"training images: give at most {size // share.world_size}"
            )
        self._size, self._batch_size, self._seed = size, batch_size, seed
        self._epochs, self._share = epochs, share
        self._by_class, self._shards = by_class, shards
        self._epoch = self._start = 0

    def __len__(self) -> int:
        """Steps of a whole epoch, also when a resumed one starts later."""
        return self._share.steps(self._size // self._batch_size)

    def __iter__(self) -> Iterator[Key]:
        return self.keys(self._epoch, self._start)

    def keys(self, epoch: int, start: int) -> Iterator[Key]:
        """The keys of an epoch from step ``start`` on."""
        epoch = epoch % self._epochs if self._epochs else epoch
        generator = torch.Generator().manual_seed(derive_seed(self._seed, "order", epoch))
        order = self._order(generator).tolist()
        for step in range(start, len(self)):
            batch = self._share.batch(step)
            begin = batch * self._batch_size
            yield Key(epoch, batch, tuple(order[begin : begin + self._batch_size]))

    def _order(self, generator: torch.Generator) -> Tensor:
        if self._by_class is not None:
            return balanced_order(self._by_class, generator)
        if self._shards is not None:
            return order_by_shards(self._shards, generator)
        return torch.randperm(self._size, generator=generator)

    def set_epoch(self, epoch: int) -> None:
        """Start ``epoch`` from its first step; changes nothing in the epoch it is at already."""
        if epoch != self._epoch:
            self.resume(epoch, 0)

    def resume(self, epoch: int, start: int) -> None:
        """Continue ``epoch`` with step ``start``, as if the steps before had been taken."""
        self._epoch, self._start = epoch, start
