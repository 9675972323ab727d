"""A run killed at any moment and resumed equals one that was never stopped, bit for bit."""

import multiprocessing
import os
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
import safetensors.torch
import torch
from training_runs import final_state, read_metrics, same

from cotrain.basics.errors import TrainingError
from cotrain.basics.run_folder import RunFolder
from cotrain.config import (
    CoTrainingOptions,
    Data,
    Experiment,
    Hardware,
    Optimizer,
    Teacher,
    Views,
    Weights,
)
from cotrain.ensemble.ensemble import Ensemble
from cotrain.training import fit

EXPERIMENT = Experiment(
    network="basic_resnet8_4",
    into=2,
    epochs=4,
    batch_size=16,
    data=Data(train_images=80, test_images=100, validation=0.2),
    views=Views(padding=1, flip=False, mixup=0.2, erasing=0.5),
    hardware=Hardware(accelerator="cpu"),
    ema=0.9,
    checkpoint_steps=1,
)
ONE_AT_A_TIME = replace(
    EXPERIMENT,
    epochs=2,
    co_training=CoTrainingOptions(together=False),
    checkpoint_steps=3,
    weights=Weights(classes="balanced"),
)
# Workers, as many images of every class, several batches a step (7 batches are 4 steps), half
# precision, and another optimizer.
LOADED = replace(
    EXPERIMENT,
    epochs=3,
    batch_size=9,
    data=replace(EXPERIMENT.data, workers=2),
    optimizer=Optimizer(name="adamw", lr=0.01, accumulate=2),
    hardware=Hardware(accelerator="cpu", precision="bf16-mixed"),
    early_stopping=2,
    weights=Weights(sampler="balanced"),
    checkpoint_steps=2,
)
# Events of a kind that a process survives which is to die at the next: the first epoch's, but
# for the best ensemble, which may not be found twice.
FIRST = {"validation": 1, "best": 0, "checkpoint": 1}


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Real processes that start quickly: the server has imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["cotrain.training", "cotrain.evaluation.scores", "sklearn.datasets"]
    )
    return context


def train(folder: Path, experiment: Experiment, die_at: int | str | None) -> None:
    """Start or resume the run; die without warning, as after ``kill -9``.

    Args:
        folder: Where.
        experiment: What.
        die_at: The n-th event of any kind; or ``FIRST`` events of one kind are survived; or never.
    """
    import cotrain.training.saving as saving
    from cotrain.training import CoTraining

    torch.set_num_threads(1)
    os.setpgrp()  # or its loader's processes would outlive it for some seconds
    multiprocessing.set_start_method("fork", force=True)  # loaders, as in a process of a user's
    kinds = {
        "step": (CoTraining, "training_step"),
        "validation": (CoTraining, "validation_step"),
        "best": (Ensemble, "save"),
        "checkpoint": (saving, "write_checkpoint"),
        "fsync": (os, "fsync"),
        "rename": (os, "replace"),
    }
    if die_at is not None:
        named = isinstance(die_at, str)
        events = iter(range(FIRST[die_at] if named else die_at))
        for owner, name in [kinds[die_at]] if named else kinds.values():
            setattr(owner, name, _dying(getattr(owner, name), events))
    fit(experiment, folder, resume=RunFolder(folder).config.exists(), progress=False)


def _dying(function: Callable, events: Iterator[int]) -> Callable:
    def die_or_go_on(*args: object, **kwargs: object) -> object:
        if next(events, None) is None:
            os.killpg(0, signal.SIGKILL)
        return function(*args, **kwargs)

    return die_or_go_on


def run(processes, folder: Path, experiment: Experiment, die_at: int | str | None = None) -> int:
    process = processes.Process(target=train, args=(folder, experiment, die_at))
    process.start()
    process.join()
    return process.exitcode


def assert_same_run(left: Path, right: Path) -> None:
    one, other = (RunFolder(folder) for folder in (left, right))
    assert one.metrics.read_bytes() == other.metrics.read_bytes()
    states = [final_state(folder)["state_dict"] for folder in (left, right)]
    assert any(name.startswith("average.") for name in states[0])
    assert same(*states)
    assert same(
        *(safetensors.torch.load_file(f.ensemble / "model.safetensors") for f in (one, other))
    )
    assert one.predictions.read_bytes() == other.predictions.read_bytes()


@pytest.fixture(scope="module")
def whole(processes, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Experiment], Path]:
    """The folder of a run that was never stopped."""
    folders: list[tuple[Experiment, Path]] = []

    def folder_of(experiment: Experiment) -> Path:
        for known, folder in folders:
            if known == experiment:
                return folder
        folder = tmp_path_factory.mktemp("whole") / "run"
        assert run(processes, folder, experiment) == 0
        folders.append((experiment, folder))
        return folder

    return folder_of


def kill_and_resume(
    processes, tmp_path: Path, experiment: Experiment, whole: Path, kills: int, most: int
) -> Path:
    """Runs that are killed so many times in all, every one the same as ``whole`` in the end."""
    moments = random.Random(0)
    folder, killed = tmp_path / "run", 0
    while killed < kills:
        exit_code = run(processes, folder, experiment, die_at=moments.randrange(2, most))
        if exit_code == -signal.SIGKILL:
            killed += 1
        else:
            assert exit_code == 0
            assert_same_run(folder, whole)
            folder = tmp_path / f"run-{killed}"
    assert run(processes, folder, experiment) == 0
    assert_same_run(folder, whole)
    return folder


def test_killed_twenty_times(processes, whole, tmp_path: Path) -> None:
    folder = kill_and_resume(processes, tmp_path, EXPERIMENT, whole(EXPERIMENT), 20, most=30)
    assert [row["epoch"] for row in read_metrics(folder)] == list(range(EXPERIMENT.epochs))


@pytest.mark.parametrize("experiment", [ONE_AT_A_TIME, LOADED], ids=["one-at-a-time", "loaded"])
def test_killed_with_other_settings(processes, whole, tmp_path: Path, experiment) -> None:
    folder = kill_and_resume(processes, tmp_path, experiment, whole(experiment), 3, most=40)
    assert RunFolder(folder).evaluation.is_file()


def test_killed_with_a_teacher(processes, whole, tmp_path: Path) -> None:
    teacher = whole(ONE_AT_A_TIME)
    taught = replace(EXPERIMENT, teacher=Teacher(run=str(teacher), weight=0.7))
    folder = kill_and_resume(processes, tmp_path, taught, whole(taught), 3, most=40)
    assert all(row["train_teacher"] > 0 for row in read_metrics(folder))


@pytest.mark.parametrize("event", ["validation", "best", "checkpoint"])
def test_killed_at(processes, whole, tmp_path: Path, event: str) -> None:
    """In a validation; between metrics, the best ensemble, and the checkpoint."""
    experiment = replace(EXPERIMENT, checkpoint_steps=100)
    folder = tmp_path / "run"
    assert run(processes, folder, experiment, die_at=event) == -signal.SIGKILL
    assert run(processes, folder, experiment) == 0
    assert_same_run(folder, whole(experiment))


def test_killed_from_outside(processes, whole, tmp_path: Path) -> None:
    """At two moments of the clock, whatever the process is doing then."""
    folder = tmp_path / "run"
    for _ in range(2):
        process = processes.Process(target=train, args=(folder, EXPERIMENT, None))
        process.start()
        while process.is_alive() and not RunFolder(folder).checkpoint.exists():
            process.join(0.01)
        process.join(0.15)
        process.kill()
        process.join()
    assert run(processes, folder, EXPERIMENT) == 0
    assert_same_run(folder, whole(EXPERIMENT))


def test_damaged_checkpoints(processes, whole, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "run"
    assert run(processes, folder, EXPERIMENT, die_at=60) == -signal.SIGKILL
    newest = RunFolder(folder).checkpoint
    previous = newest.with_name("last.ckpt.previous")
    newest.write_bytes(newest.read_bytes()[:-1000])
    fit(EXPERIMENT, folder, resume=True, progress=False)
    out = capsys.readouterr().out
    notice = f"cotrain: {newest} is not a whole checkpoint of cotrain: using the one before\n"
    assert out.startswith(notice)
    assert_same_run(folder, whole(EXPERIMENT))
    for path in (newest, previous):
        path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(TrainingError, match="start again with a new --output"):
        fit(EXPERIMENT, folder, resume=True, progress=False)
