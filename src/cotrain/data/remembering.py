"""A split is remembered, and its images are found again: the same ones, or an error."""

import os
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.config.datasets import DATASETS
from cotrain.data.datasets import open_source
from cotrain.data.labelled import Labelled, root_of, table_of, table_settings
from cotrain.data.partition import Partition
from cotrain.data.reading import FilesRead
from cotrain.data.settings import DEFAULTS, has_files
from cotrain.data.sources import Source
from cotrain.data.split_record import PartRecord, SplitOrigin, SplitRecord, splitting
from cotrain.data.walking import walk


@dataclass(frozen=True, kw_only=True, eq=False)
class Recalled:
    """A remembered split, found again.

    Args:
        source: Its images.
        parts: Which of them are in which part.
        notes: In words, what differs without changing the images that are used.
    """

    source: Source
    parts: Partition
    notes: tuple[str, ...] = ()


def remember(
    data: Data, source: Source, parts: Partition, chosen: Tensor, read: FilesRead
) -> SplitRecord:
    """The record of a split.

    Args:
        data: How it was split.
        source: The images.
        parts: Which of them are in which part.
        chosen: Indices, sorted, of the images that were read.
        read: What reading them found.
    """

    def record(part: Tensor) -> PartRecord:
        places = torch.searchsorted(chosen, part).tolist()
        sizes, contents = read.sizes, read.contents
        return PartRecord(
            names=source.names(part.tolist()),
            targets=tuple(source.targets[part].tolist()),
            sizes=None if sizes is None else tuple(sizes[place] for place in places),
            contents=None if contents is None else tuple(contents[place] for place in places),
        )

    used = set(torch.cat(list(parts.named().values())).tolist())
    unused = () if source.root is None else set(range(len(source.images))) - used
    return SplitRecord(
        origin=SplitOrigin(
            dataset=data.dataset,
            root=_place(source.root or data.root),
            settings=splitting(data),
            classes=source.classes,
            tested_on=parts.tested_on,
            table=table_settings(data),
            views=source.views,
        ),
        parts={name: record(part) for name, part in parts.named().items() if len(part)},
        others=source.names(sorted(unused)),
    )


def _place(root: str | None) -> str | None:
    """A folder wherever the user is; the name of a data set as it is."""
    return os.path.abspath(root) if root and os.path.exists(root) else root


def recall(
    record: SplitRecord, data: Data, needed: Sequence[str], source: Source | None = None
) -> Recalled:
    """Find the images of the parts that are needed; the others need not be there any more.

    Args:
        record: What is remembered.
        data: Where the images are now.
        needed: Some of ``PARTS``.
        source: The images, where a program gives them.

    Raises:
        ConfigError: An image that is needed is missing, or has another size or class.
    """
    parts = {name: part for name, part in record.parts.items() if name in needed}
    if has_files(record.origin.dataset):
        table = table_of(data)
        source = _files(record, parts, data, table)
        notes = _notes(record, source, table, data)
        numbers = {
            name: index for index, name in enumerate(source.names(range(len(source.images))))
        }
    else:
        source, notes = source or open_source(data), ()
        numbers = {str(index): index for index in range(len(source.targets))}
    indices = {name: _indices(record, part, numbers, source) for name, part in parts.items()}
    nothing = torch.empty(0, dtype=torch.int64)
    return Recalled(
        source=source,
        parts=Partition(
            train=indices.get("train", nothing),
            val=indices.get("val"),
            calibration=indices.get("calibration"),
            test=indices.get("test"),
            tested_on=record.origin.tested_on,
            origins=dict.fromkeys(parts, "as the run remembers"),
        ),
        notes=notes,
    )


def refuse_other_split(record: SplitRecord, data: Data, *, but: Container[str] = ()) -> None:
    """Raise ConfigError for a setting that would split the remembered images in another way.

    Args:
        record: What is remembered.
        data: What the user says; a default says nothing.
        but: Settings that are heeded.
    """
    for name, value in splitting(data).items():
        if name not in but and value not in (DEFAULTS[name], record.origin.settings.get(name)):
            raise ConfigError(
                f"data.{name}={value} would be ignored: the images are in the parts that the run "
                "remembers: leave it out"
            )


def _files(
    record: SplitRecord, parts: Mapping[str, PartRecord], data: Data, table: Labelled | None
) -> Source:
    """The files of these parts, each once."""
    root = root_of(data)
    if table is not None:
        how = f"left out or of another class now in {data.table}"
        for part in parts.values():
            refuse_changes(record, how, part.not_as_in(table.classes, record.origin.classes))
    sizes, targets = {}, {}
    for part in parts.values():
        targets |= dict(zip(part.names, part.targets, strict=True))
        sizes |= dict(zip(part.names, part.sizes or (), strict=True))
    paths = {name: os.path.join(root, name) for name in targets}
    refuse_changes(record, "missing", [name for name in paths if not os.path.isfile(paths[name])])
    changed = [name for name in paths if os.path.getsize(paths[name]) != sizes.get(name)]
    refuse_changes(record, "changed", changed)
    facts = DATASETS.get(record.origin.dataset)
    return Source(
        images=list(paths.values()),
        targets=torch.tensor(list(targets.values()), dtype=torch.int64),
        classes=record.origin.classes,
        parts={},
        in_channels=3,
        image_size=facts and facts.image_size,
        mean=facts and facts.mean,
        std=facts and facts.std,
        root=root,
    )


def _indices(
    record: SplitRecord, part: PartRecord, numbers: Mapping[str, int], source: Source
) -> Tensor:
    refuse_changes(record, "missing", [name for name in part.names if name not in numbers])
    indices = torch.tensor([numbers[name] for name in part.names], dtype=torch.int64)
    moved = (source.targets[indices] != torch.tensor(part.targets, dtype=torch.int64)).nonzero()
    refuse_changes(
        record, "of another class now", [part.names[i] for i in moved.flatten().tolist()]
    )
    return indices


def _notes(
    record: SplitRecord, source: Source, table: Labelled | None, data: Data
) -> tuple[str, ...]:
    """What was added to the images, and what is missing, since the split was drawn."""
    root, notes = str(source.root), []
    used = {name for part in record.parts.values() for name in part.names}
    if data.dataset != "csv":
        names = {path[len(root.rstrip(os.sep)) + 1 :] for path in walk(root).files}
    else:
        named = used if table is None else {*table.classes}
        names = {name for name in named if os.path.isfile(os.path.join(root, name))}
    if table is None and data.table is not None:
        notes.append(f"{data.table} is not there any more: classes as the run remembers")
    added, missing = names - used - set(record.others), used - names
    if added:
        notes.append(f"{len(added)} images were added since ({min(added)}): they are not used")
    if missing:
        notes.append(
            f"{len(missing)} images are missing since ({min(missing)}), none of them needed"
        )
    return tuple(notes)


def check_contents(record: SplitRecord, names: Sequence[str], read: FilesRead) -> None:
    """Raise ConfigError if an image holds other bytes than it did.

    Args:
        record: What is remembered.
        names: The images that were read.
        read: What reading them found.
    """
    known: dict[str, str] = {}
    for part in record.parts.values():
        known |= dict(zip(part.names, part.contents or (), strict=False))
    now = dict(zip(names, read.contents or (), strict=False))
    changed = [name for name, content in now.items() if known.get(name, content) != content]
    refuse_changes(record, "changed", changed)


def check_same_views(record: SplitRecord, source: Source) -> None:
    """Raise ConfigError if a program gives other views than those that a run began with."""
    began = record.origin.views
    if began not in (None, source.views):
        before, now = (
            "settings" if each == "settings" else "a program" for each in (began, source.views)
        )
        raise ConfigError(
            f"the views of the training images, drawn by {now}, are not those that the run began "
            f"with, drawn by {before}: give the same transform and draws, or another --output"
        )


def refuse_changes(record: SplitRecord, how: str, names: Sequence[str]) -> None:
    """Raise ConfigError if there are images that differ from what is remembered."""
    if names:
        place = record.origin.root or record.origin.dataset
        raise ConfigError(
            f"{len(names)} of the images that the run remembers are {how} ({names[0]}): "
            f"restore them in {place}, or train again with a new --output"
        )
