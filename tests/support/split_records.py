"""What tests of a remembered split share: a folder of photos, and the record of its split."""

from pathlib import Path
from typing import Any

from cotrain.config import Data
from cotrain.data import SplitRecord, load_splits


def data_of(root: Path, **settings: Any) -> Data:
    """A folder of images."""
    return Data(dataset="imagefolder", root=str(root), **settings)


def record_of(data: Data, **options: Any) -> SplitRecord:
    """What is remembered of how the images are split."""
    record = load_splits(data, **options).record
    assert record is not None
    return record
