"""Image folders in the test's own folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from image_folders import write_folder

Write = Callable[..., Path]


@pytest.fixture
def write_images(tmp_path: Path) -> Write:
    """Write class folders of noise into a part of the test's folder, which is given back."""

    def write(part: str = "", **options: Any) -> Path:
        write_folder(tmp_path / part, **options)
        return tmp_path

    return write


@pytest.fixture
def photos(write_images: Write) -> Path:
    """A folder of two classes of ten photos."""
    return write_images("photos", count=10) / "photos"
