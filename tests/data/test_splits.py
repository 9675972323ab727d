"""From a description of the data to images that can be trained on."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.data import FileImages, TensorImages, load_splits


def folder_data(root, **options):
    return Data(dataset="imagefolder", root=str(root), **options)


def test_digits_of_200_training_images_test_on_the_other_1597():
    splits: Any = load_splits(Data(dataset="digits", train_images=200, validation="none"))
    assert len(splits.train) == 200
    assert len(splits.test) == 1597
    assert splits.val is None
    assert splits.train.pixels([0]).shape == (1, 1, 8, 8)
    assert splits.train.targets.bincount().min() >= 19
    assert splits.preprocessing.mean == (0.3053,)
    assert splits.preprocessing.margin == 1.0
    assert splits.tested_on == "test"


def test_digits_in_other_sizes_and_channels():
    data = Data(dataset="digits", train_images=50, image_size=16, in_channels=3)
    splits: Any = load_splits(data)
    pixels = splits.train.pixels([0, 1])
    assert pixels.shape == (2, 3, 16, 16)
    assert torch.equal(pixels[:, 0], pixels[:, 2])
    shares = splits.train.tensor.double() / 255
    assert splits.preprocessing.mean[0] == pytest.approx(shares[:, 0].mean().item(), abs=6e-5)
    assert splits.preprocessing.std[1] == pytest.approx(
        shares[:, 1].std(correction=0).item(), abs=6e-5
    )


def test_a_folder_is_decoded_to_its_own_pixels(write_images):
    root = write_images("train", count=10)
    write_images("test", count=2)
    splits: Any = load_splits(folder_data(root, validation=0.2))
    assert (len(splits.train), len(splits.val), len(splits.test)) == (16, 4, 4)
    assert splits.classes == ("ant", "bee")
    for index, name in enumerate(("ant/000", "ant/001", "bee/000", "bee/001")):
        expected = torch.from_numpy(np.array(Image.open(root / "test" / f"{name}.png")))
        assert torch.equal(splits.test.pixels([index])[0], expected.permute(2, 0, 1))
    assert splits.preprocessing.image_size == 12
    mean = splits.train.tensor.double().mean((0, 2, 3)) / 255
    assert splits.preprocessing.mean == pytest.approx(mean.tolist(), abs=6e-5)


def test_files_kept_on_disk(write_images):
    root = write_images("train", count=4, size=(30, 20))
    write_images("val", count=2, size=(20, 30))
    splits: Any = load_splits(folder_data(root, image_size=16), keep_files=True)
    assert isinstance(splits.train, FileImages)
    assert splits.train.original(0).shape == (3, 20, 30)
    assert splits.val.pixels([0, 3]).shape == (2, 3, 16, 16)
    assert splits.preprocessing.mean == (0.485, 0.456, 0.406)
    assert splits.preprocessing.margin == 1.15
    assert splits.tested_on == "val"


def test_given_statistics_win(write_images):
    data = folder_data(write_images(), in_channels=1, mean=[0.4], std=[0.3])
    splits = load_splits(data)
    assert (splits.preprocessing.mean, splits.preprocessing.std) == ((0.4,), (0.3,))
    assert splits.train.pixels([0]).shape == (1, 1, 12, 12)


def damage(root, part="train"):
    (root / part / "ant" / "000.png").write_bytes(b"")
    (root / part / "bee" / "001.png").write_text("text")
    cut = root / part / "bee" / "002.png"
    cut.write_bytes(cut.read_bytes()[:300])
    return [str(root / part / name) for name in ("ant/000.png", "bee/001.png", "bee/002.png")]


@pytest.mark.parametrize("keep_files", [False, True])
def test_unreadable_files_are_listed_together(write_images, keep_files):
    root = write_images("train")
    write_images("test")
    bad = damage(root) + damage(root, "test")
    with pytest.raises(ConfigError, match="6 image files cannot be decoded") as caught:
        load_splits(folder_data(root, image_size=12), keep_files=keep_files)
    message = str(caught.value)
    assert all(path in message for path in bad)
    assert "--data.unreadable skip" in message
    assert "\n" not in message


def test_a_long_list_is_cut_after_ten(write_images):
    root = write_images(count=20)
    for path in (root / "ant").iterdir():
        path.write_bytes(b"")
    with pytest.raises(ConfigError, match=r"20 image files .*; and 10 more: remove"):
        load_splits(folder_data(root))


@pytest.mark.parametrize("keep_files", [False, True])
def test_skipped_files_are_counted(write_images, keep_files):
    root = write_images("train")
    write_images("test")
    bad = damage(root)
    data = folder_data(root, image_size=12, validation="none", unreadable="skip")
    splits: Any = load_splits(data, keep_files=keep_files)
    assert sorted(splits.unreadable) == sorted(bad)
    assert splits.train.targets.tolist() == [0] * 4 + [1] * 3
    assert len(splits.test) == 10
    kept = torch.from_numpy(np.array(Image.open(root / "train" / "bee" / "003.png")))
    assert torch.equal(splits.train.original(5), kept.permute(2, 0, 1))


def test_skipping_must_leave_every_class(write_images):
    root = write_images()
    for path in (root / "bee").iterdir():
        path.write_bytes(b"")
    with pytest.raises(ConfigError, match="leaves class 'bee' no image"):
        load_splits(folder_data(root, unreadable="skip"))


def test_only_the_chosen_images_are_decoded(write_images, monkeypatch):
    root = write_images("train", count=50)
    write_images("test", count=50)
    from cotrain.data import reading

    read, real = [], reading.read_image
    monkeypatch.setattr(reading, "read_image", lambda path, p: read.append(path) or real(path, p))
    splits: Any = load_splits(folder_data(root, train_images=10, test_images=6))
    assert len(read) == 16
    assert (len(splits.train) + len(splits.val), len(splits.test)) == (10, 6)


def test_images_that_were_added_are_seen(write_images):
    data = folder_data(write_images())
    first: Any = load_splits(data)
    write_images("", classes=("cat",), count=7)
    second: Any = load_splits(data)
    sizes = [sum(map(len, (each.train, each.val, each.test))) for each in (first, second)]
    assert sizes == [10, 17]
    assert second.classes == ("ant", "bee", "cat")


def test_images_that_fit_no_memory_are_refused(write_images, monkeypatch):
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PAGE_SIZE": 4096}.get(name, 1))
    with pytest.raises(ConfigError, match=r"--views.crop resized"):
        load_splits(folder_data(write_images(), image_size=64))


def test_arrays_stay_in_memory():
    splits = load_splits(Data(dataset="digits"), keep_files=True)
    assert isinstance(splits.train, TensorImages)
    assert splits.preprocessing.margin == 1.0
