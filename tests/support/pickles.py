"""Pickles that would run code, for the tests that offer them as something else."""

import io
import pickle
from pathlib import Path

import pytest
import torch


class Payload:
    """A pickle that creates a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def pickled(payload: Payload, kind: str) -> bytes:
    """The payload as a bare pickle, or as torch saves it."""
    if kind == "pickle":
        return pickle.dumps(payload)
    buffer = io.BytesIO()
    torch.save({"state": payload}, buffer, _use_new_zipfile_serialization=kind == "torch")
    return buffer.getvalue()


PICKLES = ("pickle", "torch", "legacy torch")


@pytest.fixture(params=PICKLES)
def poison(request, tmp_path):
    """A pickle that works, and the file that it would create."""
    created = tmp_path / "created"
    content = pickled(Payload(created), request.param)
    if request.param == "pickle":
        pickle.loads(content)
    else:
        torch.load(io.BytesIO(content), weights_only=False)
    assert created.exists(), "the pickle is live"
    created.unlink()
    return content, created
