"""What a page says, before it is HTML: sections of sentences, tables, pictures and images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cotrain.report.style import ResultTable


class Spot(NamedTuple):
    """A place of a picture that says what is drawn there.

    Attributes:
        axes: Whose coordinates they are.
        x: Horizontal.
        y: Vertical.
        text: What is said.
    """

    axes: Axes
    x: float
    y: float
    text: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A picture, and what it says to who cannot see it.

    Args:
        name: Of its file, without an ending.
        title: What is drawn.
        alt: What can be seen.
        figure: The picture; its texts are our own.
        spots: Values that are shown where a pointer is.
        numbers: What is drawn, as a table; None where another table of the page has it.
    """

    name: str
    title: str
    alt: str
    figure: Figure
    spots: Sequence[Spot] = ()
    numbers: ResultTable | None = None


@dataclass(frozen=True, kw_only=True)
class Vote:
    """What one network, or the ensemble, says of an image.

    Args:
        voter: Who says it.
        answer: The class.
        probability: Of that class.
        right: Whether it is the image's class.
    """

    voter: str
    answer: str
    probability: float
    right: bool


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """An image of a gallery.

    Args:
        image: A PNG file.
        name: The image's name.
        says: What is said of it, a line each.
        votes: Of every network and of the ensemble.
    """

    image: bytes
    name: str
    says: Sequence[str]
    votes: Sequence[Vote] = ()


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Images under one title."""

    title: str
    exhibits: Sequence[Exhibit]


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """How many images of each class were taken for each; what is right lies on the diagonal.

    Args:
        labels: Names of the C classes.
        counts: Images [C, C] of the class of the row, taken for that of the column.
    """

    labels: Sequence[str]
    counts: Sequence[Sequence[int]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """A part of a page.

    Args:
        title: Of the part.
        says: Sentences, a paragraph each.
        pictures: Beside each other where there is room.
        tables: Below each other.
        matrices: Confusions of classes.
        galleries: Images.
    """

    title: str
    says: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    tables: Sequence[ResultTable] = ()
    matrices: Sequence[Matrix] = ()
    galleries: Sequence[Gallery] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Page:
    """All that a page says.

    Args:
        title: What it is a report of.
        verdict: The result in plain sentences.
        sections: What it rests on.
        footer: When and by what it was made.
    """

    title: str
    verdict: Sequence[str]
    sections: Sequence[Section]
    footer: str

    @property
    def pictures(self) -> list[Picture]:
        """All of them, in order."""
        return [picture for section in self.sections for picture in section.pictures]
