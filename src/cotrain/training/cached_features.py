"""What frozen backbones make of the images, computed once for several epochs."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from cotrain.basics.errors import ConfigError
from cotrain.basics.machine import free_memory
from cotrain.data import Batch, Images, Splits
from cotrain.data.epoch_order import Key
from cotrain.ensemble.ensemble import Ensemble
from cotrain.ensemble.peers.peer import Peer
from cotrain.networks.evaluating import evaluating
from cotrain.networks.heads import features_of, one_head
from cotrain.training.notices import say


class FeatureBatch(NamedTuple):
    """Features with their targets, in place of a ``Batch`` of images.

    Attributes:
        images: Of each network, [B, ...].
        targets: Classes, int64 [B].
    """

    images: list[Tensor]
    targets: Tensor


_LARGEST_SHARE = 0.5  # of the memory that is free; the rest is for images and networks


class FeatureCache:
    """The features of ``k`` views of each training image, and of the validation images.

    A feature is what a network's head gets. Each network has those of its own views. Epoch e of
    the frozen ones takes view e modulo k.

    Args:
        ensemble: The networks.
        splits: The images.
        views: k.

    Raises:
        ConfigError: A network's head cannot be told from its backbone, or the features would take
            more memory than there is.
    """

    def __init__(self, ensemble: Ensemble | Peer, splits: Splits, views: int) -> None:
        found = [one_head(network, ensemble.image_shape) for network in ensemble.networks]
        self._heads = [name for name, _ in found]
        self._views, self._splits = views, splits
        self._train: list[list[Tensor]] = []
        self._val: list[Tensor] = []
        self._check_memory(sum(torch.Size(shape).numel() for _, shape in found))

    def _check_memory(self, numbers: int) -> None:
        """Raise ConfigError where float32 features of all images would not fit."""
        images = self._views * len(self._splits.train) + len(self._splits.val or ())
        needed, free = 4 * numbers * images, free_memory()
        if free is not None and needed > _LARGEST_SHARE * free:
            raise ConfigError(
                f"fine_tuning.cached_views={self._views} would take {needed / 1e9:.1f} GB, more "
                f"than half of the {free / 1e9:.1f} GB of memory that are free: give fewer, or 0"
            )

    @property
    def filled(self) -> bool:
        """Whether batches hold features, and not images."""
        return bool(self._train)

    def fill(
        self,
        ensemble: Ensemble | Peer,
        train: Callable[[int], Iterable[Batch]],
        val: Iterable[Batch],
        context: Callable[[], AbstractContextManager[object]],
    ) -> None:
        """Compute all features, and say what they take.

        Args:
            ensemble: Its backbones are frozen.
            train: Batches of one view of each training image, in the order of the images, on the
                networks' device.
            val: Batches of the validation images, likewise.
            context: What a training step is in: autocast, where precision asks for it.
        """
        begun = time.perf_counter()
        with evaluating(ensemble), torch.no_grad(), context():
            self._train = [self._features(ensemble, train(view)) for view in range(self._views)]
            self._val = self._features(ensemble, val)
        size = sum(each.nbytes for own in (*self._train, self._val) for each in own)
        say(
            f"fine_tuning.cached_views={self._views}: features of {len(self._splits.train)} "
            f"training images computed in {time.perf_counter() - begun:.1f} s, {size / 1e6:.1f} MB"
        )

    def _features(self, ensemble: Ensemble | Peer, batches: Iterable[Batch]) -> list[Tensor]:
        """Of each network, [N, ...]."""
        found: list[list[Tensor]] = [[] for _ in self._heads]
        for batch in batches:
            images = batch.images
            views = images if images.dim() == 5 else images.expand(len(found), *images.shape)
            each = zip(found, ensemble.networks, self._heads, views, strict=True)
            for own, network, head, view in each:
                features = features_of(network, head, view)
                assert features is not None  # it ran when the cache was made
                own.append(features.cpu())
        return [torch.cat(own) for own in found if own]

    def clear(self) -> None:
        """Give the memory back: batches hold images again."""
        self._train, self._val = [], []

    def training_batch(self, key: Key) -> FeatureBatch:
        """The features of the images of a key, in place of their views."""
        return _batch(self._train[key.epoch % self._views], self._splits.train, key.indices)

    def validation_batch(self, indices: Sequence[int]) -> FeatureBatch:
        """The features of some validation images."""
        assert self._splits.val is not None
        return _batch(self._val, self._splits.val, indices)

    def answer(self, ensemble: Ensemble | Peer, given: Any) -> Tensor:
        """Logits [S, B, C] of what a batch holds: images, or the features of each network."""
        if not self.filled:
            return ensemble(given)
        layers = [
            network.get_submodule(head)
            for network, head in zip(ensemble.networks, self._heads, strict=True)
        ]
        return torch.stack(
            [layer(own).flatten(1) for layer, own in zip(layers, given, strict=True)]
        )


def _batch(features: list[Tensor], images: Images, indices: Sequence[int]) -> FeatureBatch:
    which = torch.as_tensor(indices)
    return FeatureBatch([own[which] for own in features], images.targets[which])


class CachedBatches(Iterable[Any]):
    """The batches of a loader, or of the cache as long as it is filled.

    Args:
        loader: Its ``sampler`` gives a key for each batch. Lightning sets the epoch of both of
            its samplers.
        cache: What may be filled when an epoch begins.
        batch: The cached batch of a key.
    """

    def __init__(
        self, loader: DataLoader[Any], cache: FeatureCache, batch: Callable[[Any], FeatureBatch]
    ) -> None:
        self.loader, self._cache, self._batch = loader, cache, batch
        self.sampler, self.batch_sampler = loader.sampler, loader.batch_sampler

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        yield from map(self._batch, self.sampler) if self._cache.filled else self.loader
