"""Data sets of a program, which ``fit`` takes in the place of those that settings name."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from cotrain.basics.errors import ConfigError
from cotrain.basics.files import digest
from cotrain.basics.seeds import derive_seed, seeded
from cotrain.basics.watching import Watch
from cotrain.config import Data
from cotrain.data.decoding import UnreadableImageError
from cotrain.data.reading import report_unreadable
from cotrain.data.sources import Source
from cotrain.data.user_items import UserItems
from cotrain.data.user_labels import (
    ClassLabel,
    check_numbering,
    known_classes,
    label_of,
    numbers_of,
)

_PROBED = 16  # images of each part that are asked for twice
_GREY = {"1", "L", "LA", "I", "I;16", "F"}  # modes of Pillow


@dataclass(frozen=True, kw_only=True, eq=False)
class UserData:
    """Data sets of a program: each gives, by number, an image and its class.

    An image is one of Pillow, or a tensor [C, H, W] of uint8 or of floats from 0 to 1, not
    normalised; a class is a whole number from 0 or a name.

    Args:
        train: What is trained on.
        val: What selects the best epoch; if None as ``Data.validation`` says.
        test: What is tested on, once; if None ``val``, and without that as ``Data.test`` says.
        classes: Names of the classes, in the order of their numbers; if None those that ``train``
            has as ``classes``, or else the numbers, or the names in their order.
        transform: Makes a view of what ``train`` gives, from the global random state of Python,
            NumPy or torch, in the place of the settings ``views``; each network gets its own.
        draws: ``train`` gives another view of its image whenever it is asked, from the same random
            states: each network asks for its own.
    """

    train: Dataset[Any]
    val: Dataset[Any] | None = None
    test: Dataset[Any] | None = None
    classes: Sequence[str] | None = None
    transform: Callable[[Any], Any] | None = None
    draws: bool = False

    @property
    def has_views(self) -> bool:
        """Whether views are made here, and not as the settings say."""
        return self.draws or self.transform is not None


def user_source(given: UserData, data: Data) -> Source:
    """The images that a program gives, each looked at once.

    Args:
        given: The data sets.
        data: How they are split where parts are missing, and what is done with unreadable ones.

    Raises:
        ConfigError: Something that is no image or no class, or that is not the same when it is
            asked for again.
    """
    parts = _parts(given, data)
    places = [(name, number) for name, part in parts.items() for number in range(_size(name, part))]
    items = UserItems(datasets=parts, places=places, draws=given.draws, transform=given.transform)
    seen = _look(items)
    report_unreadable(seen.failed, data.unreadable)
    items = replace(items, places=[places[index] for index in seen.kept])
    notes = tuple(_check_repeats(items))
    check_numbering(parts, seen.labels, given.classes)
    trained = {name: label for name, label in seen.labels.items() if name.startswith("train[")}
    classes = known_classes(given.classes, given.train, trained)
    (width, height), *others = seen.sizes or {(1, 1)}
    indices = {name: _indices(items, name) for name in parts}
    return Source(
        images=items,
        targets=torch.tensor(numbers_of(seen.labels, classes), dtype=torch.int64),
        classes=classes,
        parts=indices if len(indices) > 1 else {"all": indices["train"]},
        in_channels=1 if seen.modes <= _GREY else 3,
        image_size=width if width == height and not others else None,
        titles={**{name: f"the given {name}" for name in parts}, "all": "all that is given"},
        left_out={"that cannot be read": len(seen.failed)} if seen.failed else {},
        notes=notes,
        own_views=items.view if given.has_views else None,
        views=_digest(items) if given.has_views else "settings",
    )


def _parts(given: UserData, data: Data) -> dict[str, Any]:
    """The data sets that there are, whose images can be told from views."""
    if given.draws and given.transform is not None:
        raise ConfigError("draws=True and transform= both make the views: give one of them")
    named = {"train": given.train, "val": given.val, "test": given.test}
    parts = {name: part for name, part in named.items() if part is not None}
    lacks = given.val is None and (data.validation not in ("none", 0) or given.test is None)
    if given.draws and (lacks or data.calibration not in ("none", 0)):
        raise ConfigError(
            "draws=True gives views only, but images of train would be held out and are not to be "
            "changed: give val (and test), or transform= in the place of draws=True"
        )
    return parts


def _size(name: str, part: Any) -> int:
    try:
        size = len(part)
    except TypeError:
        raise ConfigError(
            f"{name} is a {type(part).__name__} without a length: give a torch Dataset that has "
            "len() and gives any image by its number"
        ) from None
    if not size:
        raise ConfigError(f"{name} is empty: give images, or None")
    return size


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What looking at every image found.

    Args:
        kept: The numbers of those that can be read.
        labels: Their classes, by name.
        failed: Why the others cannot be read, by name.
        sizes: Their widths and heights.
        modes: Their modes, as Pillow calls them.
    """

    kept: list[int] = field(default_factory=list[int])
    labels: dict[str, ClassLabel] = field(default_factory=dict[str, ClassLabel])
    failed: dict[str, str] = field(default_factory=dict[str, str])
    sizes: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    modes: set[str] = field(default_factory=set[str])


def _look(items: UserItems) -> _Seen:
    watch, seen = Watch("looking at the given images"), _Seen()
    for index in range(len(items)):
        watch.show(f"{index:,} of {len(items):,}")
        name = items.name(index)
        try:
            image, label = items.image(index)
        except UnreadableImageError as error:
            seen.failed[name] = error.reason
            continue
        seen.kept.append(index)
        seen.labels[name] = label_of(label, name)
        seen.sizes.add(image.size)
        seen.modes.add(image.mode)
    return seen


def _indices(items: UserItems, part: str) -> Tensor:
    found = [index for index, (name, _) in enumerate(items.places) if name == part]
    return torch.tensor(found, dtype=torch.int64)


def _check_repeats(items: UserItems) -> Iterator[str]:
    """What the user should know of the views; none if the settings make them.

    Raises:
        ConfigError: An image is another one when it is asked for again, or a view is where all
            random states are the same, so that no run could be gone on with exactly.
    """
    for part in items.datasets:
        indices = _indices(items, part)
        some = indices[:: max(len(indices) // _PROBED, 1)].tolist()
        if not (part == "train" and items.draws):
            _refuse_chance(items, some)
        if part == "train" and (items.draws or items.transform is not None):
            varies = _views_vary(items, some)
            what = "train itself" if items.transform is None else "the given transform"
            yield f"views are drawn by {what}" + ("" if varies else ", and are always the same")


def _refuse_chance(items: UserItems, some: list[int]) -> None:
    for index in some:
        one, other = (_under(seed, items.__getitem__, index) for seed in (1, 2))
        if one != other:
            raise ConfigError(
                f"{items.name(index)} is another image when it is asked for again: leave random "
                "changes to the settings of views, or to transform=, or say draws=True of train"
            )


def _views_vary(items: UserItems, some: list[int]) -> bool:
    varies = False
    for index in some:
        one, again, other = (_under(seed, items.view, index) for seed in (1, 1, 2))
        if one != again:
            raise ConfigError(
                f"a view of {items.name(index)} differs though the random states of Python, NumPy "
                "and torch are the same, so that no run could be resumed: draw from these alone"
            )
        varies = varies or one != other
    return varies


def _digest(items: UserItems) -> str:
    """Equal for what draws the same views of the first images, which a resumed run needs."""
    first = _indices(items, "train")[:_PROBED].tolist()
    return digest(repr([_under(1, items.view, index) for index in first]).encode())


def _under(seed: int, ask: Callable[[int], Image.Image], index: int) -> tuple[object, ...]:
    """The image as it is drawn from a seed, to be compared."""
    with seeded(derive_seed(seed, "asked again", index)):
        image = ask(index)
        return image.mode, image.size, image.tobytes()
