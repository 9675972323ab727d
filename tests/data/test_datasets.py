"""The named data sets."""

import struct
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.data.datasets import open_source
from cotrain.data.reading import pixel_statistics


def test_digits_are_scikit_learns_at_full_range():
    source: Any = open_source(Data(dataset="digits"))
    original: Any = load_digits()
    assert source.images.shape == (1797, 8, 8)
    assert source.images.max() == 255
    assert np.abs(source.images / 255 - original.images / 16).max() <= 0.5 / 255
    assert source.targets.tolist() == original.target.tolist()
    assert source.classes == tuple("0123456789")
    assert (source.mean, source.std) == pixel_statistics(torch.from_numpy(source.images)[:, None])


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "svhn", "fashion_mnist"])
def test_missing_files_name_the_root_and_the_next_step(tmp_path, dataset):
    with pytest.raises(ConfigError, match=f"{tmp_path}.*{dataset}.*--data.download true"):
        open_source(Data(dataset=dataset, root=str(tmp_path)))
    with pytest.raises(ConfigError, match=r"data.root is not set"):
        open_source(Data(dataset=dataset))


def test_fashion_mnist_is_read_from_its_files(tmp_path):
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (30, 28, 28), dtype=np.uint8)
    labels = (np.arange(30) % 10).astype(np.uint8)
    for name, part in (("train", slice(0, 20)), ("t10k", slice(20, 30))):
        count = len(images[part])
        header = struct.pack(">iiii", 0x803, count, 28, 28)
        (folder / f"{name}-images-idx3-ubyte").write_bytes(header + images[part].tobytes())
        header = struct.pack(">ii", 0x801, count)
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(header + labels[part].tobytes())

    source = open_source(Data(dataset="fashion_mnist", root=str(tmp_path)))

    assert isinstance(source.images, np.ndarray)
    assert np.array_equal(source.images, images)
    assert source.targets.tolist() == labels.tolist()
    assert source.parts["test"].tolist() == list(range(20, 30))
    assert (source.image_size, source.in_channels) == (28, 1)
    assert source.classes[0] == "T-shirt/top"


class FakeSplit:
    """What torchvision's CIFAR10 and SVHN give: pixels and labels in their own layouts."""

    def __init__(self, root, download, train=None, split=None):
        is_train = split == "train" if train is None else train
        value = 1 if is_train else 2
        if split is None:
            self.data = np.full((4, 32, 32, 3), value, dtype=np.uint8)
            self.targets, self.classes = [0, 1, 0, 1], ["ant", "bee"]
        else:
            self.data = np.full((4, 3, 32, 32), value, dtype=np.uint8)
            self.labels = np.array([0, 1, 0, 1])


@pytest.mark.parametrize(
    ("dataset", "name", "classes"),
    [("cifar10", "CIFAR10", ("ant", "bee")), ("svhn", "SVHN", tuple("0123456789"))],
)
def test_layouts_of_torchvision(monkeypatch, dataset, name, classes):
    monkeypatch.setattr(f"torchvision.datasets.{name}", FakeSplit)
    source: Any = open_source(Data(dataset=dataset, root="somewhere"))
    assert source.images.shape == (8, 32, 32, 3)
    assert source.images[:, 0, 0, 0].tolist() == [1] * 4 + [2] * 4
    assert source.targets.tolist() == [0, 1] * 4
    assert source.classes == classes
    assert source.parts["train"].tolist() == [0, 1, 2, 3]


def test_imagenet_tests_on_its_validation_images(write_images):
    write_images("train")
    source = open_source(Data(dataset="imagenet", root=str(write_images("val"))))
    assert sorted(source.parts) == ["test", "train"]
    assert source.image_size == 224
    assert source.mean == (0.485, 0.456, 0.406)


def test_other_folders_are_not_imagenet(write_images):
    with pytest.raises(ConfigError, match=r"not ImageNet.*imagefolder"):
        open_source(Data(dataset="imagenet", root=str(write_images("train"))))
