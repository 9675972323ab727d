"""The training, validation, calibration and test images of an experiment."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Data
from cotrain.data.framing import frame_of, with_statistics
from cotrain.data.gathering import keep_in_memory, leave_on_disk
from cotrain.data.images import FileImages, Images
from cotrain.data.partition import Partition
from cotrain.data.reading import report_unreadable
from cotrain.data.remembering import Recalled, check_contents, remember
from cotrain.data.sources import Source
from cotrain.data.split_record import SplitRecord
from cotrain.data.summary import DataSummary, alike_names, fitting, part_summary
from cotrain.data.views.own_views import ViewedImages
from cotrain.ensemble.preprocessing import Preprocessing


@dataclass(frozen=True, kw_only=True, eq=False)
class Splits:
    """The images of an experiment.

    Args:
        train: Images trained on; none where only the test was asked for.
        val: Images that select the checkpoint; None if nothing is selected.
        calibration: Images that neither train nor select; None if none were kept.
        test: Images tested on, once; None if there are none.
        classes: Names of the classes.
        preprocessing: What an image goes through; shipped with the ensemble.
        unreadable: Files that were skipped because they cannot be decoded.
        tested_on: ``val`` if the test images are the ones that selected, else ``test``.
        record: Which image is in which part; None where images were put together by hand.
        summary: What the user should know of them; None where ``record`` is.
        test_files: Paths of the test images below the data's folder; empty where they are no files.
    """

    train: Images
    val: Images | None
    calibration: Images | None = None
    test: Images | None
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    unreadable: tuple[str, ...]
    tested_on: Literal["test", "val"]
    record: SplitRecord | None = None
    summary: DataSummary | None = None
    test_files: tuple[str, ...] = ()

    def show(self) -> None:
        """Print the summary to stderr."""
        if self.summary is not None:
            self.summary.show()

    def write(self, folder: RunFolder) -> None:
        """Write which image is in which part, and what the user is told of them."""
        if self.record is not None and self.summary is not None:
            self.summary.write(folder.data)
            self.record.write(folder.split)  # last: where it is, both are


class Wanted(NamedTuple):
    """What is wanted of images that were found; see ``load_splits``."""

    data: Data
    keep_files: bool
    native: Preprocessing | None
    shape: Preprocessing | None
    remembered: SplitRecord | None


def load(found: Recalled, wanted: Wanted) -> Splits:
    """Decode the images of a partition, and look that all are there and can be read.

    Raises:
        ConfigError: They cannot be read, or are not those that are remembered.
    """
    source, data, remembered = found.source, wanted.data, wanted.remembered
    keep_files = wanted.keep_files and not isinstance(source.images, np.ndarray)
    chosen = torch.cat(list(found.parts.named().values())).unique()  # sorted
    frame = wanted.shape or _frame(source, chosen, wanted._replace(keep_files=keep_files))
    if keep_files or source.own_views is not None:
        gathered = leave_on_disk(source, chosen, frame, scan=data.scan)
    else:
        gathered = keep_in_memory(source, chosen, frame)
    if remembered is not None:
        check_contents(remembered, source.names(chosen.tolist()), gathered.read)
    failed = {int(chosen[place]): why for place, why in gathered.read.failed.items()}
    unreadable = {source.place(index): why for index, why in failed.items()}
    report_unreadable(unreadable, "error" if remembered else data.unreadable)
    parts = _readable(found.parts, source, failed)
    train = gathered.select(parts.train)
    if wanted.shape is None:
        frame = with_statistics(frame, data, source, train, wanted.native)
    if source.own_views is not None:
        train = ViewedImages(
            images=train, view=source.own_views, numbers=parts.train, preprocessing=frame
        )
    others = {name: gathered.select(part) for name, part in parts.named().items()}
    splits = Splits(
        train=train,
        val=others.get("val"),
        calibration=others.get("calibration"),
        test=others.get("test"),
        classes=source.classes,
        preprocessing=frame,
        unreadable=tuple(unreadable),
        tested_on=parts.tested_on,
        record=remembered.with_views(source.views)
        if remembered
        else remember(data, source, parts, chosen, gathered.read),
        test_files=_files(source, parts.test),
    )
    return replace(splits, summary=_summary(replace(found, parts=parts), splits, data))


def _files(source: Source, part: Tensor | None) -> tuple[str, ...]:
    return () if source.root is None or part is None else source.names(part.tolist())


def _frame(source: Source, chosen: Tensor, wanted: Wanted) -> Preprocessing:
    paths = [] if isinstance(source.images, np.ndarray) else source.readables(chosen)
    return frame_of(wanted.data, source, paths, keep_files=wanted.keep_files, native=wanted.native)


def _readable(parts: Partition, source: Source, failed: Mapping[int, str]) -> Partition:
    """The parts without the unreadable images, of which none may be left empty."""
    bad = torch.tensor(list(failed), dtype=torch.int64)
    left = {name: part[~torch.isin(part, bad)] for name, part in parts.named().items()}
    for name, part in left.items():
        if len(part) == 0 < len(parts.named()[name]):
            raise ConfigError(
                f"data.unreadable=skip leaves no image of the {name} part "
                f"({parts.origins.get(name)}), none of which can be decoded: replace its files"
            )
    counts = source.targets[left["train"]].bincount(minlength=len(source.classes))
    if len(parts.train) and not counts.all():
        empty = source.classes[int(counts.argmin())]
        raise ConfigError(
            f"data.unreadable=skip leaves class {empty!r} no image to train on: replace its files"
        )
    return replace(parts, **left)


def _summary(found: Recalled, splits: Splits, data: Data) -> DataSummary:
    source, parts = found.source, found.parts
    left_out = dict(source.left_out)
    if splits.unreadable:
        left_out["that cannot be decoded"] = len(splits.unreadable)
    return DataSummary(
        dataset=data.dataset,
        root=data.root,
        classes=len(source.classes),
        parts={
            name: part_summary(source.targets[part], source.classes, parts.origins[name])
            for name, part in parts.named().items()
            if len(part)
        },
        tested_on=splits.tested_on,
        preprocessing=splits.preprocessing,
        fitting=fitting(splits.preprocessing, cropped=isinstance(splits.train, FileImages)),
        left_out=left_out,
        notes=(
            *source.notes,
            *found.notes,
            *alike_names(source.classes),
            *(splits.record.leaks() if splits.record else ()),
        ),
        digest=splits.record.digest if splits.record else None,
    )


def held_out(splits: Splits) -> Images:
    """The images to measure accuracy on: validation images, else those of the test.

    Raises:
        ConfigError: There are neither.
    """
    images = splits.test if splits.val is None else splits.val
    if images is None:
        raise ConfigError(
            "the data have no validation and no test images to measure the accuracy on: "
            "give data.test a share such as 0.2"
        )
    return images
