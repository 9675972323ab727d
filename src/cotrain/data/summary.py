"""What the data are, for the user to see before anything is trained, and for ``data.json``."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from cotrain.basics.files import write_json
from cotrain.basics.text import printable
from cotrain.ensemble.preprocessing import Preprocessing


@dataclass(frozen=True, kw_only=True)
class PartSummary:
    """The images of one part.

    Args:
        images: How many.
        origin: Where they come from, in words.
        smallest: The class with the fewest images, and how many it has.
        largest: The class with the most.
    """

    images: int
    origin: str
    smallest: tuple[str, int]
    largest: tuple[str, int]

    def __str__(self) -> str:
        (fewest, least), (most, highest) = self.smallest, self.largest
        range_ = f"{least} of {fewest} to {highest} of {most}"
        each = f"{least} of each class" if least == highest else range_
        return f"{self.images} images ({each}), {self.origin}"


@dataclass(frozen=True, kw_only=True)
class DataSummary:
    """What is trained and tested on.

    Args:
        dataset: Name of the data set.
        root: Its folder; None for ``digits``.
        classes: How many classes there are.
        parts: The images of ``train``, ``val`` and ``test``, as far as there are such parts.
        tested_on: ``val`` if the test images are those that selected the checkpoint.
        preprocessing: Size, crop and statistics.
        fitting: In words, how an image gets to that size.
        left_out: How many files were left out, by reason.
        notes: What else the user should know.
        digest: Of the images, classes and parts; None where there is no training.
    """

    dataset: str
    root: str | None
    classes: int
    parts: Mapping[str, PartSummary]
    tested_on: Literal["test", "val"]
    preprocessing: Preprocessing
    fitting: str
    left_out: Mapping[str, int]
    notes: tuple[str, ...] = ()
    digest: str | None = None

    def __str__(self) -> str:
        """The summary in a few lines, which a terminal may be sent."""
        return "\n".join(map(printable, self.lines()))

    def lines(self) -> list[str]:
        """The summary in a few lines, with names as they are."""
        place = f" in {self.root}" if self.root else ""
        lines = [f"data: {self.dataset}{place}, {self.classes} classes"]
        lines += [f"  {name}: {part}" for name, part in self.parts.items()]
        if self.tested_on == "val":
            lines.append("  the images that select the checkpoint test too: there are no others")
        mean, std = (", ".join(f"{x:.4f}" for x in values) for values in self._statistics)
        lines.append(f"  {self.fitting}; mean {mean}, deviation {std}")
        if self.left_out:
            lines.append("  left out: " + counts(self.left_out))
        return lines + [f"  {note}" for note in self.notes]

    @property
    def _statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return self.preprocessing.mean, self.preprocessing.std

    def show(self) -> None:
        """Print it to stderr; nothing ends because nobody reads it."""
        with suppress(OSError):
            print(self, file=sys.stderr, flush=True)

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        write_json(path, asdict(self))


def counts(left_out: Mapping[str, int]) -> str:
    """How many files were left out, by reason, in words."""
    return ", ".join(f"{count} {reason}" for reason, count in left_out.items())


def part_summary(targets: Tensor, classes: Sequence[str], origin: str) -> PartSummary:
    """The summary of images of these classes [N]."""
    sizes = targets.bincount(minlength=len(classes))
    least, most = int(sizes.argmin()), int(sizes.argmax())
    return PartSummary(
        images=len(targets),
        origin=origin,
        smallest=(classes[least], int(sizes[least])),
        largest=(classes[most], int(sizes[most])),
    )


def fitting(shape: Preprocessing, *, cropped: bool) -> str:
    """In words, how an image gets to its size.

    Args:
        shape: The size.
        cropped: Training cuts out random areas of the files.
    """
    size, shorter = shape.image_size, int(shape.margin * shape.image_size)
    colour = "grey" if shape.in_channels == 1 else "RGB"
    way = f"the shorter side resized to {shorter} pixels, the centre cut out"
    if cropped:
        way += "; in training a random area cut out"
    return f"images of {size} x {size} pixels, {colour}: {way}"
