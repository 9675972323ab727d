"""Batches that are a pure function of (seed, epoch, step, rank), whatever loads them."""

import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import derive_seed
from cotrain.config import Views
from cotrain.data.images import Images
from cotrain.data.views.mixing import Batch, Mix, apply_mix, draw_mix
from cotrain.data.views.views import DrawnViews, apply_views, check_views, draw_views
from cotrain.ensemble.preprocessing import Preprocessing

_CAN_FORK = "fork" in multiprocessing.get_all_start_methods()


class Key(NamedTuple):
    """All that one training batch depends on, besides the seed and the rank."""

    epoch: int
    step: int
    indices: tuple[int, ...]


class EpochSampler(Sampler[Key]):
    """One key for each training step of an epoch; the last incomplete batch is dropped.

    Every epoch shuffles anew. Step t takes the next ``batch_size * world_size`` images, of which
    every rank gets its own ``batch_size``.

    Args:
        size: N, the number of images.
        batch_size: Images of one step on one rank.
        seed: The run's seed.
        epochs: Epochs of one schedule; those after begin again with the same batches.
        rank: Which of the processes that train together this is.
        world_size: How many they are.

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
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if size < batch_size * world_size:
            raise ConfigError(
                f"batch_size={batch_size} on {world_size} processes is more than the {size} "
                f"training images: give at most {size // world_size}"
            )
        self._size, self._batch_size, self._seed = size, batch_size, seed
        self._epochs, self._rank, self._world_size = epochs, rank, world_size
        self._epoch = self._start = 0

    def __len__(self) -> int:
        """Steps of a whole epoch, also when a resumed one starts later."""
        return self._size // (self._batch_size * self._world_size)

    def __iter__(self) -> Iterator[Key]:
        epoch = self._epoch % self._epochs if self._epochs else self._epoch
        generator = torch.Generator().manual_seed(derive_seed(self._seed, "order", epoch))
        order = torch.randperm(self._size, generator=generator).tolist()
        for step in range(self._start, len(self)):
            begin = (step * self._world_size + self._rank) * self._batch_size
            yield Key(epoch, step, tuple(order[begin : begin + self._batch_size]))

    def set_epoch(self, epoch: int) -> None:
        """Start ``epoch`` from its first step; changes nothing in the epoch it is at already."""
        if epoch != self._epoch:
            self.resume(epoch, 0)

    def resume(self, epoch: int, start: int) -> None:
        """Continue ``epoch`` with step ``start``, as if the steps before had been taken."""
        self._epoch, self._start = epoch, start


class DrawnBatch(NamedTuple):
    """A training batch before its views are made: few bytes, to be sent to a device."""

    views: DrawnViews
    targets: Tensor
    mix: Mix | None


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingBatches(Dataset[Batch | DrawnBatch]):
    """Training batches by key: S views of every image, mixed; see ``training_loader``."""

    images: Images
    views: Views
    preprocessing: Preprocessing
    num_classes: int
    into: int
    seed: int
    rank: int
    drawn: bool
    channels_last: bool

    def __getitem__(self, key: Key) -> Batch | DrawnBatch:
        batch = self.draw(key)
        return batch if self.drawn else self.finish(batch)

    def draw(self, key: Key) -> DrawnBatch:
        """Read the images and decide what is done to them, on the CPU."""
        place = (key.epoch, key.step, self.rank)
        seeds = [derive_seed(self.seed, "view", *place, network) for network in range(self.into)]
        images: Tensor | list[Tensor]
        if self.views.crop == "resized":
            images = [self.images.original(index) for index in key.indices]
        else:
            images = self.images.pixels(key.indices)
        return DrawnBatch(
            views=draw_views(images, self.views, self.preprocessing, seeds),
            targets=self.images.targets[torch.as_tensor(key.indices)],
            mix=draw_mix(
                len(key.indices),
                self.preprocessing.image_size,
                mixup=self.views.mixup,
                cutmix=self.views.cutmix,
                seed=derive_seed(self.seed, "mix", *place),
            ),
        )

    def finish(self, batch: DrawnBatch) -> Batch:
        """Make the views, and mix them, on the device that the batch is on."""
        views = apply_views(
            batch.views,
            self.views,
            self.preprocessing,
            into=self.into,
            channels_last=self.channels_last,
        )
        return apply_mix(Batch(views, batch.targets), batch.mix, self.num_classes)


@dataclass(frozen=True, kw_only=True, eq=False)
class EvaluationBatches(Dataset[Batch]):
    """Evaluation batches by their indices, without any augmentation."""

    images: Images
    preprocessing: Preprocessing | None

    def __getitem__(self, indices: Sequence[int]) -> Batch:
        pixels = self.images.pixels(indices)
        images = self.preprocessing.normalize(pixels) if self.preprocessing else pixels
        return Batch(images, self.images.targets[torch.as_tensor(indices)])


def training_loader(
    images: Images,
    *,
    views: Views,
    preprocessing: Preprocessing,
    num_classes: int,
    into: int,
    batch_size: int,
    seed: int,
    epochs: int | None = None,
    workers: int = 0,
    rank: int = 0,
    world_size: int = 1,
    drawn: bool = False,
    channels_last: bool = False,
) -> DataLoader[Batch]:
    """Shuffled batches of S views; its ``sampler`` is an ``EpochSampler``.

    Args:
        images: Training images.
        views: How an image becomes a view; mixup and cutmix.
        preprocessing: Size, mean and standard deviation.
        num_classes: Length of a soft target.
        into: S, the number of views of an image.
        batch_size: Images of one step on one rank.
        seed: The run's seed.
        epochs: Epochs of one schedule; those after begin again with the same batches.
        workers: Processes that make batches; their number changes no batch.
        rank: Which of the processes that train together this is.
        world_size: How many they are.
        drawn: Give a ``DrawnBatch``, which the ``dataset``'s ``finish`` makes the same batch
            of, on any device.
        channels_last: Lay views out as [S, B, H, W, C] in memory.

    Raises:
        ConfigError: Impossible views, or fewer images than one batch.
    """
    check_views(views, preprocessing)
    sampler = EpochSampler(
        len(images),
        batch_size=batch_size,
        seed=seed,
        epochs=epochs,
        rank=rank,
        world_size=world_size,
    )
    batches = TrainingBatches(
        images=images,
        views=views,
        preprocessing=preprocessing,
        num_classes=num_classes,
        into=into,
        seed=seed,
        rank=rank,
        drawn=drawn,
        channels_last=channels_last,
    )
    return _loader(batches, sampler, workers)


def evaluation_loader(
    images: Images,
    *,
    preprocessing: Preprocessing | None,
    batch_size: int,
    workers: int = 0,
    rank: int = 0,
    world_size: int = 1,
) -> DataLoader[Batch]:
    """All images in order; of the batches, rank r gets every ``world_size``-th from the r-th on.

    Without ``preprocessing`` they are pixels in 0..255.
    """
    starts = range(rank * batch_size, len(images), batch_size * world_size)
    indices = [range(start, min(start + batch_size, len(images))) for start in starts]
    return _loader(EvaluationBatches(images=images, preprocessing=preprocessing), indices, workers)


def _loader(
    batches: Dataset[Any], keys: Sampler[Key] | list[range], workers: int
) -> DataLoader[Any]:
    return DataLoader(
        batches,
        batch_size=None,  # a key is a whole batch
        sampler=keys,
        num_workers=workers,
        persistent_workers=workers > 0,
        # Forked workers share the images; in the processes of a comparison they would be copied.
        multiprocessing_context="fork" if workers and _CAN_FORK else None,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # or every pass would draw from the run's random state
    )
