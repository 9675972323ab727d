"""A file is the old one or the new one, whatever fails in between."""

import hashlib
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cotrain import TrainingError
from cotrain.basics.files import atomic_write, digest


@contextmanager
def disk_for(size: int) -> Iterator[None]:
    """The system refuses to write more than ``size`` bytes into a file, as when a disk is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("content", [b"", b"new", memoryview(b"new"), bytes(100_000)])
def test_the_file_holds_the_content_and_nothing_else_is_left(tmp_path, content):
    path = tmp_path / "deep" / "folder" / "file"
    atomic_write(path, b"old")
    atomic_write(str(path), content)
    assert files(path.parent) == {"file": bytes(content)}


def test_the_old_file_is_kept_beside_the_new(tmp_path):
    path, previous = tmp_path / "file", tmp_path / "file.previous"
    atomic_write(path, b"1", previous=previous)
    assert files(tmp_path) == {"file": b"1"}
    atomic_write(path, b"2", previous=previous)
    atomic_write(path, b"3", previous=previous)
    assert files(tmp_path) == {"file": b"3", "file.previous": b"2"}


def test_the_old_file_is_copied_where_there_are_no_links(tmp_path, monkeypatch):
    def no_links(source, target):
        raise OSError("links are not supported")

    monkeypatch.setattr(os, "link", no_links)
    path, previous = tmp_path / "file", tmp_path / "file.previous"
    atomic_write(path, b"1")
    atomic_write(path, b"2", previous=previous)
    assert files(tmp_path) == {"file": b"2", "file.previous": b"1"}


def test_what_a_crash_left_behind_does_no_harm(tmp_path):
    (tmp_path / "file.tmp").write_bytes(b"half of something longer")
    (tmp_path / "file.previous.tmp").write_bytes(b"half")
    (tmp_path / "file").write_bytes(b"1")
    atomic_write(tmp_path / "file", b"2", previous=tmp_path / "file.previous")
    assert files(tmp_path) == {"file": b"2", "file.previous": b"1"}


def test_a_full_disk_keeps_the_old_files(tmp_path):
    path, previous = tmp_path / "file", tmp_path / "file.previous"
    atomic_write(path, b"1")
    atomic_write(path, b"2", previous=previous)
    with disk_for(1000), pytest.raises(TrainingError) as caught:
        atomic_write(path, bytes(100_000), previous=previous)
    message = str(caught.value)
    assert message.startswith(f"cannot write {path}: File too large; free space")
    assert "\n" not in message
    assert files(tmp_path) == {"file": b"2", "file.previous": b"1"}
    atomic_write(path, b"3", previous=previous)
    assert files(tmp_path) == {"file": b"3", "file.previous": b"2"}


@pytest.mark.parametrize("step", ["fsync", "link", "replace"])
def test_a_failure_at_any_step_keeps_the_old_file(tmp_path, monkeypatch, step):
    path, previous = tmp_path / "file", tmp_path / "file.previous"
    atomic_write(path, b"1")
    atomic_write(path, b"2", previous=previous)

    def fail(*arguments):
        raise KeyboardInterrupt  # as a kill, it is not handled

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(KeyboardInterrupt):
        atomic_write(path, b"3", previous=previous)
    monkeypatch.undo()
    assert path.read_bytes() == b"2"
    assert previous.read_bytes() == b"1"
    atomic_write(path, b"4", previous=previous)
    assert (path.read_bytes(), previous.read_bytes()) == (b"4", b"2")


def test_the_content_is_flushed_before_the_rename_and_the_folder_after(tmp_path, monkeypatch):
    events = []
    fsync, replace = os.fsync, os.replace

    def record_fsync(descriptor):
        events.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def record_replace(source, target):
        events.append(f"rename to {Path(target).name}")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "replace", record_replace)
    atomic_write(tmp_path / "file", b"1")
    atomic_write(tmp_path / "file", b"2", previous=tmp_path / "before")
    write = ["file", "rename to file", "folder"]
    assert events == [*write, "file", "rename to before", "rename to file", "folder"]


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "taken").write_bytes(b"1")
    with pytest.raises(TrainingError, match=r"cannot write .*/taken/file: .*; free space or"):
        atomic_write(tmp_path / "taken" / "file", b"2")
    with pytest.raises(TrainingError, match=r"cannot write .*: Is a directory"):
        atomic_write(tmp_path, b"2")
    assert files(tmp_path) == {"taken": b"1"}


def test_what_is_no_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TrainingError, match=r"cannot write .*/pipe: Not a regular file"):
        atomic_write(tmp_path / "pipe", b"1")
    with pytest.raises(TrainingError, match="cannot write /dev/full: Not a regular file"):
        atomic_write("/dev/full", b"1")
    assert (tmp_path / "pipe").is_fifo()
    assert Path("/dev/full").is_char_device()


def test_a_link_stays_and_its_file_is_replaced(tmp_path):
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "link").symlink_to("file")
    atomic_write(tmp_path / "link", b"2")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"2"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"1")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(TrainingError, match=r"cannot write .*: Permission denied"):
            atomic_write(tmp_path / "file", b"2")
        assert files(tmp_path) == {"file": b"1"}
    finally:
        tmp_path.chmod(0o700)


def test_digest_is_sha256():
    assert digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest(memoryview(b"xyz")) == hashlib.sha256(b"xyz").hexdigest()
