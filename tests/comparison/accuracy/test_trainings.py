"""Runs side by side: order, resuming, the first failure, interrupts, and a killed comparison."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest
from side_runs import begin, make_run, one_hangs, quick

from cotrain.basics.errors import ConfigError, TrainingError
from cotrain.comparison.accuracy.trainings import train_all
from cotrain.comparison.accuracy.workers import RunProcesses


def hangs_holding_a_pipe(experiment, output, *, resume, progress, split_of):
    with open(output.parent / "alive", "w") as pipe:
        pipe.write("begun\n")
        pipe.flush()
        Event().wait(60)


def train(runs, trainer=quick, jobs=1, threads=1, done=None):
    workers = RunProcesses(jobs, threads)
    train_all(runs, train=trainer, workers=workers, done=done or (lambda _: None))


def test_runs_are_trained_in_order_and_begun_ones_resumed(tmp_path):
    runs = [make_run(tmp_path, seed) for seed in (2, 0, 1)]
    begin(runs[1])
    finished = []
    train(runs, threads=2, done=finished.append)
    assert (tmp_path / "calls").read_text().splitlines() == [
        "seed2 resume=False threads=2",
        "seed0 resume=True threads=2",
        "seed1 resume=False threads=2",
    ]
    assert finished == runs
    assert all(run.is_finished() for run in runs)
    # Of a run that was resumed nobody knows how long it took.
    assert [run.seconds is None for run in runs] == [False, True, False]


def test_begun_and_finished_runs_are_told_apart(tmp_path):
    run = make_run(tmp_path, 0)
    assert not run.is_finished()
    begin(run)
    assert not run.is_finished()
    run.folder.evaluation.touch()
    assert run.is_finished()
    with pytest.raises(ConfigError, match="holds a run with epochs: 60, not 1"):
        make_run(tmp_path, 0, epochs=1).is_finished()


@pytest.mark.parametrize(
    ("seed", "message"),
    [
        (6, "S=4 seed 6: there are no test images"),
        (7, "S=4 seed 7: lr is wrong"),
        (8, "S=4 seed 8: stopped"),
        (9, "S=4 seed 9: its process died"),
    ],
)
def test_the_first_failure_stops_all_and_is_named(tmp_path, seed, message):
    runs = [make_run(tmp_path, each) for each in (seed, 0)]
    with pytest.raises(TrainingError) as error:
        train(runs)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)
    assert len((tmp_path / "calls").read_text().splitlines()) == 1


def test_an_interrupt_stops_the_run_in_progress(tmp_path):
    os.mkfifo(tmp_path / "begun")

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train([make_run(tmp_path, 0), make_run(tmp_path, 1)], one_hangs, 2, done=interrupt)
    assert (tmp_path / "stopped").exists()


def test_workers_end_when_the_comparison_is_killed(tmp_path):
    os.mkfifo(tmp_path / "alive")
    code = "import sys, pathlib, test_trainings as t\nif __name__ == '__main__':\n"
    code += "    t.train([t.make_run(pathlib.Path(sys.argv[1]), 0)], t.hangs_holding_a_pipe)\n"
    (tmp_path / "main.py").write_text(code)
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    main = subprocess.Popen(
        [sys.executable, tmp_path / "main.py", tmp_path],
        env={**os.environ, "PYTHONPATH": paths},
        stderr=subprocess.DEVNULL,  # its resource tracker complains of what it left
    )
    with open(tmp_path / "alive") as pipe:
        assert pipe.readline() == "begun\n"
        main.send_signal(signal.SIGKILL)
        main.wait()
        readable, _, _ = select.select([pipe], [], [], 30)
        assert readable
        assert pipe.read() == ""  # the end of the pipe: its writer is gone


@pytest.mark.parametrize("text", ["", "{", "[1]", "true", '"1"', "-1", "NaN", "1e999", "9" * 5000])
def test_damaged_seconds_are_one_line(tmp_path, text):
    run = make_run(tmp_path, 0)
    begin(run)
    run.keep_seconds(1.234)
    assert run.seconds == 1.23
    run.folder.seconds.write_text(text)
    with pytest.raises(ConfigError, match=r"^\S*seconds.json"):
        _ = run.seconds
