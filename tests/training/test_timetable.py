"""What an epoch and a step do, where networks train together and one after the other."""

import pytest
from training_runs import tiny

from cotrain.training.timetable import Place, Timetable


def timetable(**co_training) -> Timetable:
    """10 epochs of 5 steps for 2 networks."""
    experiment = tiny(epochs=10, into=2, optimizer={"lr": 0.2}, co_training=co_training)
    return Timetable(experiment=experiment, steps_per_epoch=5)


def test_together_all_networks_are_trained_in_every_epoch():
    assert timetable().place(7) == Place(epoch=7, networks=range(2))


def test_one_at_a_time_each_network_has_all_epochs():
    alone = timetable(together=False)
    assert alone.place(9) == Place(epoch=9, networks=range(1))
    assert alone.place(10) == Place(epoch=0, networks=range(1, 2))
    assert alone.learning_rate(50) == alone.learning_rate(0) == pytest.approx(0.2)
    assert alone.learning_rate(75) == pytest.approx(0.1)  # half of a cosine


def test_the_weight_rises_for_13_percent_of_the_epochs_if_nothing_else_is_said():
    assert [timetable(weight=0.5).weight(epoch) for epoch in (2, 9)] == [0.5, 0.5]
    assert timetable(weight=0.5).weight(0) < timetable(weight=0.5).weight(1) < 0.5
    assert timetable(weight=0.5, ramp_epochs=0.0).weight(0) == 0.5


def test_a_step_counts_from_the_first_of_its_networks():
    assert [timetable().own_step(step) for step in (0, 49, 50)] == [0, 49, 50]
    assert [timetable(together=False).own_step(step) for step in (0, 49, 50)] == [0, 49, 0]


@pytest.mark.parametrize(
    ("asked", "warmup", "peak"), [(10.0, 1.0, 5), (200.0, 1.0, 5), (9.8, 9.8, 49), (-1.0, 0.0, 0)]
)
def test_a_run_no_longer_than_its_warm_up_warms_up_for_a_tenth(asked, warmup, peak):
    experiment = tiny(epochs=10, optimizer={"lr": 0.2}, schedule={"warmup_epochs": asked})
    plan = Timetable(experiment=experiment, steps_per_epoch=5)
    rates = [plan.learning_rate(step) for step in range(50)]
    assert rates.index(max(rates)) == peak
    if warmup:
        rise = [0.2 * step / (warmup * 5) for step in range(peak + 1)]
        assert rates[: peak + 1] == pytest.approx(rise)
