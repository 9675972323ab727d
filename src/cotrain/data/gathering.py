"""The images that were chosen of a data set, decoded into memory or left on disk."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cotrain.data.images import FileImages, Images, TensorImages
from cotrain.data.reading import (
    FilesRead,
    decode_arrays,
    decode_files,
    read_arrays,
    scan_files,
    size_files,
)
from cotrain.data.sources import Source
from cotrain.ensemble.preprocessing import Preprocessing


@dataclass(frozen=True, kw_only=True, eq=False)
class Gathered:
    """Images that were chosen.

    Args:
        select: Gives those at some indices of the source.
        read: What reading them found, in the order in which they were chosen.
    """

    select: Callable[[Tensor], Images]
    read: FilesRead


def keep_in_memory(source: Source, chosen: Tensor, frame: Preprocessing) -> Gathered:
    """Decode the images at these sorted indices."""
    if isinstance(source.images, np.ndarray):
        arrays = source.images[chosen.numpy()]
        tensor, read = decode_arrays(arrays, frame), read_arrays(arrays)
    else:
        tensor, read = decode_files(source.readables(chosen), frame)

    def select(indices: Tensor) -> Images:
        places = torch.searchsorted(chosen, indices)
        return TensorImages(tensor=tensor[places], targets=source.targets[indices])

    return Gathered(select=select, read=read)


def leave_on_disk(source: Source, chosen: Tensor, frame: Preprocessing, *, scan: bool) -> Gathered:
    """Decode the files at these sorted indices only to find those that cannot be, if at all."""

    def select(indices: Tensor) -> Images:
        paths, targets = source.readables(indices), source.targets[indices]
        shards = None if source.shards is None else source.shards[indices]
        return FileImages(paths=paths, targets=targets, preprocessing=frame, shards=shards)

    files = source.readables(chosen)
    read = scan_files(files, frame.in_channels) if scan else size_files(files)
    return Gathered(select=select, read=read)
