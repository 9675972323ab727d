"""Kill one of several processes that train together, go on with more or fewer, and compare.

The others must end by themselves, in one line and bounded time. What was trained by other numbers
of processes is that of the run that was never killed but for rounding, in float64. BatchNorm's
statistics are those of the first process, and with them differ what is validated and shipped.
"""

import multiprocessing
import os
import random
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from multiprocessing.context import ForkServerContext
from pathlib import Path

import torch
from torch import Tensor

from cotrain.basics.errors import CotrainError
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Data, Experiment, Hardware, Optimizer, Views
from cotrain.training.checkpoint import read_checkpoint

# 16 batches of 4 images make an epoch, and 4 of them a step.
SHARED = Experiment(
    network="basic_resnet8_4",
    into=2,
    epochs=3,
    batch_size=4,
    data=Data(train_images=80, test_images=60, validation=0.2),
    views=Views(padding=1, flip=False, mixup=0.2, erasing=0.5),
    hardware=Hardware(accelerator="cpu", threads=1, precision="64-true", strategy="ddp_fork"),
    optimizer=Optimizer(clip=1.0),
    ema=0.9,
    checkpoint_steps=2,
)
GLOBAL_BATCH = 4
PROCESSES = (4, 2, 1)  # that can go on
METRICS = ("train_loss", "train_accuracy", "train_divergence", "learning_rate")
_ENDED = 90.0  # seconds within which the others must have ended by themselves


def on(processes: int) -> Experiment:
    """A run that so many begin."""
    return replace(
        SHARED,
        hardware=replace(SHARED.hardware, devices=processes),
        optimizer=replace(SHARED.optimizer, accumulate=GLOBAL_BATCH // processes),
    )


def clean_processes() -> ForkServerContext:
    """What starts processes in which nothing else runs; all that training needs is imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["cotrain.training", "sklearn.datasets"])
    return context


def go_on(experiment: Experiment, folder: Path) -> None:
    """In a process of its own: begin, or go on; exit as the command does."""
    from cotrain.training import fit

    try:
        fit(experiment, folder, resume=RunFolder(folder).config.exists(), progress=False)
    except CotrainError as error:
        print(error)
        sys.exit(error.exit_code)


def attempt(experiment: Experiment, folder: Path, draw: random.Random, seconds: float) -> int:
    """Exit code of a training of which one process is killed after so many seconds.

    It is that of the process that started the others; where there are none yet, it is killed.
    """
    process = clean_processes().Process(target=go_on, args=(experiment, folder))
    process.start()
    process.join(seconds)
    assert process.pid is not None
    ranks = _children(process.pid) if process.is_alive() else []
    with suppress(ProcessLookupError):  # it has just ended
        os.kill(draw.choice(ranks) if ranks else process.pid, signal.SIGKILL)
    process.join(_ENDED)
    if process.exitcode is None:
        process.kill()
        raise SystemExit(f"{folder}: the others did not end within {_ENDED:g} s")
    return process.exitcode


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def kill_until_done(
    experiment: Experiment, folder: Path, *, name: str, longest: float, draw: random.Random
) -> int:
    """How often a process was killed before the run ended by itself; as in ``kill_runs``."""
    kills = 0
    while True:
        seconds = draw.uniform(0, longest) * (1 + kills / 8)
        now = experiment
        if RunFolder(folder).checkpoint.exists():
            hardware = replace(experiment.hardware, devices=draw.choice(PROCESSES))
            now = replace(experiment, hardware=hardware)
        exit_code = attempt(now, folder, draw, seconds)
        if exit_code == 0:
            return kills
        if exit_code not in (2, -signal.SIGKILL):
            raise SystemExit(f"{name}: {folder} ended with exit code {exit_code}")
        kills += 1


def differences(whole: Path, folder: Path) -> list[str]:
    """Parameters, averages and training metrics that are not those of the whole run."""
    mine, other = _trained(folder), _trained(whole)
    if mine.keys() != other.keys():
        return ["names of parameters"]
    found = [
        name
        for name, value in other.items()
        # Losses are counted in float32.
        if not torch.allclose(mine[name], value, rtol=1e-6 if name in METRICS else 1e-9)
    ]
    return found + [path.name for path in folder.rglob("*.tmp")]


def _trained(folder: Path) -> dict[str, Tensor]:
    state = read_checkpoint(RunFolder(folder).checkpoint)["state_dict"]
    own = (".running_mean", ".running_var", ".num_batches_tracked")
    header, *rows = RunFolder(folder).metrics.read_text().splitlines()
    table = torch.tensor([[float(each) for each in row.split(",")] for row in rows])
    columns = dict(zip(header.split(","), table.T, strict=True))
    return {
        **{name: value for name, value in state.items() if not name.endswith(own)},
        **{name: columns[name] for name in METRICS},
    }
