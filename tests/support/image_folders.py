"""Small image folders, written anew for each test."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def noise(seed: int, size: tuple[int, int] = (12, 12)) -> Image.Image:
    """An RGB image of random pixels, ``size`` being width and height."""
    width, height = size
    generator = np.random.default_rng(seed)
    return Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8))


def write_folder(
    root: Path,
    *,
    count: int = 5,
    classes: Sequence[str] = ("ant", "bee"),
    size: tuple[int, int] = (12, 12),
    seed: int = 0,
) -> Path:
    """Write ``count`` PNG files of noise into each class folder of ``root``."""
    for number, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for index in range(count):
            noise(10_000 * seed + 1000 * number + index, size).save(root / name / f"{index:03}.png")
    return root
