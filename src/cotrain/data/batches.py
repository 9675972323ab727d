"""What a batch is made of: images read, views drawn and made, targets."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from cotrain.basics.seeds import derive_seed
from cotrain.config import Views
from cotrain.data.epoch_order import Key
from cotrain.data.images import Images
from cotrain.data.views.augmentation import enough_for_crops
from cotrain.data.views.mixing import Batch, Mix, apply_mix, draw_mix
from cotrain.data.views.own_views import ViewedImages
from cotrain.data.views.views import DrawnViews, apply_views, draw_views
from cotrain.ensemble.preprocessing import Preprocessing


class DrawnBatch(NamedTuple):
    """A training batch before its views are made: few bytes, to be sent to a device."""

    views: DrawnViews
    targets: Tensor
    mix: Mix | None


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingBatches(Dataset[Batch | DrawnBatch]):
    """Training batches by key: S views of every image, mixed.

    Args:
        images: Training images.
        views: How an image becomes a view; mixup and cutmix.
        preprocessing: Size, mean and standard deviation.
        num_classes: Length of a soft target.
        into: S, the number of networks.
        networks: Those whose views are made; all if None.
        seed: The run's seed.
        drawn: Give a ``DrawnBatch``, of which ``finish`` makes the same batch on any device.
        channels_last: Lay views out as [S, B, H, W, C] in memory.
    """

    images: Images
    views: Views
    preprocessing: Preprocessing
    num_classes: int
    into: int
    seed: int
    drawn: bool = False
    channels_last: bool = False
    networks: range | None = None

    def __getitem__(self, key: Key) -> Batch | DrawnBatch:
        batch = self.draw(key)
        return batch if self.drawn else self.finish(batch)

    def draw(self, key: Key) -> DrawnBatch:
        """Read the images and decide what is done to them, on the CPU."""
        place = (key.epoch, key.batch, 0)
        seen = range(1) if self.views.same_view else self._networks
        seeds = [derive_seed(self.seed, "view", *place, network) for network in seen]
        return DrawnBatch(
            views=self._views(key.indices, seeds),
            targets=self.images.targets[torch.as_tensor(key.indices)],
            mix=self.mix(key),
        )

    def mix(self, key: Key) -> Mix | None:
        """How the images of a batch are mixed; None if they are not."""
        return draw_mix(
            len(key.indices),
            self.preprocessing.image_size,
            mixup=self.views.mixup,
            cutmix=self.views.cutmix,
            seed=derive_seed(self.seed, "mix", key.epoch, key.batch, 0),
        )

    def unmixed(self) -> "TrainingBatches":
        """The same views, of which none is mixed."""
        return replace(self, views=replace(self.views, mixup=0.0, cutmix=0.0))

    @property
    def _networks(self) -> range:
        return range(self.into) if self.networks is None else self.networks

    def _views(self, indices: Sequence[int], seeds: Sequence[int]) -> DrawnViews:
        if isinstance(self.images, ViewedImages):
            return self.images.draw(indices, seeds)
        images: Tensor | list[Tensor]
        if self.views.crop == "resized":
            size, least = self.preprocessing.image_size, self.views.scale[0]
            enough = partial(enough_for_crops, size=size, least=least) if self.views.draft else None
            images = [self.images.original(index, enough) for index in indices]
        else:
            images = self.images.pixels(indices)
        return draw_views(images, self.views, self.preprocessing, seeds)

    def finish(self, batch: DrawnBatch) -> Batch:
        """Make the views, and mix them, on the device that the batch is on."""
        views = apply_views(
            batch.views,
            self.views,
            self.preprocessing,
            into=len(self._networks),
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
