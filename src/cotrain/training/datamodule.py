"""The loaders of a training run, as the LightningDataModule that the Trainer asks for them."""

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.plugins.precision import DoublePrecision
from torch.utils.data import DataLoader

from cotrain.basics.errors import ConfigError
from cotrain.config import Experiment
from cotrain.data import (
    Batch,
    DrawnBatch,
    Share,
    Splits,
    TrainingBatches,
    evaluation_loader,
    ordered_loader,
    training_loader,
)
from cotrain.data.class_balance import images_by_class
from cotrain.data.epoch_order import ALONE
from cotrain.training.cached_features import CachedBatches
from cotrain.training.module import CoTraining


class Loaders(lightning.LightningDataModule):
    """The loaders of one process; its rank is known only once the Trainer has started it.

    A GPU gets pixels and what is to be done to them, and makes the views itself.

    Args:
        experiment: Batch size, views and workers.
        splits: The images.
        begun: How many processes began the run; as many as train it now if None.

    Raises:
        ConfigError: As many images of every class are asked for, and one has none.
    """

    def __init__(self, experiment: Experiment, splits: Splits, begun: int | None = None) -> None:
        super().__init__()
        self._begun = begun
        self.experiment = experiment
        self.splits = splits
        balances = experiment.weights.sampler == "balanced"
        train = splits.train.targets
        self._by_class = images_by_class(train, splits.classes) if balances else None
        self._stream: torch.cuda.Stream | None = None
        self._batches: TrainingBatches | None = None

    def train_dataloader(self) -> DataLoader | CachedBatches:
        """Training batches, from the one at which a resumed run goes on."""
        assert self.trainer is not None
        module = self.trainer.lightning_module
        assert isinstance(module, CoTraining)
        spread = module.spread
        share = replace(spread.share, begun=self._begun)
        loader = self.training(share, networks=spread.networks, drawn=self._on_gpu())
        loader.sampler.resume(*module.next_batch)  # type: ignore[union-attr]
        cache = module.cache
        return loader if cache is None else CachedBatches(loader, cache, cache.training_batch)

    def all_views(self, view: int) -> Iterator[Batch]:
        """One view of every training image, in their order, on the device; nothing is mixed."""
        assert self._batches is not None  # those of ``train_dataloader``
        loader = ordered_loader(
            self._batches,
            batch_size=self.experiment.batch_size,
            epoch=view,
            workers=self.experiment.data.workers,
            pin=self._on_gpu(),
        )
        return self._sent(loader)

    def all_validation(self) -> Iterator[Batch]:
        """Every validation image, on the device."""
        return self._sent(() if self.splits.val is None else self._validation())

    def _sent(self, batches: Iterable[Batch | DrawnBatch]) -> Iterator[Batch]:
        assert self.trainer is not None
        for batch in batches:
            yield self.transfer_batch_to_device(batch, self.trainer.strategy.root_device, 0)

    def training(
        self, share: Share = ALONE, *, networks: range | None = None, drawn: bool = False
    ) -> DataLoader:
        """Training batches, for all networks if None; if ``drawn`` those that become views on the
        device, a GPU."""
        experiment, splits = self.experiment, self.splits
        numbers = experiment.network_numbers
        batches = TrainingBatches(
            images=splits.train,
            views=experiment.views,
            preprocessing=splits.preprocessing,
            num_classes=len(splits.classes),
            into=experiment.into,
            networks=numbers if networks is None else numbers[networks.start : networks.stop],
            seed=experiment.seed,
            drawn=drawn,
            channels_last=experiment.hardware.channels_last,
        )
        loader = training_loader(
            batches,
            batch_size=experiment.batch_size,
            epochs=experiment.epochs,
            by_class=self._by_class,
            share=share,
            workers=experiment.data.workers,
            pin=drawn and torch.cuda.is_available(),
        )
        self._batches = batches
        return loader

    def transfer_batch_to_device(
        self, batch: Batch | DrawnBatch, device: torch.device, dataloader_idx: int
    ) -> Batch:
        """Send a batch, and make its views where they are not made yet.

        On a GPU this runs beside the step before: some of torchvision's operations wait for what
        was asked of the GPU before them, and shall not wait for that step.
        """
        if not isinstance(batch, DrawnBatch):
            return self._converted(super().transfer_batch_to_device(batch, device, dataloader_idx))
        if device.type == "cuda" and self._stream is None:
            self._stream = torch.cuda.Stream(device)
        assert self._batches is not None
        with nullcontext() if self._stream is None else torch.cuda.stream(self._stream):
            sent = super().transfer_batch_to_device(batch, device, dataloader_idx)
            finished = self._converted(self._batches.finish(sent))
        if self._stream is not None:
            step = torch.cuda.current_stream(device)
            step.wait_stream(self._stream)
            for tensor in finished:
                tensor.record_stream(step)  # or its memory could be used again too early
        return finished

    def _converted(self, batch: Batch) -> Batch:
        """In float64 where the networks are: Lightning converts what loaders give, before this."""
        is_double = self.experiment.hardware.precision == "64-true"
        return DoublePrecision().convert_input(batch) if is_double else batch

    def val_dataloader(self) -> DataLoader | CachedBatches:
        """Validation batches; there are some whenever the Trainer asks."""
        assert self.trainer is not None
        module = self.trainer.lightning_module
        assert isinstance(module, CoTraining)
        loader, cache = self._validation(), module.cache
        return loader if cache is None else CachedBatches(loader, cache, cache.validation_batch)

    def _validation(self) -> DataLoader:
        assert self.splits.val is not None
        assert self.trainer is not None
        share = Share(self.trainer.global_rank, self.trainer.world_size)
        # Every process must have a batch: all take part in what follows a validation.
        most = max(len(self.splits.val) // share.world_size, 1)
        return evaluation_loader(
            self.splits.val,
            preprocessing=self.splits.preprocessing,
            batch_size=min(self.experiment.batch_size, most),
            workers=self.experiment.data.workers,
            share=share,
            pin=self._on_gpu(),
        )

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of the images: their digest."""
        return {"digest": self.splits.record and self.splits.record.digest}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Raise ConfigError if the run was trained on other images up to here."""
        if state_dict != self.state_dict():
            raise ConfigError(
                "the images, their classes or their parts are not those that the run was trained "
                "on: restore them, or train again with a new --output"
            )

    def _on_gpu(self) -> bool:
        assert self.trainer is not None
        return self.trainer.strategy.root_device.type == "cuda"
