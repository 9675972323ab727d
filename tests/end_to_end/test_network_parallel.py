"""Networks spread over processes that exchange predictions alone, against all in every process."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from own_processes import exit_code_of
from training_runs import KilledError, final_state, read_metrics, tiny

from cotrain.basics.errors import TrainingError
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Experiment
from cotrain.evaluation.evaluate import read_predictions

# Every part of the loss and of a step that could be cut at the border between two networks.
WHOLE = tiny(
    batch_size=8,
    epochs=1,
    ema=0.9,
    optimizer={"clip": 0.5, "accumulate": 2},
    views={"mixup": 0.4},
    co_training={"ramp_epochs": 0.0, "label_smoothing": 0.1},
    hardware={"precision": "64-true"},
)


def on(experiment: Experiment, processes: int, network_parallel: int = 1) -> Experiment:
    hardware = replace(
        experiment.hardware,
        devices=processes,
        strategy="ddp_fork" if processes > 1 else "auto",
        network_parallel=network_parallel,
    )
    return replace(experiment, hardware=hardware)


def divided(into: int, divergence: str) -> Experiment:
    co_training = replace(WHOLE.co_training, divergence=divergence)
    return replace(WHOLE, into=into, co_training=co_training)


IN_FLOAT64 = {
    "kl-4": on(divided(4, "kl"), 1),
    "kl-4-spread-over-4": on(divided(4, "kl"), 4, 4),
    "js-3": on(divided(3, "js"), 1),
    "js-3-spread-over-2": on(divided(3, "js"), 2, 2),
    "js-3-on-2": on(divided(3, "js"), 2),
    "js-3-spread-over-2-of-4": on(divided(3, "js"), 4, 2),
}
VALIDATED = tiny(batch_size=8, data={"validation": 0.2}, hardware={"channels_last": True})


def train_all(folder: Path) -> None:
    from cotrain.training import fit

    fit(on(VALIDATED, 1), folder / "whole", progress=False)
    taught = replace(VALIDATED, teacher=replace(VALIDATED.teacher, run=str(folder / "whole")))
    fit(on(taught, 1), folder / "taught", progress=False)
    fit(on(taught, 2, 2), folder / "taught-spread", progress=False)
    for name, experiment in IN_FLOAT64.items():
        fit(experiment, folder / name, progress=False)
    cut_and_gone_on_with_alone(folder / "js-3-cut")


def cut_and_gone_on_with_alone(folder: Path) -> None:
    from cotrain.training import CoTraining, fit

    step = CoTraining.training_step

    def cut(self, batch, batch_idx):
        if batch_idx == 4:
            raise KilledError
        return step(self, batch, batch_idx)

    CoTraining.training_step = cut
    experiment = replace(divided(3, "js"), checkpoint_steps=1)
    with pytest.raises(TrainingError, match=r"a process failed: .*KilledError"):
        fit(on(experiment, 2, 2), folder, progress=False)
    CoTraining.training_step = step
    fit(on(experiment, 1), folder, resume=True, progress=False)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spread")
    assert exit_code_of(train_all, folder) == 0
    return folder


@pytest.mark.parametrize(
    ("whole", "spread"),
    [
        ("kl-4", "kl-4-spread-over-4"),
        ("js-3", "js-3-spread-over-2"),
        ("js-3", "js-3-cut"),
        ("js-3-on-2", "js-3-spread-over-2-of-4"),
    ],
)
def test_weights_averages_and_momentum_are_those_of_one_process(
    runs: Path, whole: str, spread: str
) -> None:
    expected, found = final_state(runs / whole), final_state(runs / spread)
    assert expected["state_dict"]["average.ensemble.networks.0.fc.weight"].dtype == torch.float64
    torch.testing.assert_close(found["state_dict"], expected["state_dict"], rtol=0, atol=1e-12)
    torch.testing.assert_close(
        found["optimizer_states"], expected["optimizer_states"], rtol=0, atol=1e-12
    )
    # Every image is counted once, by the first of those that see it.
    tallies = [each["cotrain"]["training_tally"] for each in (found, expected)]
    torch.testing.assert_close(*tallies, rtol=0, atol=1e-9)


def test_what_is_validated_and_shipped_is_whole(runs: Path) -> None:
    whole, spread = (runs / name for name in ("taught", "taught-spread"))
    for expected, found in zip(read_metrics(whole), read_metrics(spread), strict=True):
        assert found == pytest.approx(expected, abs=1e-4)
        assert expected["train_teacher"] > 0
    for expected, found in zip(
        *(read_predictions(RunFolder(each)) for each in (whole, spread)), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
