"""What benchmarks/training.py measures: the setup, our step without Lightning, and a clock."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as lightning
import torch
from reference_step import ReferenceStep

import cotrain
from cotrain.config import Experiment
from cotrain.data import Batch, Splits
from cotrain.execution import prepare_training
from cotrain.execution.compiling import compile_in_place
from cotrain.networks import spec
from cotrain.training.datamodule import Loaders
from cotrain.training.epoch_metrics import Tally
from cotrain.training.optimization import build_optimizer, is_fused

WEIGHT = 0.5
LR, DECAY = 0.01, 5e-4


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What is measured, and how often.

    Args:
        experiment: Network, S, batch, images and hardware; one epoch is one timed run.
        splits: The images.
        device: Where the networks run.
        half: Run the reference in float16, as the paper did on GPUs.
        n: Timed runs of each case.
    """

    experiment: Experiment
    splits: Splits
    device: torch.device
    half: bool
    n: int

    @property
    def steps(self) -> int:
        """Steps of one epoch."""
        return len(self.splits.train) // self.experiment.batch_size

    def ensemble(self) -> cotrain.Ensemble:
        """A fresh ensemble on the device; equal every time."""
        shape = self.splits.preprocessing
        large = spec(
            self.experiment.network,
            num_classes=len(self.splits.classes),
            in_channels=shape.in_channels,
        )
        return cotrain.divide(large, self.experiment.into, seed=0).to(self.device)

    def arranged_ensemble(self) -> cotrain.Ensemble:
        """The same, in the memory format and compiled as our settings say."""
        ensemble, hardware = self.ensemble(), self.experiment.hardware
        if hardware.channels_last:
            ensemble.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if hardware.compile:
            for network in ensemble.networks:
                compile_in_place(network)
        return ensemble

    def reference(self) -> ReferenceStep:
        """The plain step."""
        networks = list(self.ensemble().networks)
        return ReferenceStep(networks, lr=LR, weight_decay=DECAY, half=self.half)


class BareStep:
    """Our step without Lightning: a call trains on a batch and counts it."""

    def __init__(self, setup: Setup) -> None:
        experiment, hardware = setup.experiment, setup.experiment.hardware
        self.ensemble = setup.arranged_ensemble()
        self.execution = prepare_training(self.ensemble, hardware.execution)
        fused = is_fused(experiment.optimizer, hardware, setup.device)
        self.optimizer = build_optimizer(
            self.ensemble, experiment.optimizer, experiment.into, fused=fused
        )
        self.loss = cotrain.CoTrainingLoss()
        self.tally = Tally(experiment.into, ["loss", "cross_entropy", "divergence"])
        self.device, self.half = setup.device, hardware.precision == "bf16-mixed"

    def __call__(self, batch: Batch) -> None:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            logits = self.execution.forward(batch.images)
            terms = self.loss(logits, batch.targets, weight=WEIGHT)
        self.optimizer.zero_grad()
        terms.total.backward()
        self.execution.backward()
        self.optimizer.step()
        losses = [terms.total, terms.cross_entropy, terms.divergence]
        self.tally.add(logits, batch.targets, losses)


def our_batches(setup: Setup, waits: list[float] | None = None) -> Iterator[Batch]:
    """Batches of one epoch after the other; ``waits`` takes the seconds spent on each."""
    loaders = Loaders(setup.experiment, setup.splits)
    loader = loaders.training(drawn=setup.device.type == "cuda")
    while True:
        epoch = iter(loader)
        for _ in range(setup.steps):
            start = time.perf_counter()
            batch = loaders.transfer_batch_to_device(next(epoch), setup.device, 0)
            if waits is not None:
                waits.append(time.perf_counter() - start)
            yield batch


class Clock(lightning.Callback):
    """Wall time from the end of the second step to the end of the last one."""

    def __init__(self, steps: int) -> None:
        self.steps, self.done, self.start, self.seconds = steps, 0, 0.0, 0.0

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        self.tick()

    def tick(self) -> None:
        """A step has ended."""
        self.done += 1
        if self.done in (2, self.steps):
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.start, self.seconds = time.perf_counter(), time.perf_counter() - self.start
