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
from cotrain.data.walking import Walk, counted
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
        parts: The images of each of ``PARTS``, as far as there are such parts.
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
        lines.append(f"  {_frame(self.fitting, self.preprocessing)}")
        return lines + _left_out(self.left_out) + [f"  {note}" for note in self.notes]

    def show(self) -> None:
        """Print it to stderr."""
        _print(str(self))

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        write_json(path, asdict(self))


def alike_names(classes: Sequence[str]) -> tuple[str, ...]:
    """A note where names of classes differ so little that one may be meant."""
    known: dict[str, str] = {}
    pairs = [
        (first, name)
        for name in classes
        if (first := known.setdefault("".join(name.casefold().split()), name)) != name
    ]
    if not pairs:
        return ()
    first, other = pairs[0]
    more = f", and {len(pairs) - 1} more such pairs" if len(pairs) > 1 else ""
    return (f"{first!r} and {other!r} are two classes, case and blanks alone differ{more}",)


def show_files(places: Sequence[str], found: Walk, unanswered: int, shape: Preprocessing) -> None:
    """Print what images without classes were read, to stderr.

    Args:
        places: Where they were looked for.
        found: Those that were found.
        unanswered: How many of them got no answer.
        shape: What they went through.
    """
    lines = [
        f"images: {len(found.files)} in {' '.join(places)}",
        f"  {_frame(fitting(shape, cropped=False), shape)}",
        *_left_out(found.left_out),
    ]
    if unanswered:
        lines.append(f"  without an answer: {unanswered}, whose rows say why")
    _print("\n".join(map(printable, lines)))


def _frame(fitting: str, shape: Preprocessing) -> str:
    mean, std = (", ".join(f"{x:.4f}" for x in values) for values in (shape.mean, shape.std))
    return f"{fitting}; mean {mean}, deviation {std}"


def _left_out(left_out: Mapping[str, int]) -> list[str]:
    return [f"  left out: {counted(left_out)}"] if left_out else []


def _print(lines: str) -> None:
    """Nothing ends because nobody reads it."""
    with suppress(OSError):
        print(lines, file=sys.stderr, flush=True)


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
    size, resized = shape.image_size, shape.resized_size
    colour = "grey" if shape.in_channels == 1 else "RGB"
    side, square = {
        "center": ("the shorter side", "the centre cut out"),
        "squash": ("both sides", "the centre cut out"),
        "border": ("the longer side", "filled up with the mean"),
    }[shape.crop_mode]
    filter_ = "" if shape.interpolation == "bicubic" else f" ({shape.interpolation})"
    way = f"{side} resized to {resized} pixels{filter_}, {square}"
    if cropped:
        way += "; in training a random area cut out"
    return f"images of {size} x {size} pixels, {colour}: {way}"
