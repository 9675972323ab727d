"""From the settings of the data to images: those of a training run, or only those of a test."""

from collections.abc import Sequence
from dataclasses import replace

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.data.datasets import STORED, open_source
from cotrain.data.folders import folder_source
from cotrain.data.partition import Partition, draw_test, partition
from cotrain.data.remembering import Recalled, recall, refuse_other_split
from cotrain.data.settings import check_data, check_unsplit
from cotrain.data.sources import PARTS, Source
from cotrain.data.split_record import SplitRecord
from cotrain.data.splits import Splits, Wanted, load
from cotrain.ensemble.preprocessing import Preprocessing


def load_splits(
    data: Data,
    *,
    keep_files: bool = False,
    native: Preprocessing | None = None,
    shape: Preprocessing | None = None,
    remembered: SplitRecord | None = None,
    source: Source | None = None,
) -> Splits:
    """Find, split and decode the images that ``data`` describes.

    Args:
        data: Which images.
        keep_files: Leave image files on disk, to be decoded at full size in every epoch, rather
            than keep them in memory at the network's size.
        native: What the network was made for, where ``data`` says nothing; None if it takes
            anything.
        shape: What a trained ensemble takes, whatever ``data`` says.
        remembered: The split to find again; drawn anew if None.
        source: The images, where a program gives them.

    Raises:
        ConfigError: Images are missing, too few, unreadable, of different sizes or not those that
            are remembered, or a setting would be ignored.
    """
    data = data.resolved()
    is_asked = source is not None and source.own_views is not None  # in every epoch
    check_data(data, keep_files=keep_files or is_asked)
    if remembered is None:
        source = source or open_source(data)
        found = Recalled(source=source, parts=partition(source, data))
    else:
        found = recall(remembered, data, PARTS, source)
    return load(found, Wanted(data, keep_files, native, shape, remembered))


def load_test(
    data: Data,
    *,
    keep_files: bool,
    shape: Preprocessing,
    classes: Sequence[str],
    remembered: SplitRecord | None = None,
) -> Splits:
    """Only images to test on: of a folder all that have a label, unless it has a ``test/``.

    Args:
        data: Which images.
        keep_files: As for ``load_splits``.
        shape: What the ensemble takes.
        classes: Its classes, of which the images may lack some; empty if unknown.
        remembered: The split whose test images to find again.

    Raises:
        ConfigError: As ``load_splits``.
    """
    data = data.resolved()
    check_data(data, keep_files=keep_files)
    if remembered is not None:
        found = _remembered_test(remembered, data)
    elif data.dataset == "imagefolder" or data.dataset in STORED:
        found = _all_labelled(data, classes)
    else:
        source = open_source(data)
        parts = partition(source, data)
        found = Recalled(source=source, parts=replace(parts, train=parts.train[:0], val=None))
    return load(found, Wanted(data, keep_files, None, shape, remembered))


def load_part(
    data: Data, part: str, *, keep_files: bool, shape: Preprocessing, remembered: SplitRecord
) -> Splits:
    """Only the images of one part of a run; the others need not be there any more.

    Args:
        data: Where they are.
        part: One of those that are remembered.
        keep_files: As for ``load_splits``.
        shape: What the ensemble takes.
        remembered: The run's split.

    Raises:
        ConfigError: As ``load_splits``.
    """
    data = data.resolved()
    check_data(data, keep_files=keep_files)
    refuse_other_split(remembered, data)
    found = recall(remembered, data, (part,))
    return load(found, Wanted(data, keep_files, None, shape, remembered))


def _remembered_test(record: SplitRecord, data: Data) -> Recalled:
    """The images that the run tests on, or some of them."""
    draws = data.test_images not in (None, record.origin.settings["test_images"])
    refuse_other_split(record, data, but=("test_images", "split_seed") if draws else ())
    found = recall(record, data, ("test",))
    if not draws or data.test_images is None or found.parts.test is None:
        return found
    test = draw_test(data.test_images, found.parts.test, found.source, data.split_seed)
    origins = {"test": f"{data.test_images} drawn from what the run remembers"}
    return replace(found, parts=replace(found.parts, test=test, origins=origins))


def _all_labelled(data: Data, classes: Sequence[str]) -> Recalled:
    """The folder made for the test, or for validation, or else all images of the folder."""
    check_unsplit(data)
    if data.dataset in STORED:
        source = STORED[data.dataset](data, classes or None)
    else:
        source = folder_source(data.root, data.layout, classes or None)
    part = next(name for name in ("test", "val", "all") if name in source.parts)
    test, origin = source.parts[part], source.title(part)
    if data.test_images is not None:
        test = draw_test(data.test_images, test, source, data.split_seed)
        origin = f"{data.test_images} drawn from {origin}"
    if not len(test):
        raise ConfigError(
            f"{source.root or data.root} has no image of a class: give another folder"
        )
    parts = Partition(
        train=test[:0], val=None, test=test, tested_on="test", origins={"test": origin}
    )
    return Recalled(source=source, parts=parts)
