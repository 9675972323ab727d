"""Image folders: one subfolder a class, in ``train/``, ``val/`` and ``test/`` or in one folder."""

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image

from cotrain.basics.errors import ConfigError
from cotrain.data.sources import Source

# As torchvision.datasets.ImageFolder, not imported because that takes a second.
_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def folder_source(root: str | None) -> Source:
    """The images below ``root``, as files; nothing is decoded.

    Args:
        root: Has ``train/`` with ``val/`` or ``test/`` or both, each with one subfolder a class;
            or has the class folders itself. Hidden files and other endings are passed over.

    Raises:
        ConfigError: No such folder, fewer than two classes, a class without images, or parts
            with different classes.
    """
    folders = _part_folders(_existing(root))
    classes = _common_classes(folders)
    images: list[str] = []
    targets: list[int] = []
    parts = {}
    for part, folder in folders.items():
        start = len(images)
        for target, name in enumerate(classes):
            files = image_files(folder / name)
            images += files
            targets += [target] * len(files)
        parts[part] = torch.arange(start, len(images))
    return Source(
        images=images, targets=torch.tensor(targets), classes=classes, parts=parts, in_channels=3
    )


def _existing(root: str | None) -> Path:
    if root is None:
        raise ConfigError("data.root is not set: give the folder of the images with --data.root")
    folder = Path(root)
    if not folder.is_dir():
        raise ConfigError(f"data.root={root!r} is not a folder: give the folder of the images")
    return folder


def _part_folders(root: Path) -> dict[str, Path]:
    found = {part: root / part for part in ("train", "val", "test") if (root / part).is_dir()}
    if not found:
        return {"all": root}
    if "train" not in found:
        raise ConfigError(
            f"data.root={str(root)!r} has {' and '.join(found)}/ but no train/: add train/"
        )
    return found if len(found) > 1 else {"all": root / "train"}


def _common_classes(folders: dict[str, Path]) -> tuple[str, ...]:
    named = {part: _class_names(folder) for part, folder in folders.items()}
    classes = next(iter(named.values()))
    for part, names in named.items():
        if different := sorted(set(names) ^ set(classes)):
            raise ConfigError(
                f"train/ and {part}/ have different classes, {different} being in one only: "
                "give both the same class folders"
            )
    return classes


def _class_names(folder: Path) -> tuple[str, ...]:
    names = sorted(each.name for each in folder.iterdir() if each.is_dir())
    names = [name for name in names if not name.startswith(".")]
    if len(names) < 2:
        raise ConfigError(
            f"{folder} has {len(names)} class folders {names}: give at least two, one a class"
        )
    return tuple(names)


def image_files(folder: Path) -> list[str]:
    """Every image below the folder in a fixed order; links are followed."""
    files = [
        os.path.join(below, name)
        for below, _, names in sorted(os.walk(folder, followlinks=True))
        for name in sorted(names)
        if name.lower().endswith(_EXTENSIONS) and not name.startswith(".")
    ]
    if not files:
        raise ConfigError(
            f"{folder} has no image file ({', '.join(_EXTENSIONS)}): add some or remove it"
        )
    return files


def common_size(paths: Sequence[str]) -> int:
    """Height and width of the images, if all are squares of one size; only headers are read.

    Raises:
        ConfigError: They are not: how to make them equal is for the user to say.
    """
    sizes = {size for path in paths if (size := _header_size(path))}
    if not sizes:
        return 1  # no file can be read: decoding them will say so
    if len(sizes) == 1:
        width, height = next(iter(sizes))
        if width == height:
            return width
    raise ConfigError(
        f"the images are not squares of one size ({len(sizes)} different sizes): give the size "
        "to resize them to with --data.image_size"
    )


def _header_size(path: str) -> tuple[int, int] | None:
    """None for a file that cannot be read: decoding it will say why."""
    try:
        with Image.open(path) as image:
            return image.size
    except Exception:  # Pillow's plugins raise a dozen kinds for damaged files
        return None
