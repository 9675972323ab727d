"""Images at the network's size, kept in memory or on disk."""

from typing import Any

import numpy as np
import torch
from PIL import Image

from cotrain.data import FileImages, TensorImages, UnreadableImageError, images, read_image
from cotrain.ensemble.preprocessing import Preprocessing


def preprocessing(size=8, channels=3, margin=1.0):
    mean, std = (0.5,) * channels, (0.5,) * channels
    return Preprocessing(image_size=size, in_channels=channels, mean=mean, std=std, margin=margin)


def test_an_image_of_the_right_size_is_not_changed(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    assert torch.equal(
        read_image(tmp_path / "image.png", preprocessing()),
        torch.from_numpy(pixels).permute(2, 0, 1),
    )


def test_batches_are_in_the_order_of_the_files_and_one_is_read_ahead(tmp_path, monkeypatch):
    files = [str(tmp_path / f"{number}.png") for number in range(7)]
    for number, file in enumerate(files):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(file)
    (tmp_path / "3.png").write_bytes(b"no image")
    seen = []

    def read(file, frame):
        seen.append(file)
        return read_image(file, frame)

    monkeypatch.setattr(images, "read_image", read)
    batches = images.read_batches(files, preprocessing(), 2)
    first = next(batches)
    found = [first, *batches]
    assert [len(batch) for batch in found] == [2, 2, 2, 1]
    flat = [each for batch in found for each in batch]
    assert isinstance(flat[3], UnreadableImageError)
    assert [int(each[0, 0, 0]) for each in flat if isinstance(each, torch.Tensor)] == [
        *(0, 1, 2),
        *(4, 5, 6),
    ]
    assert sorted(seen) == files
    stopped: Any = images.read_batches(files * 50, preprocessing(), 2)
    next(stopped)
    stopped.close()
    assert len(seen) <= 7 + 4  # two batches have been begun


def test_files_give_pixels_at_the_networks_size_and_originals_at_their_own(tmp_path):
    Image.new("RGB", (40, 20), (1, 2, 3)).save(tmp_path / "image.png")
    images = FileImages(
        paths=[str(tmp_path / "image.png")] * 2,
        targets=torch.tensor([0, 1]),
        preprocessing=preprocessing(margin=1.15),
    )
    assert len(images) == 2
    assert images.pixels([0, 1]).shape == (2, 3, 8, 8)
    assert images.original(1).shape == (3, 20, 40)
    assert images.original(1)[:, 0, 0].tolist() == [1, 2, 3]


def test_tensors_give_the_images_asked_for():
    tensor = torch.arange(4).byte().view(4, 1, 1, 1).expand(4, 1, 8, 8)
    images = TensorImages(tensor=tensor, targets=torch.tensor([0, 1, 0, 1]))
    assert images.pixels([3, 1])[:, 0, 0, 0].tolist() == [3, 1]
    assert images.pixels(range(2, 4))[:, 0, 0, 0].tolist() == [2, 3]
    assert images.original(2).shape == (1, 8, 8)
    assert len(images) == 4
