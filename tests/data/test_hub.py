"""Data sets of Hugging Face's: the same pixels and parts as the folders they were made of."""

import io
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from image_folders import noise

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.data import load_splits, load_test
from cotrain.data.hub import hub_source
from cotrain.data.images import to_tensor
from cotrain.data.same_images import is_same

datasets = pytest.importorskip("datasets")

NAMES = ["bee", "ant"]  # in the order of their numbers
IMAGES = [noise(number) for number in range(20)]
PIXELS = torch.stack([to_tensor(image) for image in IMAGES])


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Nothing is written to the user's cache, and nobody is asked."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


def rows(labels, start=0, *, names=NAMES, **columns):
    kinds = {"image": datasets.Image()}
    if names is not None:
        kinds["label"] = datasets.ClassLabel(names=names)
        kinds |= dict.fromkeys(columns, datasets.ClassLabel(names=names))
    values = {"image": IMAGES[start : start + len(labels)], "label": labels, **columns}
    made = datasets.Dataset.from_dict(values)
    return made.cast(datasets.Features({**made.features, **kinds}))


def saved(root: Path, **splits) -> Data:
    datasets.DatasetDict(splits).save_to_disk(str(root))
    return Data(dataset="hf", root=str(root))


def parquet(root: Path) -> Data:
    (root / "data").mkdir(parents=True)
    rows([0, 1] * 6).to_parquet(root / "data" / "train-00000-of-00001.parquet")
    rows([1, 0] * 4, 12).to_parquet(root / "data" / "test-00000-of-00001.parquet")
    return Data(dataset="hf", root=str(root))


def with_metadata(root: Path) -> Data:
    for part, numbers in (("train", range(12)), ("test", range(12, 20))):
        (root / part).mkdir(parents=True)
        lines = ["file_name,label"]
        for number in numbers:
            IMAGES[number].save(root / part / f"{number:02}.png")
            lines.append(f"{number:02}.png,{NAMES[(number + (part == 'test')) % 2]}")
        (root / part / "metadata.csv").write_text("\n".join(lines))
    return Data(dataset="hf", root=str(root))


def saved_parts(root: Path) -> Data:
    return saved(root, train=rows([0, 1] * 6), test=rows([1, 0] * 4, 12))


@pytest.mark.parametrize("keep_files", [False, True])
@pytest.mark.parametrize("make", [saved_parts, parquet, with_metadata])
def test_pixels_classes_and_parts_are_those_that_were_saved(make, keep_files, tmp_path):
    data = replace(make(tmp_path / "set"), validation="none")
    found = load_splits(data, keep_files=keep_files)
    assert sorted(found.classes) == ["ant", "bee"]
    assert (found.classes == ("bee", "ant")) == (make is not with_metadata)  # which says no order
    assert found.test is not None
    parts = (found.train, PIXELS[:12], ["bee", "ant"]), (found.test, PIXELS[12:], ["ant", "bee"])
    for images, pixels, first in parts:
        assert torch.stack([images.original(i) for i in range(len(images))]).equal(pixels)
        assert [found.classes[target] for target in images.targets[:2]] == first
    assert "images by its 'image', classes by 'label'" in str(found.summary)


def test_one_split_is_divided_by_ratio_and_found_again(tmp_path):
    rows([0, 1] * 10).save_to_disk(str(tmp_path / "set"))
    data = Data(dataset="hf", root=str(tmp_path / "set"))
    first = load_splits(data)
    assert len(first.train) + len(first.val or ()) + len(first.test or ()) == 20
    assert first.record is not None
    moved = replace(data, root=str(shutil.copytree(tmp_path / "set", tmp_path / "moved")))
    again = load_splits(moved, remembered=first.record)
    assert first.test is not None
    assert again.test is not None
    assert again.test.pixels(range(4)).equal(first.test.pixels(range(4)))
    assert is_same(first.record, data)
    assert is_same(first.record, moved)
    rows([1, 0] * 10).save_to_disk(str(tmp_path / "other"))
    other = replace(data, root=str(tmp_path / "other"))
    with pytest.raises(ConfigError, match="of another class now"):
        load_splits(other, remembered=first.record)
    datasets.Dataset.from_dict({"image": IMAGES[::-1], "label": [0, 1] * 10}).cast(
        rows([0, 1]).features
    ).save_to_disk(str(tmp_path / "reversed"))
    assert not is_same(first.record, replace(data, root=str(tmp_path / "reversed")))
    tested = load_test(other, keep_files=False, shape=first.preprocessing, classes=first.classes)
    assert tested.test is not None
    assert len(tested.test) == 20


def test_a_split_remembers_the_column_of_its_classes(tmp_path):
    two = rows([0, 1] * 10, fine=[1, 0] * 10)
    data = replace(saved(tmp_path / "set", train=two), label_column="fine")
    first = load_splits(data)
    assert first.record is not None
    again = load_splits(first.record.origin.data, remembered=first.record)
    assert again.train.targets.equal(first.train.targets)


def test_text_and_numbers_are_classes_and_bytes_are_images(tmp_path):
    content = io.BytesIO()
    IMAGES[0].save(content, "PNG")
    images = [{"bytes": content.getvalue(), "path": None}] * 4
    for labels, classes in ((["b", "a"] * 2, ("a", "b")), ([10, 9] * 2, ("9", "10"))):
        made = datasets.Dataset.from_dict({"picture": images, "target": labels})
        path = tmp_path / f"{classes[0]}.parquet"
        made.to_parquet(path)
        source = hub_source(Data(dataset="hf", root=str(path)))
        assert source.classes == classes
        assert source.targets.tolist() == [1, 0, 1, 0]


def test_splits_that_are_no_part_or_have_no_classes_are_counted(tmp_path):
    train, hidden = rows([0, 1] * 6), rows([-1] * 3, 12)
    data = saved(tmp_path / "set", train=train, validation=train, test=hidden, extra=hidden)
    source = hub_source(data)
    assert {name: len(part) for name, part in source.parts.items()} == {"train": 12, "val": 12}
    assert source.left_out == {
        "of the split 'extra'": 3,
        "of the split 'test', which has no classes": 3,
    }


def test_unreadable_rows_stop_or_are_counted(tmp_path):
    images = [{"bytes": b"no image", "path": None}, *IMAGES[1:]]
    made = datasets.Dataset.from_dict({"image": IMAGES, "label": [0, 1] * 10})
    made = made.cast(rows([0]).features).cast_column("image", datasets.Image(decode=False))
    broken = datasets.Dataset.from_dict(
        {"image": [images[0], *made["image"][1:-1], None], "label": [0, 1] * 10},
        features=made.features,
    )
    broken.save_to_disk(str(tmp_path / "set"))
    data = Data(dataset="hf", root=str(tmp_path / "set"), image_size=12)
    with pytest.raises(ConfigError, match=r"2 image files .*all\[0\] \(not an image\); all\[19\]"):
        load_splits(data)
    skipped = load_splits(replace(data, unreadable="skip"))
    assert "left out: 2 that cannot be decoded" in str(skipped.summary)


@pytest.mark.parametrize(
    ("splits", "settings", "message"),
    [
        ({"train": rows([0, -1, 1])}, {}, r"train\[1\] has no label, as 1 of 3 rows"),
        ({"train": rows([0.5, 1.5], names=None)}, {}, r"has label 0.5, which is neither"),
        ({"test": rows([0, 1])}, {}, "has test images, but none to train on: call some train"),
        ({"train": rows([0, 0])}, {}, r"has 1 classes \['bee'\] to train on"),
        ({"train": rows([0, 1], fine=[1, 0])}, {}, r"\['label', 'fine'\].*--data.label_column"),
        ({"train": rows([0, 1])}, {"label_column": "kind"}, "no column of classes 'kind'"),
        ({"train": rows([0, 1])}, {"split_column": "x"}, "data.split_column=x would be ignored"),
        ({"train": rows([0, 1])}, {"download": True}, "data.download=true would be ignored"),
        ({"train": rows([0, 1]), "test": rows([0, 2], names=["bee", "ant", "cat"])}, {}, "'cat'"),
        ({"train": rows([0, 1]), "val": rows([0]), "valid": rows([0])}, {}, "are not train, val"),
    ],
)
def test_what_could_be_misunderstood_is_refused(splits, settings, message, tmp_path):
    data = replace(saved(tmp_path / "set", **splits), **settings)
    with pytest.raises(ConfigError, match=message):
        load_splits(data)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "data.root is not set"),
        ({"root": "somebody/photos"}, "is not here: give the folder .* --data.download true"),
        ({"root": "/no/such/folder"}, "no folder, and no name of a data set"),
        ({"root": "somebody/photos", "download": True}, "check the name and the connection"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(settings, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=message) as found:
        hub_source(Data(dataset="hf", **settings))
    assert "\n" not in str(found.value)


def test_an_empty_folder_is_no_data_set(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot be opened .*: give another folder"):
        hub_source(Data(dataset="hf", root=str(tmp_path)))
