"""One run on one, two and four processes, begun on all of them or gone on with on fewer."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from own_processes import exit_code_of
from torch import Tensor
from training_runs import KilledError, final_state, read_metrics, tiny

from cotrain.basics.errors import ConfigError, TrainingError
from cotrain.config import Experiment

# 16 batches of 4 images make an epoch, and 4 of them a step; the last of validation has 1 image.
EXPERIMENT = tiny(
    batch_size=4,
    data={"train_images": 81, "validation": 0.21},
    views={"mixup": 0.2},
    optimizer={"clip": 1.0},
    hardware={"precision": "64-true"},
    ema=0.9,
    checkpoint_steps=1,
)


def on(processes: int, accumulate: int = 1) -> Experiment:
    hardware = replace(EXPERIMENT.hardware, devices=processes, strategy="ddp_fork")
    optimizer = replace(EXPERIMENT.optimizer, accumulate=accumulate)
    return replace(EXPERIMENT, hardware=hardware, optimizer=optimizer)


def train(experiment: Experiment, folder: Path, resume: bool, stop: int | None) -> None:
    """With dropout; up to a batch of the second epoch, if it is to stop."""
    from cotrain.networks.families import blocks
    from cotrain.training import CoTraining, fit

    head, step = blocks.head, CoTraining.training_step

    def stopping(self, batch, batch_idx):
        if (self.current_epoch, batch_idx) == (1, stop):
            raise KilledError
        return step(self, batch, batch_idx)

    blocks.head = lambda channels, classes, dropout: head(channels, classes, 0.3)
    CoTraining.training_step = stopping
    try:
        fit(experiment, folder, resume=resume, progress=False)
    except (ConfigError, TrainingError, KilledError) as error:
        (folder / "error.txt").write_text(str(error))
        raise SystemExit(2) from None


def run(experiment: Experiment, folder: Path, resume: bool = False, stop: int | None = None) -> int:
    return exit_code_of(train, experiment, folder, resume, stop)


def weights(folder: Path) -> dict[str, Tensor]:
    """The networks' and the averages'; BatchNorm's statistics are those of the first process."""
    state = final_state(folder)["state_dict"]
    own = (".running_mean", ".running_var", ".num_batches_tracked")
    return {name: each for name, each in state.items() if not name.endswith(own)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sharing") / "run"
    assert run(on(4), folder) == 0
    return folder


def check_same(folder: Path, whole: Path) -> None:
    found, expected = weights(folder), weights(whole)
    assert found.keys() == expected.keys()
    moved = 0.0
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-12)
        moved = max(moved, value.abs().max().item())
    assert moved > 0.1
    for mine, other in zip(read_metrics(folder), read_metrics(whole), strict=True):
        assert mine["train_loss"] == pytest.approx(other["train_loss"], rel=1e-6)


@pytest.mark.parametrize(("processes", "accumulate"), [(1, 4), (2, 2)])
def test_the_global_batch_decides(
    processes: int, accumulate: int, whole: Path, tmp_path: Path
) -> None:
    assert run(on(processes, accumulate), tmp_path / "run") == 0
    check_same(tmp_path / "run", whole)


def test_every_validation_image_counts_once(whole: Path) -> None:
    for row in read_metrics(whole):
        for name in ("val_accuracy", "val_accuracy_0", "val_accuracy_1"):
            right = row[name] * 17
            assert right == pytest.approx(round(right), abs=1e-9)


def test_fewer_go_on_in_the_middle_of_an_epoch(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert run(on(4), folder, stop=2) == 2
    assert final_state(folder)["cotrain"]["next_batch"] == (1, 2)
    assert run(on(3), folder, resume=True) == 2
    assert (
        "4 batches make a step and 16 an epoch: go on with 1 or 2 or 4"
        in (folder / "error.txt").read_text()
    )
    assert run(on(2), folder, resume=True, stop=6) == 2
    assert final_state(folder)["cotrain"]["next_batch"] == (1, 3)
    assert run(on(1), folder, resume=True) == 0
    check_same(folder, whole)
