"""The loaders of a training run, as the LightningDataModule that the Trainer asks for them."""

import pytorch_lightning as lightning
from torch.utils.data import DataLoader

from cotrain.config import Experiment
from cotrain.data import Splits, evaluation_loader, training_loader
from cotrain.training.module import CoTraining
from cotrain.training.signals import ignore_signals


class Loaders(lightning.LightningDataModule):
    """The loaders of one process; its rank is known only once the Trainer has started it.

    Args:
        experiment: Batch size, views and workers.
        splits: The images.
    """

    def __init__(self, experiment: Experiment, splits: Splits) -> None:
        super().__init__()
        self.experiment = experiment
        self.splits = splits

    def steps(self, world_size: int) -> int:
        """Optimizer steps of one epoch."""
        return -(-len(self._training(0, world_size)) // self.experiment.optimizer.accumulate)

    def train_dataloader(self) -> DataLoader:
        """Training batches, from the one at which a resumed run goes on."""
        loader = self._training(*self._place())
        assert self.trainer is not None
        module = self.trainer.lightning_module
        assert isinstance(module, CoTraining)
        loader.sampler.resume(*module.next_batch)  # type: ignore[union-attr]
        return loader

    def _training(self, rank: int, world_size: int) -> DataLoader:
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
        )
        loader.worker_init_fn = ignore_signals
        return loader

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
