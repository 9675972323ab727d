"""Images in tar shards: the same pixels as files have, in an order that reads shard by shard."""

import io
import tarfile
from dataclasses import replace

import pytest
import torch
from image_folders import noise

from cotrain.basics.errors import ConfigError
from cotrain.config import Data, Views
from cotrain.data import TrainingBatches, load_splits, load_test, training_loader
from cotrain.data.images import to_tensor
from cotrain.data.shards import shards_source

webdataset = pytest.importorskip("webdataset")

PHOTOS = Views(crop="resized", flip=False)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write_shards(root, name="train", *, shards=3, count=8, first=0, label="cls"):
    """Shards as WebDataset's own writer makes them; images of noise, classes in turn."""
    root.mkdir(exist_ok=True)
    for shard in range(shards):
        with webdataset.TarWriter(str(root / f"{name}-{shard:06}.tar")) as sink:
            for index in range(count):
                number = first + shard * count + index
                content = io.BytesIO()
                noise(number).save(content, "PNG")
                classes = {label: number % 2 if label == "cls" else {"class": "ab"[number % 2]}}
                sink.write({"__key__": f"{number:06}", "png": content.getvalue(), **classes})
    return Data(dataset="webdataset", root=str(root))


@pytest.mark.parametrize("keep_files", [False, True])
def test_pixels_classes_and_parts_are_those_of_the_shards(keep_files, tmp_path):
    data = write_shards(tmp_path / "set")
    write_shards(tmp_path / "set", "val", shards=1, first=100)
    write_shards(tmp_path / "set", "test", shards=2, first=200, count=4)
    found = load_splits(data, keep_files=keep_files)
    for images, numbers in (
        (found.train, range(24)),
        (found.val, range(100, 108)),
        (found.test, range(200, 208)),
    ):
        assert images is not None
        expected = torch.stack([to_tensor(noise(number)) for number in numbers])
        assert torch.stack([images.original(i) for i in range(len(images))]).equal(expected)
        assert images.targets.tolist() == [number % 2 for number in numbers]
    assert "6 shards" in str(found.summary)


def test_an_epoch_reads_a_few_shards_after_the_other(tmp_path):
    data = replace(write_shards(tmp_path / "set", shards=12, label="json"), test=0.0)
    found = load_splits(replace(data, validation="none"), keep_files=True)
    assert found.classes == ("a", "b")

    def loader(workers=0):
        batches = TrainingBatches(
            images=found.train,
            views=PHOTOS,
            preprocessing=found.preprocessing,
            num_classes=2,
            into=2,
            seed=3,
        )
        return training_loader(batches, batch_size=8, workers=workers)

    whole = loader()
    epochs = []
    for epoch in (0, 1):
        whole.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        epochs.append([index for key in whole.sampler for index in key.indices])
    assert epochs[0] != epochs[1]
    for order in epochs:
        assert sorted(order) == list(range(96))
        shards = [[index // 8 for index in order[start : start + 32]] for start in (0, 32, 64)]
        assert [len(set(some)) for some in shards] == [4, 4, 4]  # of 12, none read twice
        assert shards[0] != sorted(shards[0])  # mixed among themselves
    resumed = loader()
    resumed.sampler.resume(1, 5)  # type: ignore[attr-defined]
    assert [index for key in resumed.sampler for index in key.indices] == epochs[1][40:]
    for one, other in zip(loader(), loader(workers=2), strict=True):
        assert one.images.equal(other.images)


def test_a_split_is_found_again_and_other_shards_are_tested_whole(tmp_path):
    data = write_shards(tmp_path / "set")
    first = load_splits(data)
    assert first.record is not None
    assert first.test is not None
    (tmp_path / "set").rename(tmp_path / "moved")
    moved = replace(data, root=str(tmp_path / "moved"))
    again = load_splits(moved, remembered=first.record)
    assert again.test is not None
    assert again.test.pixels(range(4)).equal(first.test.pixels(range(4)))
    other = write_shards(tmp_path / "other", first=50, shards=1)
    tested = load_test(other, keep_files=False, shape=first.preprocessing, classes=first.classes)
    assert tested.test is not None
    assert len(tested.test) == 8
    with pytest.raises(ConfigError, match="of the images that the run remembers are"):
        load_splits(other, remembered=first.record)


def _rewrite(root, change):
    path = root / "train-000000.tar"
    with tarfile.open(path) as old:
        members = [(each, old.extractfile(each).read()) for each in old]  # type: ignore[union-attr]
    with tarfile.open(path, "w") as new:
        for member, content in change(members):
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize(
    ("change", "message", "left_out"),
    [
        (
            lambda all_: [each for each in all_ if each[0].name != "000002.cls"],
            "000002 has no class, as 1 of its 8 keys",
            {"keys without an image or a class": 1},
        ),
        (
            lambda all_: [(m, b"no" if m.name == "000002.png" else c) for m, c in all_],
            r"1 image files .*train-000000.tar:000002.png \(not an image\)",
            {"that cannot be decoded": 1},
        ),
    ],
)
def test_what_cannot_be_used_stops_or_is_counted(change, message, left_out, tmp_path):
    data = write_shards(tmp_path / "set")
    _rewrite(tmp_path / "set", change)
    data = replace(data, image_size=12)
    with pytest.raises(ConfigError, match=message):
        load_splits(data)
    found = load_splits(replace(data, unreadable="skip"))
    assert found.summary is not None
    assert found.summary.left_out == left_out


def test_a_part_without_classes_is_not_drawn_anew(tmp_path):
    """Of train, say, where the test images have no classes."""
    data = replace(write_shards(tmp_path / "set"), unreadable="skip")
    with webdataset.TarWriter(str(tmp_path / "set" / "test-000000.tar")) as sink:
        sink.write({"__key__": "0", "png": b"no class"})
    with pytest.raises(ConfigError, match=r"the test part \(.*test-000000.tar\) has no image with"):
        load_splits(data)


def test_folders_that_are_no_shards_are_refused(tmp_path):
    for root, message in ((None, "is not a folder"), (tmp_path, "holds no .tar file")):
        with pytest.raises(ConfigError, match=message):
            shards_source(Data(dataset="webdataset", root=root and str(root)))
    data = write_shards(tmp_path / "set")
    write_shards(tmp_path / "set", "more", shards=1)
    with pytest.raises(ConfigError, match=r"more-000000.tar does not say whether it is train"):
        shards_source(data)
    with pytest.raises(ConfigError, match=r"data.path_column=x would be ignored"):
        load_splits(replace(data, path_column="x"))
