"""A split is found again, or what has changed since is named."""

import shutil
from dataclasses import replace

import pytest
from image_folders import noise
from split_records import data_of, record_of

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.data import load_splits
from cotrain.data.remembering import recall, refuse_other_split

PARTS = ("train", "val", "test")


def test_the_same_images_are_found_in_the_same_parts(photos):
    data = data_of(photos, validation=0.25)
    record = record_of(data)
    found = recall(record, data, PARTS)
    for name, part in found.parts.named().items():
        assert found.source.names(part.tolist()) == record.parts[name].names
        assert found.source.targets[part].tolist() == list(record.parts[name].targets)
    assert [len(part) for part in found.parts.named().values()] == [12, 4, 4]
    assert found.notes == ()
    again = load_splits(data, remembered=record)
    assert again.record is record
    assert again.train.targets.tolist() == load_splits(data).train.targets.tolist()


def test_images_that_were_added_change_nothing_and_are_told(photos):
    data = data_of(photos)
    record = record_of(data)
    noise(99).save(photos / "ant" / "000-first.png")
    noise(98).save(photos / "bee" / "new.png")
    found = recall(record, data, PARTS)
    assert found.notes == ("2 images were added since (ant/000-first.png): they are not used",)
    assert found.source.names(found.parts.train.tolist()) == record.parts["train"].names


def test_what_was_left_out_then_was_not_added_since(photos):
    data = data_of(photos, train_images=6, test_images=4)
    record = record_of(data)
    assert len(record.others) == 20 - 6 - 4
    assert recall(record, data, PARTS).notes == ()


def test_what_is_not_needed_may_be_missing(photos):
    data = data_of(photos)
    record = record_of(data)
    (photos / record.parts["train"].names[0]).unlink()
    name = record.parts["train"].names[0]
    assert recall(record, data, ("test",)).notes == (
        f"1 images are missing since ({name}), none of them needed",
    )
    with pytest.raises(ConfigError, match=rf"1 of the images .* are missing \({name}\): restore"):
        recall(record, data, PARTS)


@pytest.mark.parametrize(
    ("change", "how"),
    [
        (lambda root: (root / "ant").rename(root / "wasp"), "are missing"),
        (lambda root: shutil.move(root / "ant" / "000.png", root / "bee" / "a.png"), "are missing"),
        (lambda root: noise(5, (9, 9)).save(root / "ant" / "001.png"), "are changed"),
    ],
)
def test_changes_are_refused(photos, change, how):
    data = data_of(photos)
    record = record_of(data)
    change(photos)
    with pytest.raises(ConfigError, match=how):
        recall(record, data, PARTS)


@pytest.mark.parametrize("keep_files", [False, True])
def test_swapped_classes_and_other_pixels_of_the_same_size_are_refused(photos, keep_files):
    """Their sizes may be equal: what was read before is compared when it is read again."""
    for path in photos.rglob("*.png"):
        noise(int(path.stem) + 100 * (path.parent.name == "bee")).convert("L").save(
            path.with_suffix(".bmp")
        )
        path.unlink()
    data = data_of(photos, image_size=12)
    record = record_of(data, keep_files=keep_files)
    for old, new in (("ant", "tmp"), ("bee", "ant"), ("tmp", "bee")):
        (photos / old).rename(photos / new)
    assert len(recall(record, data, PARTS).parts.train)  # the same names and sizes
    with pytest.raises(ConfigError, match=r"\d+ of the images .* are changed"):
        load_splits(data, keep_files=keep_files, remembered=record)


def test_images_in_memory_are_remembered_by_their_numbers():
    data = Data(dataset="digits", train_images=50, test_images=20)
    record = record_of(data)
    assert record.parts["test"].sizes is None
    found = recall(record, data, ("test",))
    assert found.parts.test is not None
    assert found.parts.test.tolist() == [int(name) for name in record.parts["test"].names]


def test_settings_that_would_split_in_another_way(photos):
    record = record_of(data_of(photos, test=0.3))
    refuse_other_split(record, data_of(photos))  # a default says nothing
    refuse_other_split(record, data_of(photos, test=0.3))
    with pytest.raises(ConfigError, match=r"data.test=0.4 would be ignored: .* the run remembers"):
        refuse_other_split(record, data_of(photos, test=0.4))
    refuse_other_split(record, data_of(photos, test=0.4), but=("test",))


def test_which_images_a_part_knows_by_their_content(photos):
    known = record_of(data_of(photos)).parts["train"]
    assert known.contents is not None
    names = tuple("abcd")
    contents = (*known.contents[:3], "other")
    other = replace(known, names=names, targets=(0,) * 4, sizes=None, contents=contents)
    assert known.names_in([other]) == ("a", "b", "c")
    unread = record_of(data_of(photos, image_size=12, scan=False), keep_files=True)
    assert unread.parts["train"].names_in([other]) is None
