"""What fits into a time, and what is said of what does not."""

from dataclasses import replace

import pytest

from cotrain import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy.budget import (
    TimeBudget,
    check_budget,
    known_seconds,
    last_end,
    plan_seeds,
)
from cotrain.comparison.accuracy.run import Run
from cotrain.config import CoTrainingOptions, Experiment

SECONDS = {"S=1": 60.0, "S=2": 90.0}


def make_runs(root, seeds=(0, 1, 2)):
    """S=2 and S=1 of every seed."""
    experiment = Experiment(epochs=10)
    return [
        Run(
            candidate=f"S={into}",
            experiment=replace(experiment, into=into, seed=seed),
            folder=RunFolder(root / f"s{into}-seed{seed}"),
            split_of=root,
        )
        for seed in seeds
        for into in (2, 1)
    ]


def finish(run, seconds=None):
    run.folder.root.mkdir(exist_ok=True)
    run.folder.evaluation.touch()
    if seconds is not None:
        run.keep_seconds(seconds)


def make_epochs(run, count):
    run.folder.root.mkdir()
    run.folder.metrics.write_text("epoch,loss\n" + "0,1\n" * count)


def planned(runs, minutes, jobs=1, spent=0.0, seconds=SECONDS):
    plan = plan_seeds(runs, seconds, jobs, TimeBudget(minutes=minutes, spent=spent))
    return plan.seeds, plan.left_out, plan.takes, plan.more


@pytest.mark.parametrize(
    ("minutes", "spent", "expected"),
    [
        (100, 0, ((0, 1, 2), (), 450, 0)),
        (7.5, 0, ((0, 1, 2), (), 450, 0)),
        (7.4, 0, ((0, 1), (2,), 300, 150)),
        (7.5, 151, ((0,), (1, 2), 150, 300)),
        (2.5, 0, ((0,), (1, 2), 150, 300)),
    ],
)
def test_the_first_seeds_of_every_candidate_that_fit(tmp_path, minutes, spent, expected):
    assert planned(make_runs(tmp_path), minutes, spent=spent) == expected


def test_runs_side_by_side_take_less_time(tmp_path):
    # Two workers: 90 and 60 s; the next 90 s begin at 60, the next 60 s at 90.
    assert planned(make_runs(tmp_path, (0, 1)), 2.5, jobs=2) == ((0, 1), (), 150, 0)
    assert planned(make_runs(tmp_path, (0, 1)), 2.4, jobs=2) == ((0,), (1,), 90, 60)


def test_what_is_done_takes_no_time_and_what_is_begun_the_rest(tmp_path):
    runs = make_runs(tmp_path)
    for run in runs[:2]:
        finish(run)
    make_epochs(runs[2], 4)
    assert planned(runs, 2) == ((0, 1), (2,), 90 * 0.6 + 60, 150)
    assert planned(runs, 0.1) == ((0,), (1, 2), 0, 264)
    assert planned(runs, 0.1, spent=100) == ((0,), (1, 2), 0, 264)


def test_a_budget_too_small_for_one_seed_names_the_smallest(tmp_path):
    with pytest.raises(ConfigError) as error:
        planned(make_runs(tmp_path), 2, spent=10)
    assert str(error.value) == (
        "budget_minutes=2 is too short for seed 0 of every candidate, which takes about 2 min "
        "(S=1 60 s, S=2 2 min, 1 at a time): give at least 3, fewer candidates or fewer epochs"
    )
    assert planned(make_runs(tmp_path), 3, spent=10)[0] == (0,)


def test_the_plan_in_words(tmp_path):
    plan = plan_seeds(make_runs(tmp_path), SECONDS, 1, TimeBudget(minutes=6, spent=10))
    assert str(plan) == (
        "budget of 6 min: seeds 0, 1 of every candidate in about 5 min "
        "(S=1 60 s, S=2 2 min, 1 at a time); left out: seed 2, about 2 min more"
    )
    plan = plan_seeds(make_runs(tmp_path, (3,)), SECONDS, 2, TimeBudget(minutes=6, spent=10))
    assert str(plan) == (
        "budget of 6 min: seed 3 of every candidate in about 2 min "
        "(S=1 60 s, S=2 2 min, 2 at a time)"
    )


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf")])
def test_what_is_no_time_is_refused(minutes):
    with pytest.raises(ConfigError, match=r"budget_minutes=\S+ is no time: give minutes above 0"):
        check_budget(minutes)


def test_known_is_what_was_finished_without_interruption(tmp_path):
    runs = make_runs(tmp_path)
    for run, seconds in zip(runs, (10, 7, 30, None, 12), strict=False):
        finish(run, seconds)
    assert known_seconds(runs) == {"S=2": 12, "S=1": 7}


@pytest.mark.parametrize(
    ("seconds", "jobs", "end"),
    [((), 2, 0), ((5,), 3, 5), ((5, 4, 3), 1, 12), ((5, 4, 3), 2, 7), ((1, 9, 1, 1), 2, 9)],
)
def test_the_last_end_of_runs_side_by_side(seconds, jobs, end):
    assert last_end(seconds, jobs) == end


def test_networks_trained_one_after_the_other_have_epochs_of_their_own(tmp_path):
    (run,) = make_runs(tmp_path, (0,))[:1]
    apart = replace(run.experiment, co_training=CoTrainingOptions(together=False))
    make_epochs(run, 5)
    assert (run.epochs, run.share_done) == (10, 0.5)
    apart_run = replace(run, experiment=apart)
    assert (apart_run.epochs, apart_run.share_done) == (20, 0.25)
