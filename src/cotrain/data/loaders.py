"""Batches that are a pure function of (seed, epoch, batch), whatever loads them."""

import multiprocessing
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from cotrain.data.batches import EvaluationBatches, TrainingBatches
from cotrain.data.epoch_order import ALONE, EpochSampler, Key, Share
from cotrain.data.images import FileImages, Images
from cotrain.data.views.mixing import Batch
from cotrain.data.views.views import check_views
from cotrain.data.worker_processes import Loader, begin_worker
from cotrain.ensemble.preprocessing import Preprocessing

_CAN_FORK = "fork" in multiprocessing.get_all_start_methods()


def training_loader(
    batches: TrainingBatches,
    *,
    batch_size: int,
    epochs: int | None = None,
    by_class: Sequence[Tensor] | None = None,
    share: Share = ALONE,
    workers: int = 0,
    pin: bool = False,
) -> DataLoader[Batch]:
    """Shuffled batches of S views; its ``sampler`` is an ``EpochSampler``.

    Args:
        batches: How batches are made.
        batch_size: Images of one step on one rank.
        epochs: Epochs of one schedule; those after begin again with the same batches.
        by_class: Indices of the images of each class, to draw as many of every class.
        share: Which of the processes that train together this is.
        workers: Processes that make batches; their number changes no batch.
        pin: Lay batches where a GPU fetches them without waiting, which takes a context on it.

    Raises:
        ConfigError: Impossible views, or fewer images than one batch.
    """
    check_views(batches.views, batches.preprocessing)
    sampler = EpochSampler(
        len(batches.images),
        batch_size=batch_size,
        seed=batches.seed,
        epochs=epochs,
        share=share,
        by_class=by_class,
        shards=batches.images.shards if isinstance(batches.images, FileImages) else None,
    )
    return _loader(batches, sampler, workers, pin)


def ordered_loader(
    batches: TrainingBatches,
    *,
    batch_size: int,
    epoch: int,
    workers: int = 0,
    pin: bool = False,
) -> DataLoader[Batch]:
    """Views of all images in their order, none left out, as an epoch of their own would draw them.

    ``pin`` as for ``training_loader``.
    """
    everything = range(len(batches.images))
    keys = [
        Key(epoch, batch, tuple(everything[start : start + batch_size]))
        for batch, start in enumerate(range(0, len(everything), batch_size))
    ]
    return _loader(batches, keys, workers, pin)


def evaluation_loader(
    images: Images,
    *,
    preprocessing: Preprocessing | None,
    batch_size: int,
    workers: int = 0,
    share: Share = ALONE,
    pin: bool = False,
) -> DataLoader[Batch]:
    """All images in order; of the batches, rank r gets every ``world_size``-th from the r-th on.

    Without ``preprocessing`` they are pixels in 0..255. ``pin`` as for ``training_loader``.
    """
    steps = range(share.rank * batch_size, len(images), batch_size * share.world_size)
    indices = [range(start, min(start + batch_size, len(images))) for start in steps]
    batches = EvaluationBatches(images=images, preprocessing=preprocessing)
    return _loader(batches, indices, workers, pin)


def _loader(
    batches: Dataset[Any], keys: Sampler[Key] | Sequence[Key] | list[range], workers: int, pin: bool
) -> DataLoader[Any]:
    return Loader(
        batches,
        batch_size=None,  # a key is a whole batch
        sampler=keys,
        num_workers=workers,
        persistent_workers=workers > 0,
        worker_init_fn=begin_worker,
        # Forked workers share the images; in the processes of a comparison they would be copied.
        multiprocessing_context="fork" if workers and _CAN_FORK else None,
        pin_memory=pin,
        generator=torch.Generator(),  # or every pass would draw from the run's random state
    )
