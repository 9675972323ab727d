"""Images that are no files of their own: objects of a program, rows of a table, parts of archives.

They are asked for by number, and read by what reads files.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Protocol

from PIL import Image

# What one image is read from: a path, bytes, or an image that a program made.
Readable = str | BinaryIO | Image.Image

# Draws a view of the image with a number from the global random state of the CPU.
OwnViews = Callable[[int], Image.Image]


class Readables(Protocol):
    """N images to read, such as a list of paths."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Readable: ...


class Stored(Protocol):
    """All N images of a data set."""

    @property
    def threads(self) -> int:
        """How many may ask at once."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Readable:
        """One image.

        Raises:
            UnreadableImageError: It cannot be had.
        """
        ...

    def name(self, index: int) -> str:
        """The image as the user knows it."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """Some of the images, asked for when they are wanted.

    Args:
        stored: All of them.
        indices: Which.
    """

    stored: Stored
    indices: Sequence[int]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int, /) -> Readable:
        return self.stored[self.indices[index]]

    @property
    def threads(self) -> int:
        """How many may ask at once."""
        return self.stored.threads


class NamedBytes(BytesIO):
    """The content of an image, which errors call by a name.

    Args:
        content: What a file of it would hold.
        name: What it is called.
    """

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name

    def __str__(self) -> str:
        return self.name
