"""Tensors are read from safetensors files alone; damage is one line."""

import json
import struct

import pytest
import safetensors.torch
import torch
from pickles import poison

from cotrain import ConfigError
from cotrain.basics.tensors import parse_tensors, read_tensors

__all__ = ["poison"]


def file_of(header: object, data: bytes = b"") -> bytes:
    """A file with this header, as safetensors lays it out."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(shape, start, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def test_tensors_are_read(tmp_path):
    tensors = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor(7)}
    (tmp_path / "t.safetensors").write_bytes(safetensors.torch.save(tensors))
    found = read_tensors(tmp_path / "t.safetensors", "again")
    assert found.keys() == tensors.keys()
    assert torch.equal(found["a"], tensors["a"])
    assert found["b"] == 7


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 7,
        struct.pack("<Q", 2**63),
        struct.pack("<Q", 10**9) + b"{",
        file_of(b"\xff\xfe"),
        file_of(b"[" * 100_000),
        file_of([]),
        file_of({"a": 1}),
        file_of({"a": entry([4], 0, 8)}, b"\x00" * 8),
        file_of({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, b"\x00" * 12),
        file_of({"a": entry([2], 0, 8)}, b"\x00" * 4),
        file_of({"a": entry([2**62, 4], 0, 8)}, b"\x00" * 8),
        file_of({"a": entry([-1], 0, 8)}, b"\x00" * 8),
        file_of({"a": entry([2], 0, 8, "OBJECT")}, b"\x00" * 8),
    ],
)
def test_damaged_files_are_one_line(tmp_path, content):
    with pytest.raises(ConfigError) as caught:
        parse_tensors(content, tmp_path / "t", "save it again")
    assert str(caught.value).startswith(f"{tmp_path / 't'} is not a safetensors file (")
    assert str(caught.value).endswith("): save it again")
    assert "\n" not in str(caught.value)


def test_a_pickle_is_no_file_of_tensors(tmp_path, poison):
    content, created = poison
    with pytest.raises(ConfigError, match="is not a safetensors file"):
        parse_tensors(content, tmp_path / "t", "save it again")
    assert not created.exists()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none cannot be read \(No such file or directory\): a"):
        read_tensors(tmp_path / "none", "again")
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\): again"):
        read_tensors(tmp_path, "again")
