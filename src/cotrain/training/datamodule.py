"""The loaders of a training run, as the LightningDataModule that the Trainer asks for them."""

from contextlib import nullcontext
from typing import Any

import pytorch_lightning as lightning
import torch
from torch.utils.data import DataLoader

from cotrain.config import Experiment
from cotrain.data import Batch, Splits, evaluation_loader, training_loader
from cotrain.data.loaders import DrawnBatch, TrainingBatches
from cotrain.training.module import CoTraining
from cotrain.training.signals import ignore_signals


class Loaders(lightning.LightningDataModule):
    """The loaders of one process; its rank is known only once the Trainer has started it.

    A GPU gets pixels and what is to be done to them, and makes the views itself.

    Args:
        experiment: Batch size, views and workers.
        splits: The images.
    """

    def __init__(self, experiment: Experiment, splits: Splits) -> None:
        super().__init__()
        self.experiment = experiment
        self.splits = splits
        self._stream: torch.cuda.Stream | None = None
        self._batches: Any = None

    def steps(self, world_size: int) -> int:
        """Optimizer steps of one epoch."""
        return -(-len(self.training(0, world_size)) // self.experiment.optimizer.accumulate)

    def train_dataloader(self) -> DataLoader:
        """Training batches, from the one at which a resumed run goes on."""
        assert self.trainer is not None
        on_gpu = self.trainer.strategy.root_device.type == "cuda"
        loader = self.training(*self._place(), drawn=on_gpu)
        module = self.trainer.lightning_module
        assert isinstance(module, CoTraining)
        loader.sampler.resume(*module.next_batch)  # type: ignore[union-attr]
        return loader

    def training(self, rank: int, world_size: int, *, drawn: bool = False) -> DataLoader:
        """Training batches; if ``drawn`` those that become views on the device."""
        loader = training_loader(
            self.splits.train,
            views=self.experiment.views,
            preprocessing=self.splits.preprocessing,
            num_classes=len(self.splits.classes),
            into=self.experiment.into,
            batch_size=self.experiment.batch_size,
            seed=self.experiment.seed,
            epochs=self.experiment.epochs,
            workers=self.experiment.data.workers,
            rank=rank,
            world_size=world_size,
            drawn=drawn,
            channels_last=self.experiment.hardware.channels_last,
        )
        loader.worker_init_fn = ignore_signals
        self._batches = loader.dataset
        return loader

    def transfer_batch_to_device(
        self, batch: Batch | DrawnBatch, device: torch.device, dataloader_idx: int
    ) -> Batch:
        """Send a batch, and make its views where they are not made yet.

        On a GPU this runs beside the step before: some of torchvision's operations wait for what
        was asked of the GPU before them, and shall not wait for that step.
        """
        if not isinstance(batch, DrawnBatch):
            return super().transfer_batch_to_device(batch, device, dataloader_idx)
        if device.type == "cuda" and self._stream is None:
            self._stream = torch.cuda.Stream(device)
        assert isinstance(self._batches, TrainingBatches)
        with nullcontext() if self._stream is None else torch.cuda.stream(self._stream):
            sent = super().transfer_batch_to_device(batch, device, dataloader_idx)
            finished = self._batches.finish(sent)
        if self._stream is not None:
            step = torch.cuda.current_stream(device)
            step.wait_stream(self._stream)
            for tensor in finished:
                tensor.record_stream(step)  # or its memory could be used again too early
        return finished

    def val_dataloader(self) -> DataLoader:
        """Validation batches; there are some whenever the Trainer asks."""
        assert self.splits.val is not None
        rank, world_size = self._place()
        # Every process must have a batch: all take part in what follows a validation.
        share = max(len(self.splits.val) // world_size, 1)
        loader = evaluation_loader(
            self.splits.val,
            preprocessing=self.splits.preprocessing,
            batch_size=min(self.experiment.batch_size, share),
            workers=self.experiment.data.workers,
            rank=rank,
            world_size=world_size,
        )
        loader.worker_init_fn = ignore_signals
        return loader

    def _place(self) -> tuple[int, int]:
        assert self.trainer is not None
        return self.trainer.global_rank, self.trainer.world_size
