"""How long a run would take is close to how long it takes."""

from dataclasses import replace
from time import monotonic

import pytest
from training_runs import TINY

from cotrain.basics.run_folder import RunFolder
from cotrain.config import Data, Experiment
from cotrain.config.fine_tuning import FineTuning
from cotrain.training import fit, pace
from cotrain.training.from_experiment import experiment_images
from cotrain.training.pace import estimate_seconds

EXPERIMENT = replace(
    TINY, epochs=40, data=Data(train_images=160, test_images=50, validation="none")
)


@pytest.fixture
def split(tmp_path):
    tmp_path.joinpath("comparison").mkdir()
    experiment_images(EXPERIMENT).write(RunFolder(tmp_path / "comparison"))
    return tmp_path / "comparison"


@pytest.mark.parametrize("seconds", [6, 0])
def test_by_whole_epochs_or_by_steps(split, tmp_path, monkeypatch, seconds):
    monkeypatch.setattr(pace, "_SECONDS", seconds)
    before = sorted(split.iterdir())
    estimate = estimate_seconds(EXPERIMENT, split)
    assert sorted(split.iterdir()) == before
    begun = monotonic()
    fit(EXPERIMENT, tmp_path / "run", progress=False, split_of=split)
    taken = monotonic() - begun
    # Steps alone leave out what an epoch's end costs; the machine may be busy in either.
    assert taken / 8 < estimate < taken * 4


def test_networks_one_after_the_other_take_all_epochs_each(split, monkeypatch):
    """The clock's arithmetic: 2 epochs of 3 s each after the first, for S * epochs in all."""

    class Clock(pace._Clock):
        def epoch_seconds(self, trainer):
            return 3.0

        def step_seconds(self):
            return 0.6

    monkeypatch.setattr(pace, "_Clock", Clock)
    apart = replace(EXPERIMENT, co_training=replace(EXPERIMENT.co_training, together=False))
    begun = monotonic()
    estimate = estimate_seconds(apart, split)
    spent = monotonic() - begun
    # 80 epochs of 3 s; 4 test batches at a third of 0.6 s; and what came before the first step.
    assert 240.8 < estimate < 240.8 + spent


@pytest.mark.parametrize(
    ("frozen", "cached", "work"),
    [(0, 0, 1), (10, 0, (10 + 10 / 3) / 20), (10, 4, (10 + 4 / 3) / 20), (20, 1, 1 / 60)],
)
def test_frozen_epochs_are_passes_forward_of_which_kept_features_save_some(frozen, cached, work):
    tuning = FineTuning(frozen_epochs=frozen, cached_views=cached)
    experiment = Experiment(
        network="timm:resnet10t", pretrained=True, epochs=20, fine_tuning=tuning
    )
    assert pace._work_of_epochs(experiment) == pytest.approx(work)
