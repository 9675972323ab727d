"""Data sets as a program has them: lists of images and classes, and such that go wrong."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import torch
from image_folders import noise
from torch.utils.data import Dataset


class Listed(Dataset[Any]):
    """Pairs of a list, changed whenever they are asked for.

    Args:
        pairs: Images and classes.
        change: What is done to an image.
    """

    def __init__(
        self, pairs: Sequence[Any], change: Callable[[Any], Any] = lambda image: image
    ) -> None:
        self.pairs, self.change = pairs, change

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Any:
        image, label = self.pairs[index]
        if isinstance(image, Exception):
            raise image
        return self.change(image), label


def noisy(count: int, *, classes: int = 2, seed: int = 0, side: int = 12) -> list[Any]:
    """Images of random pixels, their classes in turn."""
    return [(noise(1000 * seed + index, (side, side)), index % classes) for index in range(count)]


def turned(image: Any) -> Any:
    """An image turned by chance of Python, and moved by torch's."""
    turn = image.rotate(90 * random.randrange(4))
    return turn.transform(turn.size, 0, (1, 0, int(torch.randint(5, ())), 0, 1, 0))
