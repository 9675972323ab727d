"""A folder has one process, which the second is told of; no ending of the first keeps it locked."""

import multiprocessing
import os
import re
import signal
import socket

import pytest

from cotrain import ConfigError, TrainingError
from cotrain.basics import lock
from cotrain.basics.lock import locked


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(lock, "_PATIENCE_SECONDS", 0)


def test_the_second_is_told_of_the_first(tmp_path):
    with locked(tmp_path), pytest.raises(ConfigError) as caught, locked(tmp_path):
        pass
    pattern = (
        f"{tmp_path} is being written by process {os.getpid()} on {socket.gethostname()}, "
        r"begun \d{4}-\d\d-\d\d \d\d:\d\d:\d\d: "
        "wait until that has ended, or choose another --output"
    )
    assert re.fullmatch(pattern, str(caught.value))


def test_it_is_free_when_the_first_has_ended(tmp_path):
    for _ in range(2):
        with locked(tmp_path):
            assert (tmp_path / "run.lock").is_file()
    with pytest.raises(KeyError), locked(tmp_path):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_folders_that_stay_empty_are_not_left(tmp_path):
    with locked(tmp_path / "a" / "b"):
        pass
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path / "a" / "b"):
        (tmp_path / "a" / "file").touch()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["file"]


def _hold(folder, pipe):
    with locked(folder):
        child = os.fork()  # as a loader's process
        if not child:
            signal.pause()
        pipe.send(child)
        signal.pause()


def test_a_killed_holder_lets_go_though_its_children_live(tmp_path, monkeypatch):
    here, there = multiprocessing.Pipe()
    holder = multiprocessing.get_context("spawn").Process(target=_hold, args=(tmp_path, there))
    holder.start()
    child = here.recv()
    with pytest.raises(ConfigError, match=f"process {holder.pid} on"), locked(tmp_path):
        pass
    holder.kill()
    holder.join()
    monkeypatch.setattr(lock, "_PATIENCE_SECONDS", 10)
    with locked(tmp_path):
        os.kill(child, signal.SIGKILL)  # it was there until now
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(TrainingError, match=r"cannot write .*: File exists"),
        locked(tmp_path / "file"),
    ):
        pass
