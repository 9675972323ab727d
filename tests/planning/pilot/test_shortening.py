"""A whole schedule in fewer epochs."""

import math

import pytest

from cotrain import ConfigError
from cotrain.config import CoTrainingOptions, Data, Experiment, Schedule
from cotrain.config.fine_tuning import FineTuning
from cotrain.planning.pilot.shortening import shortened

BIG = Experiment(
    epochs=60,
    early_stopping=5,
    data=Data(validation=0.3),
    schedule=Schedule(
        name="step", warmup_epochs=6, milestones=(30, 45), decay_epochs=3, decay_factor=0.1
    ),
    co_training=CoTrainingOptions(ramp_epochs=12),
)


def test_everything_that_counts_epochs_shrinks_alike():
    short = shortened(BIG, 1 / 3)
    assert short.epochs == 20
    assert short.schedule.warmup_epochs == pytest.approx(2)
    assert short.schedule.milestones == (10, 15)
    assert short.schedule.decay_epochs == pytest.approx(1)
    assert short.co_training.ramp_epochs == pytest.approx(4)
    assert short.early_stopping is None
    assert short.data == BIG.data
    assert short.optimizer == BIG.optimizer
    assert shortened(BIG, 1).epochs == 60


def test_what_is_off_stays_off():
    big = Experiment(epochs=9, schedule=Schedule(warmup_epochs=-1))
    short = shortened(big, 0.01)
    assert (short.epochs, short.schedule.warmup_epochs) == (1, -1)
    assert short.co_training.ramp_epochs is None


@pytest.mark.parametrize(
    ("frozen", "length", "expected"),
    [
        (10, 1 / 3, (7, 4, 4)),  # 3.5, to the even number
        (10, 0.1, (2, 1, 1)),
        (19, 0.1, (2, 1, 1)),  # not both, as not all epochs of the big run are frozen
        (10, 0.05, (1, 0, 0)),
        (10, 1, (20, 10, 4)),
    ],
)
def test_as_large_a_share_of_the_epochs_is_frozen(frozen, length, expected):
    tuning = FineTuning(frozen_epochs=frozen, cached_views=4, layer_decay=0.85)
    big = Experiment(network="timm:resnet10t", pretrained=True, epochs=20, fine_tuning=tuning)
    short = shortened(big, length)
    found = short.fine_tuning
    assert (short.epochs, found.frozen_epochs, found.cached_views) == expected
    assert found.layer_decay == 0.85


def test_what_is_frozen_in_all_epochs_stays_so():
    tuning = FineTuning(frozen_epochs=9)
    big = Experiment(network="timm:resnet10t", pretrained=True, epochs=9, fine_tuning=tuning)
    assert shortened(big, 1 / 3).fine_tuning.frozen_epochs == 3


@pytest.mark.parametrize("validation", ["none", 0.0])
def test_images_are_held_out_where_none_are(validation):
    assert shortened(Experiment(data=Data(validation=validation)), 0.5).data.validation == 0.2


@pytest.mark.parametrize("length", [0, -0.5, 1.5, math.nan])
def test_another_share_is_refused(length):
    with pytest.raises(ConfigError, match="is no share of the epochs: give one such as"):
        shortened(BIG, length)
