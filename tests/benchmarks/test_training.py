"""The benchmark's reference step trains as ours does, and its parts measure what they say."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from training_runs import read_metrics, tiny

from cotrain.config import Experiment
from cotrain.data import Batch, load_splits
from cotrain.ensemble.losses import js_divergence
from cotrain.training import CoTraining, fit
from cotrain.training.datamodule import Loaders
from cotrain.training.from_experiment import experiment_ensemble

STEPS = {
    "epochs": 2,
    "schedule": {"name": "constant"},
    "co_training": {"ramp_epochs": 0.0},
    "optimizer": {"lr": 0.05, "decayed": "all"},
}


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """The module ``benchmarks/reference_step.py``."""
    import reference_step

    yield reference_step
    for name in ("reference_step", "training_cases", "training"):
        sys.modules.pop(name, None)


def our_losses(experiment: Experiment, folder: Path, monkeypatch) -> list[float]:
    """The loss of every step of a run."""
    losses, step = [], CoTraining.training_step

    def noting(self: CoTraining, batch, batch_idx):
        loss: Any = step(self, batch, batch_idx)
        losses.append(loss.item())
        return loss

    monkeypatch.setattr(CoTraining, "training_step", noting)
    fit(experiment, folder, progress=False)
    return losses


@pytest.mark.parametrize("channels_last", [False, True])
def test_same_views_and_seeds_give_the_same_loss_curve(
    reference, tmp_path: Path, monkeypatch, channels_last: bool
) -> None:
    experiment = tiny(**STEPS, hardware={"channels_last": channels_last})
    splits = load_splits(experiment.data)
    networks = list(experiment_ensemble(experiment, splits).networks)
    step = reference.ReferenceStep(networks, lr=0.05, weight_decay=5e-4)
    loader: Any = Loaders(experiment, splits).training()
    plain = []
    for epoch in range(2):
        loader.sampler.set_epoch(epoch)
        plain += [step(views, targets, weight=0.5) for views, targets in loader]
    ours = our_losses(experiment, tmp_path / "run", monkeypatch)
    assert len(ours) == 10
    assert ours == pytest.approx([each["loss"] for each in plain], rel=1e-5)
    row = read_metrics(tmp_path / "run")[1]
    for name in ("loss", "cross_entropy", "divergence", "accuracy", "accuracy_0"):
        mean = sum(each[name] for each in plain[5:]) / 5
        assert row[f"train_{name}"] == pytest.approx(mean, rel=1e-4), name


def test_the_reference_divergence_is_ours(reference) -> None:
    logits = torch.randn(3, 5, 4, dtype=torch.float64) * 3
    expected = js_divergence(logits).item()
    assert reference.jensen_shannon(list(logits)).item() == pytest.approx(expected, rel=1e-12)


def test_reference_images_are_the_same_images_moved(reference) -> None:
    splits = load_splits(tiny().data)
    images = reference.ReferenceImages(splits.train, splits.preprocessing, into=2, padding=0)
    views, target = images[3]
    pixels = splits.train.pixels([3])[0]
    expected = splits.preprocessing.normalize(pixels)
    assert len(images) == 80
    assert target == splits.train.targets[3]
    for view in views:
        flipped = expected.flip(-1)
        near = [torch.allclose(view, each, atol=1e-5) for each in (expected, flipped)]
        assert any(near)


def test_a_timed_run_is_of_so_many_steps(reference, monkeypatch) -> None:
    import training

    calls: list[str] = []
    batch = Batch(torch.zeros(2, 4, 3, 8, 8), torch.arange(4))
    monkeypatch.setattr(training, "our_batches", lambda _: iter([batch]))
    monkeypatch.setattr(training, "BareStep", lambda _: lambda _: calls.append("ours"))
    setup: Any = SimpleNamespace(reference=lambda: lambda *_, **__: calls.append("reference"))
    for run in training.tensors_only(setup, 3).values():
        run()
    assert calls == ["reference"] * 3 + ["ours"] * 3


def test_clock_leaves_the_first_two_steps_out(reference, monkeypatch) -> None:
    import training_cases

    moments = iter([10.0, 10.0, 17.0, 17.0])
    monkeypatch.setattr(training_cases.time, "perf_counter", lambda: next(moments))
    clock = training_cases.Clock(steps=4)
    for _ in range(4):
        clock.tick()
    assert clock.seconds == 7.0
