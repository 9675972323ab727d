"""Runs side by side: order, resuming, the first failure, interrupts, and a killed comparison."""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event

import pytest
import torch

from cotrain.basics.errors import ConfigError, Interrupted, TrainingError
from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy.run import Run
from cotrain.comparison.accuracy.trainings import train_all, visible_gpus
from cotrain.config import Experiment
from cotrain.config.recipes import dump_experiment


def make_run(root, seed, **settings):
    experiment = Experiment(seed=seed, **settings)
    folder = RunFolder(root / f"seed{seed}")
    return Run(candidate="S=4", experiment=experiment, folder=folder, split_of=root)


def begin(run):
    run.folder.root.mkdir(parents=True)
    run.folder.config.write_text(dump_experiment(run.experiment))


def quick(experiment, output, *, resume, progress, split_of):
    """Note the call; fail as the seed says."""
    assert progress is False
    assert split_of == output.parent
    with open(output.parent / "calls", "a") as calls:
        calls.write(f"{output.name} resume={resume} threads={thread_count()}\n")
    if experiment.seed == 7:
        raise ConfigError("lr is wrong")
    if experiment.seed == 8:
        raise Interrupted("stopped", 15)  # takes two arguments: cannot be sent as it is
    if experiment.seed == 9:
        os._exit(1)
    output.mkdir(exist_ok=True)
    (output / "config.yaml").write_text(dump_experiment(experiment))
    if experiment.seed != 6:
        (output / "evaluation.json").touch()


def thread_count():
    import torch

    return torch.get_num_threads()


def one_hangs(experiment, output, *, resume, progress, split_of):
    """Seed 1 hangs until it is stopped; the others end once it has begun."""
    if experiment.seed == 1:
        with open(output.parent / "begun", "w") as begun:
            begun.write("1")
        try:
            Event().wait(60)
        except KeyboardInterrupt:
            (output.parent / "stopped").touch()
            raise
    else:
        (output.parent / "begun").read_text()  # a pipe: waits for its writer
        quick(experiment, output, resume=resume, progress=progress, split_of=split_of)


def hangs_holding_a_pipe(experiment, output, *, resume, progress, split_of):
    with open(output.parent / "alive", "w") as pipe:
        pipe.write("begun\n")
        pipe.flush()
        Event().wait(60)


def train(runs, trainer=quick, jobs=1, threads=1, done=None):
    train_all(runs, train=trainer, jobs=jobs, threads=threads, done=done or (lambda _: None))


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
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
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


def notes_its_gpu(experiment, output, *, resume, progress, split_of):
    output.mkdir()
    while len(list(output.parent.iterdir())) < 2:  # both workers are at work
        time.sleep(0.01)
    (output / "gpu").write_text(os.environ["CUDA_VISIBLE_DEVICES"])
    (output / "config.yaml").write_text(dump_experiment(experiment))
    (output / "evaluation.json").touch()


def test_each_worker_sees_one_gpu(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7,9")
    runs = [make_run(tmp_path, seed) for seed in range(2)]
    train(runs, notes_its_gpu, jobs=2)
    assert {(run.folder.root / "gpu").read_text() for run in runs} == {"5", "7"}


def test_gpus_are_named_as_this_process_sees_them(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert visible_gpus() == ["0", "1", "2"]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert visible_gpus() == []
