"""Small image folders, written anew for each test."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Write = Callable[..., Path]


def noise(seed: int, size: tuple[int, int] = (12, 12)) -> Image.Image:
    """An RGB image of random pixels, ``size`` being width and height."""
    width, height = size
    generator = np.random.default_rng(seed)
    return Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.fixture
def write_images(tmp_path: Path) -> Write:
    """Write ``count`` PNG files of noise into each class folder of ``root``/``part``."""

    def write(part: str = "", *, count: int = 5, classes=("ant", "bee"), size=(12, 12)) -> Path:
        for number, name in enumerate(classes):
            folder = tmp_path / part / name
            folder.mkdir(parents=True)
            for index in range(count):
                noise(1000 * number + index, size).save(folder / f"{index:03}.png")
        return tmp_path

    return write
