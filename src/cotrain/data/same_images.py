"""Whether the images that settings name are those that a run remembers."""

import os
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import torch

from cotrain.config import Data
from cotrain.data.datasets import open_source
from cotrain.data.labelled import root_of, table_of
from cotrain.data.reading import content_digest, scan_files, size_files
from cotrain.data.settings import has_files, is_stored
from cotrain.data.sources import Source
from cotrain.data.split_record import PartRecord, SplitRecord


def is_same(record: SplitRecord, data: Data, source: Source | None = None) -> bool:
    """Whether ``data`` names the remembered images, perhaps moved: all that test are there.

    Where they are the same folder, but have changed, it is for ``recall`` to say so; and where a
    program gives some of them, and others, or in another order.

    Args:
        record: What is remembered.
        data: The settings.
        source: The images, where a program gives them.
    """
    origin, test = record.origin, record.parts.get("test")
    if source is not None and origin.dataset == data.dataset:
        return _gives_some(source, record)
    if origin.dataset != data.dataset or not (has_files(data.dataset) or is_stored(data.dataset)):
        return origin.dataset == data.dataset
    root = data.root if is_stored(data.dataset) else root_of(data)
    if _are_same_places((root, data.table), (origin.root, origin.table.get("table"))):
        return True
    if is_stored(data.dataset):
        return test is not None and _holds(data, test)
    table = table_of(data)
    if test is None or (table and test.not_as_in(table.classes, origin.classes)):
        return False
    paths = [os.path.join(root_of(data), name) for name in test.names]
    if size_files(paths).sizes != list(test.sizes or ()):
        return False
    contents = zip(paths, test.contents or (), strict=False)
    return all(content_digest(Path(path).read_bytes()) == content for path, content in contents)


def _gives_some(source: Source, record: SplitRecord) -> bool:
    """Whether any of the remembered images is given; also where it is not known what they held."""
    known = {each for part in record.parts.values() for each in part.contents or ()}
    every = source.readables(torch.arange(len(source.images)))
    found = scan_files(every, source.in_channels).contents or ()
    return not known or not known.isdisjoint(found)


def _holds(data: Data, test: PartRecord) -> bool:
    """Whether the images of these numbers hold what they did."""
    images = open_source(data).images
    if max(map(int, test.names)) >= len(images):
        return False
    for name, content in zip(test.names, test.contents or (), strict=False):
        found = images[int(name)]
        if isinstance(found, str):
            found = BytesIO(Path(found).read_bytes())
        if not isinstance(found, BytesIO) or content_digest(found.getvalue()) != content:
            return False
    return True


def _are_same_places(some: Sequence[str | None], others: Sequence[str | None]) -> bool:
    """Whether these paths are the same in turn, links followed."""
    real = [[path and os.path.realpath(path) for path in paths] for paths in (some, others)]
    return real[0] == real[1]
