"""Processes that are lost while others wait for them end these in one line, in bounded time."""

import os
import signal
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.distributed as dist
from own_processes import clean_processes
from torch.multiprocessing.spawn import ProcessExitedException

from cotrain.basics.errors import TrainingError
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Hardware
from cotrain.training.clear_errors import clear_errors, watch_ourselves

TIMEOUT = 2.0
SECOND = Hardware(timeout=1.0)
RUN = RunFolder(Path("runs/lost"))


def trainer(rank: int = 0, processes: int = 2, procs: list[Any] | None = None) -> Any:
    launcher = SimpleNamespace(procs=[] if procs is None else procs)
    strategy = SimpleNamespace(launcher=launcher)
    return SimpleNamespace(global_rank=rank, world_size=processes, strategy=strategy)


def lost(rank: int, store: Path, by: int, said: Any) -> None:
    """Two processes, of which the second is lost after their first sum."""
    options = {"rank": rank, "world_size": 2, "timeout": timedelta(seconds=TIMEOUT)}
    dist.init_process_group("gloo", init_method=f"file://{store}", **options)
    dist.all_reduce(torch.ones(1))
    if rank == 1:
        os.kill(os.getpid(), by)
    try:
        with clear_errors(RunFolder(store.parent), trainer(), Hardware(timeout=TIMEOUT)):
            dist.all_reduce(torch.ones(1))
    except TrainingError as error:
        said.send(str(error))


@pytest.mark.parametrize(
    ("by", "what"),
    [
        (signal.SIGKILL, "another one failed (see its message, if it left one)"),
        (signal.SIGSTOP, "another one did not answer for 2 s (hardware.timeout)"),
    ],
)
def test_a_process_that_is_lost(by: signal.Signals, what: str, tmp_path: Path) -> None:
    RunFolder(tmp_path).config.touch()
    context = clean_processes()
    said, saying = context.Pipe(duplex=False)
    both = [
        context.Process(target=lost, args=(rank, tmp_path / "store", by, saying)) for rank in (0, 1)
    ]
    for each in both:
        each.start()
    assert said.poll(60)
    assert said.recv() == (
        f"process 0 stopped because {what}: go on with cotrain train --resume {tmp_path}, if "
        "need be with fewer processes (--hardware.devices)"
    )
    for each in both:
        each.kill()
        each.join()


def test_other_errors_are_left_as_they_are() -> None:
    with (
        pytest.raises(RuntimeError, match="by peer"),
        clear_errors(RUN, trainer(0, 1), SECOND),
    ):
        raise RuntimeError("by peer")
    with (
        pytest.raises(RuntimeError, match="a bug"),
        clear_errors(RUN, trainer(), SECOND),
    ):
        raise RuntimeError("a bug")


def test_a_process_that_reaches_no_other_is_told_what_to_set() -> None:
    error = RuntimeError(
        "Gloo connectFullMesh failed with [pair.cc:152] timed out connecting: Connection refused"
    )
    said = pytest.raises(TrainingError, match=r"at no address: .* set GLOO_SOCKET_IFNAME on each")
    with said, clear_errors(RUN, trainer(), SECOND):
        raise error


def meeting(port: int, *, first: bool) -> None:
    """The first of two processes, or the other, on this machine."""
    waits = timedelta(seconds=0.5)
    dist.TCPStore("localhost", port, 2, first, timeout=waits)  # type: ignore[attr-defined]


def test_a_port_that_is_taken_and_one_at_which_nobody_answers(monkeypatch) -> None:
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    with socket.socket() as taken:
        taken.bind(("", 0))
        port = taken.getsockname()[1]
        monkeypatch.setenv("MASTER_PORT", str(port))
        said = pytest.raises(
            TrainingError, match=rf"MASTER_PORT={port} is in use .*: nothing was trained yet: start"
        )
        taken.listen()
        with said, clear_errors(RUN, trainer(), SECOND):
            meeting(port, first=True)
    said = pytest.raises(
        TrainingError, match=rf"no process 0 answers at MASTER_ADDR=localhost, MASTER_PORT={port} "
    )
    with said, clear_errors(RUN, trainer(1), SECOND):
        meeting(port, first=False)


def test_a_started_process_that_is_lost() -> None:
    error = ProcessExitedException(
        "process 1 terminated with signal SIGKILL", error_index=1, error_pid=7, exit_code=-9
    )
    said = pytest.raises(TrainingError, match=r"^a process failed: process 1 terminated with sig")
    with said, clear_errors(RUN, trainer(), SECOND):
        raise error


def test_where_batch_norm_is_synchronised_as_many_processes_go_on(tmp_path: Path) -> None:
    hardware, run = Hardware(sync_batch_norm=True), RunFolder(tmp_path)
    run.config.touch()
    said = pytest.raises(TrainingError, match=rf"{tmp_path}, with as many processes as began it \(")
    with said, clear_errors(run, trainer(), hardware):
        raise RuntimeError("Connection reset by peer")


def test_a_stopped_child_is_ended(monkeypatch) -> None:
    monkeypatch.setattr("cotrain.training.clear_errors._GRACE", 0.1)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    child.send_signal(signal.SIGSTOP)
    observed = [child]
    ours = trainer(procs=observed)
    watch_ourselves(ours)
    assert observed == []  # Lightning's observer has none to watch
    with (
        pytest.raises(TrainingError, match="did not answer"),
        clear_errors(RUN, ours, SECOND),
    ):
        raise RuntimeError("Application timeout caused pair closure")
    assert child.returncode == -signal.SIGKILL
