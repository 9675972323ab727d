"""How far a comparison is, by what stands in its folders."""

import pytest

from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy import progress as progress_module
from cotrain.comparison.accuracy.progress import Progress
from cotrain.comparison.accuracy.run import Run
from cotrain.config import Experiment


@pytest.fixture
def runs(tmp_path):
    return [
        Run(
            candidate=name,
            experiment=Experiment(epochs=10, seed=seed),
            folder=RunFolder(tmp_path / f"{name}-{seed}"),
            split_of=tmp_path,
        )
        for seed in (0, 1)
        for name in ("S=2", "S=1")
    ]


def begin(run, epochs):
    run.folder.root.mkdir(exist_ok=True)
    run.folder.config.touch()
    run.folder.metrics.write_text("epoch\n" + "0\n" * epochs)


def finish(run, seconds):
    begin(run, 10)
    run.folder.evaluation.touch()
    run.keep_seconds(seconds)


def test_what_is_known_gives_the_time_left(runs):
    progress = Progress(runs, {"S=1": 40.0, "S=2": 60.0}, jobs=2)
    assert progress.line() == "0 of 4 done; about 2 min left"  # 60 and 40, 60 from 40 on: 100 s
    finish(runs[0], 80.0)
    begin(runs[1], 5)
    assert progress.finished(runs[0]) == "1 of 4"
    # Of S=1 20 s are left, then one of 80 s; the last of 40 s begins at 0: 80 s beside it.
    assert progress.line() == "1 of 4 done; S=1 seed 0 epoch 5 of 10; about 80 s left"


def test_a_finished_run_tells_of_others(runs):
    progress = Progress(runs, {}, jobs=1)
    assert progress.line() == "0 of 4 done"
    finish(runs[0], 20.0)
    assert progress.finished(runs[0]) == "1 of 4"
    assert progress.time_left() == "; about 60 s left"  # S=1 is taken to last as long as S=2


def test_a_run_in_progress_tells_how_fast_it_is(runs, monkeypatch):
    now = iter([0.0, 6.0])
    monkeypatch.setattr(progress_module, "monotonic", lambda: next(now, 6.0))
    begin(runs[0], 2)
    progress = Progress(runs[:1], {}, jobs=1)
    assert progress.line() == "0 of 1 done; S=2 seed 0 epoch 2 of 10"
    begin(runs[0], 5)  # 3 epochs in 6 s: 5 more take 10 s
    assert progress.line() == "0 of 1 done; S=2 seed 0 epoch 5 of 10; about 10 s left"


def test_nothing_is_left_at_the_end(runs):
    progress = Progress(runs, {"S=1": 40.0}, jobs=1)
    for run in runs:
        finish(run, 1.0)
    assert progress.finished(runs[-1]) == "4 of 4"
    assert progress.time_left() == ""
