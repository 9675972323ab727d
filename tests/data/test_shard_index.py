"""What a shard holds: every key with its bytes and its class, or what is wrong with it."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from cotrain.basics.errors import ConfigError
from cotrain.data.shard_index import shard_index


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cotrain" / "shards"


def write(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as shard:  # type: ignore[call-overload]
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            shard.addfile(member, io.BytesIO(content))
    return path


def test_bytes_and_classes_are_found_wherever_they_stand(tmp_path):
    path = write(
        tmp_path / "a.tar",
        {
            "x/1.jpg": b"one",
            "x/1.cls": b"3\n",
            "2.cls": b"ant",
            "2.PNG": b"two!",
            "3.json": b'{"label": 7, "caption": "a point. and more"}',
            "3.seg.png": b"no image",
            "3.webp": b"three",
            "README": b"no key",
        },
    )
    index = shard_index(path, None)
    found = {each.name: each for each in index.members}
    content = path.read_bytes()
    read = {
        name: (content[each.offset : each.offset + each.size], each.label)
        for name, each in found.items()
    }
    assert read == {
        "x/1.jpg": (b"one", "3"),
        "2.png": (b"two!", "ant"),
        "3.webp": (b"three", "7"),
    }
    assert index.incomplete == {}
    named = shard_index(path, "caption")
    assert named.incomplete == {"x/1": "no class", "2": "no class"}
    assert [each.label for each in named.members] == ["a point. and more"]


def test_what_is_incomplete_is_told(tmp_path):
    members = {"1.jpg": b"x", "2.cls": b"0", "3.jpg": b"x", "3.json": b"[]", "4.jpg": b"x"}
    members["4.cls"] = b" "
    assert shard_index(write(tmp_path / "a.tar", members), None).incomplete == {
        "1": "no class",
        "2": "no image",
        "3": "no class",
        "4": "no class",
    }


def test_an_index_is_made_once_and_anew_where_the_file_changes(tmp_path, cache, monkeypatch):
    path = write(tmp_path / "a.tar", {"1.jpg": b"x", "1.cls": b"0"})
    first = shard_index(path, None)
    (kept,) = cache.iterdir()
    with monkeypatch.context() as nothing:
        nothing.setattr(tarfile, "open", None)
        assert shard_index(path, None) == first
    kept.write_text("[")
    assert shard_index(path, None) == first
    kept.write_text(json.dumps({"members": [{"name": "x"}], "incomplete": {}}))
    assert shard_index(path, None) == first
    write(path, {"1.jpg": b"xyz", "1.cls": b"1", "2.jpg": b"x", "2.cls": b"1"})
    assert [each.label for each in shard_index(path, None).members] == ["1", "1"]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"1.jpg": b"x", "1.png": b"x", "1.cls": b"0"}, r"1 has 2 images \['jpg', 'png'\]"),
        ({"1.jpg": b"x", "1.JPG": b"x"}, "1.JPG twice"),
        ({"1.jpg": b"x", "1.cls": b"\xff"}, "no text in UTF-8"),
        ({"1.jpg": b"x", "1.cls": b"nan"}, "1.cls has 'nan', which is neither a name nor a whole"),
        ({"1.jpg": b"x", "1.cls": b"1.0\n"}, "1.cls has '1.0', which is neither"),
        ({"1.jpg": b"x", "1.cls": b"1\n2\n"}, r"1.cls has '1\\n2', which is neither"),
        ({"1.jpg": b"x", "1.json": b'{"label": "NaN"}'}, "1.json has 'NaN', which is neither"),
        ({"1.jpg": b"x", "1.json": b"{"}, "1.json is no JSON"),
        ({"1.jpg": b"x", "1.json": b'{"label": 1, "class": 2}'}, "--data.label_column"),
        ({"1.jpg": b"x", "1.json": b'{"label": 1.5}'}, "label 1.5, which is neither"),
    ],
)
def test_what_could_be_misunderstood_is_refused(members, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        shard_index(write(tmp_path / "a.tar", members), None)


def test_damaged_files_are_refused(tmp_path):
    members = {"1.jpg": b"x" * 5000, "1.cls": b"0"}
    whole = write(tmp_path / "a.tar", members).read_bytes()
    cut = tmp_path / "cut.tar"
    cut.write_bytes(whole[:2000])
    packed = write(tmp_path / "b.tar", members, "w:gz")
    (tmp_path / "c.tar").write_bytes(b"no tar file" * 100)
    for path, message in (
        (cut, "cut short in 1.jpg|cannot be read"),
        (packed, "that is not compressed"),
        (tmp_path / "c.tar", "cannot be read as a tar file"),
    ):
        with pytest.raises(ConfigError, match=message):
            shard_index(path, None)


def test_no_shard_is_taken_for_whole_that_is_not(tmp_path):
    """tarfile ends at once, and quietly, at whatever is no header."""
    members = {f"{number}.{kind}": b"0" for number in range(3) for kind in ("jpg", "cls")}
    whole = write(tmp_path / "whole.tar", members).read_bytes()
    assert len(shard_index(tmp_path / "whole.tar", None).members) == 3
    end = len(members) * 2 * tarfile.BLOCKSIZE
    assert not whole[end:].strip(b"\0")
    assert whole[end - tarfile.BLOCKSIZE :].strip(b"\0")
    path = tmp_path / "cut.tar"
    for size in range(256, end + 1, 256):
        path.write_bytes(whole[:size])
        with pytest.raises(ConfigError, match=r"cut short|cannot be read"):
            shard_index(path, None)
    for damaged in (whole + whole, whole[:2048] + b"x" * 512 + whole[2560:]):
        path.write_bytes(damaged)
        with pytest.raises(ConfigError, match="is damaged, or several tar files in one, at byte"):
            shard_index(path, None)
