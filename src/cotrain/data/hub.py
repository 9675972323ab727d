"""Data sets of Hugging Face's ``datasets``: a saved folder, Parquet, ``imagefolder``, or a name."""

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.basics.text import one_line
from cotrain.basics.watching import at_work
from cotrain.config import Data
from cotrain.data.decoding import UnreadableImageError
from cotrain.data.hub_columns import columns_of, labels_of
from cotrain.data.labelled_source import labelled_source
from cotrain.data.part_names import PARTS_BY_NAME
from cotrain.data.sources import Source
from cotrain.data.stored import NamedBytes, Readable

_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


@dataclass(frozen=True, kw_only=True, eq=False)
class HubImages:
    """The images of all splits: what is ``Stored``.

    Args:
        splits: Data sets of one column, which is not decoded.
        column: Its name.
        places: Split and row of every image.
        threads: How many may ask at once.
    """

    splits: Mapping[str, Any]
    column: str
    places: Sequence[tuple[str, int]]
    threads: int = 4

    def __len__(self) -> int:
        return len(self.places)

    def name(self, index: int) -> str:
        split, row = self.places[index]
        return f"{split}[{row}]"

    def __getitem__(self, index: int, /) -> Readable:
        split, row = self.places[index]
        found = self.splits[split][row][self.column] or {}
        if found.get("bytes") is not None:
            return NamedBytes(found["bytes"], self.name(index))
        if found.get("path"):
            return str(found["path"])
        raise UnreadableImageError(f"{self.name(index)} has no image: remove the row", "no image")


def hub_source(data: Data, classes: Sequence[str] | None = None) -> Source:
    """The images of a data set of Hugging Face's; nothing is decoded.

    Args:
        data: Its folder or name, and its columns.
        classes: The classes that are known, of which it may lack some; if None they are those
            that are trained on.

    Raises:
        ConfigError: It is not there, a column is missing or could be either of two, or a row has
            no class.
    """
    splits, ignored = _parts(_open(data))
    columns = columns_of(next(iter(splits.values())).features, data)
    labels, places, parts = [], [], {}
    for part, (name, split) in _named(splits).items():
        own = labels_of(split, columns.label, f"data.root={data.root!r}: {name}")
        if own is None:
            ignored[f"of the split {name!r}, which has no classes"] = len(split)
            continue
        parts[part] = range(len(labels), len(labels) + len(own))
        labels += own
        places += [(name, row) for row in range(len(own))]
    images = HubImages(
        splits={name: _undecoded(split, columns.image) for name, split in splits.items()},
        column=columns.image,
        places=places,
    )
    return labelled_source(
        images,
        labels,
        parts,
        data,
        classes=classes,
        order=columns.names,
        left_out=ignored,
        notes=[f"images by its {columns.image!r}, classes by {columns.label!r}"],
    )


def _named(splits: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    """Name and rows of train, val and test."""
    return {
        PARTS_BY_NAME.get(name.lower(), "train"): (name, split) for name, split in splits.items()
    }


def _parts(found: Any) -> tuple[dict[str, Any], dict[str, int]]:
    """The splits that are parts, and how many rows others have; a single one is all there is."""
    splits = dict(found) if isinstance(found, Mapping) else {"all": found}
    if len(splits) == 1:
        return splits, {}
    parts = {name: split for name, split in splits.items() if name.lower() in PARTS_BY_NAME}
    names = [PARTS_BY_NAME[name.lower()] for name in parts]
    if not parts or len({*names}) < len(names):
        raise ConfigError(
            f"the splits {list(splits)} are not train, val and test: save those that you want "
            "under these names"
        )
    others = {f"of the split {name!r}": len(splits[name]) for name in splits.keys() - parts.keys()}
    return parts, others


def _undecoded(split: Any, column: str) -> Any:
    from datasets import Image

    return split.select_columns([column]).cast_column(column, Image(decode=False))


def _open(data: Data) -> Any:
    """The data set, or those of its splits by name."""
    if data.root is None:
        raise ConfigError("data.root is not set: give the data set's folder, or its name")
    try:
        import datasets
    except ImportError:
        raise ConfigError(
            f"data.dataset={data.dataset} needs datasets: pip install 'cotrain[hf]'"
        ) from None
    root, is_here = data.root, os.path.exists(data.root)
    _check_place(data, is_here)
    try:
        with _quiet(datasets), at_work(f"opening {root}"):
            if is_here and any(
                os.path.isfile(os.path.join(root, name))
                for name in ("dataset_dict.json", "state.json")
            ):
                return datasets.load_from_disk(root)
            if os.path.isfile(root):
                return datasets.load_dataset("parquet", data_files=root)
            return datasets.load_dataset(root)
    except Exception as error:  # of a dozen libraries below it
        step = "give another folder" if is_here else "check the name and the connection"
        raise ConfigError(
            f"data.root={root!r} cannot be opened ({one_line(error)[:300].rstrip('.')}): {step}"
        ) from error


def _check_place(data: Data, is_here: bool) -> None:
    root = str(data.root)
    if is_here and data.download:
        raise ConfigError(
            f"data.download=true would be ignored: data.root={root!r} is here: leave it out"
        )
    if not is_here and not _NAME.fullmatch(root):
        raise ConfigError(
            f"data.root={root!r} is no folder, and no name of a data set: give one of them, such "
            "as saved/ or uoft-cs/cifar10"
        )
    if not is_here and not data.download:
        raise ConfigError(
            f"data.root={root!r} is not here: give the folder of a data set, or fetch the one of "
            "this name from the hub with --data.download true"
        )


@contextmanager
def _quiet(datasets: Any) -> Iterator[None]:
    """Without bars and the lines of tries that fail: our own line says what became of them."""
    logger = logging.getLogger("huggingface_hub")
    level, bars = logger.level, not datasets.are_progress_bars_disabled()
    logger.setLevel(logging.CRITICAL)
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        logger.setLevel(level)
        if bars:
            datasets.enable_progress_bars()
