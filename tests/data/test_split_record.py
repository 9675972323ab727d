"""What is remembered of a split is read back as it was written, or refused."""

import json
from dataclasses import replace

import pytest

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.data.split_record import (
    PartRecord,
    SplitOrigin,
    SplitRecord,
    read_record,
    splitting,
)

NAMES = ("cat/0.png", "dog/caf\u00e9\udcff.png")
TRAIN = PartRecord(names=NAMES, targets=(0, 1), sizes=(7, 8), contents=("ab", "cd"))
TEST = PartRecord(names=("dog/2.png",), targets=(1,), sizes=(9,), contents=("ef",))
RECORD = SplitRecord(
    origin=SplitOrigin(
        dataset="imagefolder",
        root="/photos",
        settings=splitting(Data(validation="none", test_images=1)),
        classes=("cat", "dog"),
        tested_on="test",
    ),
    parts={"train": TRAIN, "test": TEST},
    others=("cat/3.png",),
)


def test_a_record_is_read_back(tmp_path):
    RECORD.write(tmp_path / "split.jsonl")
    found = read_record(tmp_path / "split.jsonl")
    assert found == RECORD
    assert found is not None
    assert found.origin.settings["validation"] == "none"
    assert len((tmp_path / "split.jsonl").read_text().splitlines()) == 5


def test_a_setting_that_came_later_is_what_it_was_before(tmp_path):
    RECORD.write(tmp_path / "split.jsonl")
    text = (tmp_path / "split.jsonl").read_text()
    assert '"calibration": "none", ' in text
    (tmp_path / "split.jsonl").write_text(text.replace('"calibration": "none", ', ""))
    assert read_record(tmp_path / "split.jsonl") == RECORD


def test_images_in_memory_have_no_sizes(tmp_path):
    part = PartRecord(names=("3", "0"), targets=(0, 1), sizes=None, contents=("ab", "cd"))
    record = SplitRecord(origin=RECORD.origin, parts={"train": part})
    record.write(tmp_path / "split.jsonl")
    assert read_record(tmp_path / "split.jsonl") == record


def test_runs_of_earlier_versions_have_none(tmp_path):
    assert read_record(tmp_path / "split.jsonl") is None


@pytest.mark.parametrize(
    "part",
    [
        PartRecord(names=("x", NAMES[1]), targets=(0, 1), sizes=(7, 8), contents=("ab", "cd")),
        PartRecord(names=NAMES, targets=(1, 0), sizes=(7, 8), contents=("ab", "cd")),
        PartRecord(names=NAMES, targets=(0, 1), sizes=(7, 9), contents=("ab", "cd")),
        PartRecord(names=NAMES, targets=(0, 1), sizes=(7, 8), contents=("ab", "ce")),
        PartRecord(names=NAMES[::-1], targets=(1, 0), sizes=(8, 7), contents=("cd", "ab")),
    ],
)
def test_the_digest_is_of_every_image(part):
    other = SplitRecord(origin=RECORD.origin, parts={"train": part, "test": TEST})
    assert other.digest != RECORD.digest
    same = SplitRecord(origin=RECORD.origin, parts=RECORD.parts)
    assert same.digest == RECORD.digest


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (0, "{"),
        (0, "[]"),
        (0, '{"format": 1, "digest": ""}'),
        (1, '["train", "../cat/0.png", 0, 7, "ab"]'),
        (1, '["train", "/cat/0.png", 0, 7, "ab"]'),
        (1, '["train", "cat/1.png", 0, 7, "ab"]'),
        (1, '["train", "cat/0.png", "0", 7, "ab"]'),
        (1, '["train", "cat/0.png", 0, 7]'),
        (1, "7"),
        (1, "[" * 100_000),
        (3, "\xff"),
    ],
)
def test_files_that_were_edited_are_refused(tmp_path, line, text):
    path = tmp_path / "split.jsonl"
    RECORD.write(path)
    lines = path.read_text().splitlines()
    lines[line] = text
    path.write_text("\n".join(lines), encoding="latin-1")
    with pytest.raises(ConfigError, match=r"split.jsonl is damaged, edited or of another version"):
        read_record(path)


def test_another_version_is_refused(tmp_path):
    path = tmp_path / "split.jsonl"
    RECORD.write(path)
    heading, *rest = path.read_text().splitlines()
    heading = json.dumps({**json.loads(heading), "format": 2})
    path.write_text("\n".join([heading, *rest]))
    with pytest.raises(ConfigError, match="of another version"):
        read_record(path)


def test_validation_images_can_stand_in_the_place_of_the_tests():
    selecting = PartRecord(names=("cat/9.png",), targets=(0,), sizes=(3,), contents=("gh",))
    record = SplitRecord(
        origin=RECORD.origin, parts={**RECORD.parts, "val": selecting}, others=RECORD.others
    )
    found = record.on_validation()
    assert found.parts == {"train": TRAIN, "test": selecting}
    assert found.others == ("cat/3.png", "dog/2.png")  # known, so that none looks new
    with pytest.raises(ConfigError, match=r"give data\.validation a share such as 0\.2"):
        RECORD.on_validation()


def test_images_that_are_trained_on_as_well_are_counted_by_part():
    kept = PartRecord(names=("a", "b"), targets=(0, 0), sizes=(1, 1), contents=("cd", "gh"))
    copies = PartRecord(names=("c", "d"), targets=(0, 0), sizes=(1, 1), contents=("ab", "cd"))
    parts = {"train": TRAIN, "val": kept, "test": copies}
    said = list(SplitRecord(origin=RECORD.origin, parts=parts).leaks())
    assert [line.partition(" are among the training images, too")[0] for line in said] == [
        "1 of the val images",
        "2 of the test images",
    ]
    assert not list(RECORD.leaks())
    assert not list(SplitRecord(origin=RECORD.origin, parts={"test": TEST}).leaks())
    unread = {"train": replace(TRAIN, contents=None), "test": TEST}
    assert not list(SplitRecord(origin=RECORD.origin, parts=unread).leaks())
