"""What hostile files are tried with: a canary that must not appear, and no connection."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A path that code in a hostile file would make; nothing may, nor connect anywhere."""
    calls: list[object] = []

    def refused(_: socket.socket, address: object) -> None:
        calls.append(address)
        raise ConnectionRefusedError(f"a connection to {address} was tried")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket.socket, "connect_ex", refused)
    path = tmp_path / "canary"
    yield path
    assert not path.exists(), "a file ran code"
    assert not calls, "a file made a connection"
