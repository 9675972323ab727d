"""A run killed at any moment and resumed equals one that was never stopped, bit for bit."""

import multiprocessing
import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch

from cotrain.checkpoint import read_checkpoint
from cotrain.config import Data, Experiment, Views
from cotrain.run_folder import RunFolder

EXPERIMENT = Experiment(
    network="basic_resnet8_4",
    into=2,
    epochs=4,
    batch_size=16,
    data=Data(train_images=80, test_images=100, validation=0.2),
    views=Views(padding=1, flip=False, mixup=0.2, erasing=0.5),
    ema=0.9,
    checkpoint_steps=1,
)


@pytest.fixture(scope="module")
def processes() -> Iterator[multiprocessing.context.ForkServerContext]:
    """Real processes that start quickly: the server has imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["cotrain.training", "cotrain.evaluation", "sklearn.datasets"])
    yield context


def train(folder: Path, experiment: Experiment, die_at: int | None) -> None:
    """Start or resume the run; die without warning at the n-th step, fsync or rename."""
    from cotrain.training import CoTraining, fit

    torch.set_num_threads(1)
    if die_at is not None:
        events = iter(range(die_at))
        for owner, name in ((os, "fsync"), (os, "replace"), (CoTraining, "training_step")):
            setattr(owner, name, _dying(getattr(owner, name), events))
    fit(experiment, folder, resume=RunFolder(folder).config.exists(), progress=False)


def _dying(function: Callable, events: Iterator[int]) -> Callable:
    def die_or_go_on(*args: object, **kwargs: object) -> object:
        if next(events, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)

    return die_or_go_on


def run(processes, folder: Path, experiment: Experiment, die_at: int | None = None) -> int:
    process = processes.Process(target=train, args=(folder, experiment, die_at))
    process.start()
    process.join()
    return process.exitcode


def assert_same_run(left: Path, right: Path) -> None:
    one, other = (RunFolder(folder) for folder in (left, right))
    assert one.metrics.read_bytes() == other.metrics.read_bytes()
    states = [read_checkpoint(folder.checkpoint)["state_dict"] for folder in (one, other)]
    assert any(name.startswith("average.") for name in states[0])
    assert states[0].keys() == states[1].keys()
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), name
    shipped = [safetensors.torch.load_file(f.ensemble / "model.safetensors") for f in (one, other)]
    assert all(torch.equal(tensor, shipped[1][name]) for name, tensor in shipped[0].items())


@pytest.fixture(scope="module")
def whole(processes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was never stopped."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert run(processes, folder, EXPERIMENT) == 0
    return folder


def test_killed_twenty_times(processes, whole: Path, tmp_path: Path) -> None:
    moments = random.Random(0)
    folder, kills = tmp_path / "run", 0
    while kills < 20:
        if run(processes, folder, EXPERIMENT, die_at=moments.randrange(2, 16)) == 0:
            assert_same_run(folder, whole)
            folder = tmp_path / f"run-{kills}"
        else:
            kills += 1
    assert run(processes, folder, EXPERIMENT) == 0
    assert_same_run(folder, whole)
    rows = RunFolder(folder).metrics.read_text().splitlines()[1:]
    assert [int(row.split(",")[0]) for row in rows] == list(range(EXPERIMENT.epochs))
