"""The learning rate: independent formulas, bounds, and the ends of every curve."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotrain.basics.errors import ConfigError
from cotrain.config import Schedule
from cotrain.training.schedules import check_schedule, learning_rate, say_too_short

CURVES = ["cosine", "step", "poly", "htd", "exponential", "constant"]


def rate(step: int, **schedule) -> float:
    return learning_rate(step, schedule=Schedule(**schedule), lr=0.2, epochs=10, steps_per_epoch=5)


@pytest.mark.parametrize("curve", CURVES)
def test_warm_up_is_a_line_to_the_peak(curve):
    warm_up = [rate(step, name=curve, warmup_epochs=2, warmup_lr=0.05) for step in range(11)]
    assert warm_up == pytest.approx([0.05 + 0.015 * step for step in range(11)])


def test_warm_up_may_be_a_fraction_of_an_epoch():
    warm_up = [rate(step, name="constant", warmup_epochs=0.5) for step in range(4)]
    assert warm_up == pytest.approx([0, 0.08, 0.16, 0.2])


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ("cosine", 0.2 * (1 + math.cos(math.pi * 0.6)) / 2),
        ("poly", 0.2 * 0.4**0.9),
        ("htd", 0.2 / (1 + math.exp(2 * (-6 + 9 * 0.6)))),
        ("step", 0.2 * 0.1**2),
        ("exponential", 0.2 * 0.1**6),
        ("constant", 0.2),
    ],
)
def test_curve_without_warm_up_after_six_of_ten_epochs(curve, expected):
    assert rate(30, name=curve, milestones=(3, 6)) == pytest.approx(expected, rel=1e-12)


def test_minus_one_warm_up_epochs_start_the_cosine_one_epoch_in():
    expected = 0.2 * (1 + math.cos(math.pi * 1 / 11)) / 2
    assert rate(0, name="cosine", warmup_epochs=-1) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("curve", "end"),
    [("cosine", 0.0), ("poly", 0.0), ("htd", 0.2 / (1 + math.exp(6))), ("constant", 0.2)],
)
def test_curve_ends_after_the_last_epoch_and_stays_there(curve, end):
    assert rate(50, name=curve) == pytest.approx(end, rel=1e-12, abs=1e-15)
    assert rate(1000, name=curve) == rate(50, name=curve)


@given(
    curve=st.sampled_from(CURVES),
    step=st.integers(0, 60),
    warmup=st.sampled_from([-1, 0, 0.3, 2, 9.9]),
    end_lr=st.floats(0, 0.1),
)
def test_rate_stays_between_its_end_and_its_peak(curve, step, warmup, end_lr):
    settings = {"name": curve, "warmup_epochs": warmup, "end_lr": end_lr, "milestones": (3, 6)}
    assert end_lr <= rate(step, **settings) <= 0.2 + 1e-15
    if step >= warmup * 5:
        assert rate(step + 1, **settings) <= rate(step, **settings)


def test_steps_need_milestones():
    with pytest.raises(ConfigError, match=r"schedule.milestones=.. never lowers the learning rate"):
        check_schedule(Schedule(name="step"))


@pytest.mark.parametrize("curve", CURVES)
def test_possible_schedules_are_accepted(curve):
    schedule = Schedule(name=curve, warmup_epochs=9.5, milestones=(3,))
    assert check_schedule(schedule) is None


def test_a_run_shorter_than_its_warm_up_is_warm_up_throughout():
    rates = [rate(step, name="cosine", warmup_epochs=20) for step in (0, 25, 50, 51)]
    assert rates == pytest.approx([0.0, 0.05, 0.1, 0.1], rel=1e-12)


def test_milestones_after_the_last_epoch_are_told(capsys):
    steps = Schedule(name="step", milestones=(30, 60))
    say_too_short(steps, 31)
    assert capsys.readouterr().out == ""
    say_too_short(steps, 30)
    said = (
        "cotrain: schedule.milestones=[30, 60] in epochs=30: the learning rate is never lowered\n"
    )
    assert capsys.readouterr().out == said
