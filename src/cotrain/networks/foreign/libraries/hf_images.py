"""The images that a network of transformers was made for, as its folder says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.basics.reading import read_json
from cotrain.config.data import CropMode, Interpolation
from cotrain.networks.foreign.libraries.library import Native

_NAME = "preprocessor_config.json"
# Pillow's filters by their numbers.
_RESAMPLING: tuple[Interpolation, ...] = (
    *("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"),
)
# Older files write a size as one number, which for these is of both sides though they crop.
_SQUARE = ("DeiT", "EfficientNet")
_CROPPED_BELOW = 384  # pixels: ConvNeXt's processor, which others use too, squashes larger ones
_LEVIT = 256 / 224  # how much larger than what it says LeViT's processor makes the shorter side


def processing_of(folder: Path) -> Mapping[str, Any]:
    """What stands in ``preprocessor_config.json``; nothing if there is none.

    Raises:
        ConfigError: It cannot be read.
    """
    path = folder / _NAME
    found = read_json(path) if path.is_file() else {}
    if not isinstance(found, Mapping):
        raise ConfigError(f"{path} holds no settings: fetch it again")
    return found


def images_of(folder: Path, image_size: Any) -> Native:
    """The images that the processor of a folder gives; else whole ones as ImageNet's.

    Args:
        folder: Where ``preprocessor_config.json`` may be.
        image_size: Pixels as the network's configuration has them, for where that says nothing.

    Raises:
        ConfigError: The file cannot be read or understood.
    """
    images = processing_of(folder)
    if not images:
        return Native(image_size=_side(image_size))
    try:
        frame = _frame(images, image_size)
        mean, std = _statistics(images)
    except (TypeError, ValueError, KeyError, ZeroDivisionError):
        raise ConfigError(f"{folder / _NAME} is not understood: fetch it again") from None
    filters = dict(enumerate(_RESAMPLING))
    return Native(
        image_size=frame.size,
        mean=mean,
        std=std,
        margin=frame.margin,
        interpolation=filters.get(images.get("resample", -1), "bicubic"),
        crop_mode=frame.crop_mode,
    )


def why_not(folder: Path) -> str | None:
    """What its processor does to images that is not done here; None if there is nothing."""
    images = processing_of(folder)
    if images.get("do_flip_channel_order"):
        return "their channels are blue, green and red"
    return "their colours are clustered" if images.get("do_color_quantize") else None


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """Pixels of a side, what share more they are resized to, and how they become a square."""

    size: int
    margin: float = 1.0
    crop_mode: CropMode = "center"


def _frame(images: Mapping[str, Any], image_size: Any) -> _Frame:
    kind = str(images.get("image_processor_type") or images.get("feature_extractor_type"))
    stated = images.get("size") or image_size
    whole, crop, share = _side(stated), images.get("crop_size"), images.get("crop_pct")
    if kind.startswith("ConvNext"):
        if whole >= _CROPPED_BELOW:
            return _Frame(size=whole, crop_mode="squash")
        return _Frame(size=whole, margin=1 / (share or 224 / 256))
    crops = images.get("do_center_crop", bool(crop))
    is_whole = not crops or kind.startswith(_SQUARE)
    is_square = "height" in stated if isinstance(stated, Mapping) else is_whole
    if share:  # PoolFormer's
        return _Frame(size=_side(crop or stated), margin=1 / share)
    size = _side(crop) if crops and crop else whole
    if size > whole:  # Perceiver cuts out first, and resizes what it has cut out
        return _Frame(size=whole, margin=size / whole)
    mode: CropMode = "squash" if is_square else "center"
    scale = _LEVIT if kind.startswith("Levit") and not is_square else 1
    return _Frame(size=size, margin=scale * whole / size, crop_mode=mode)


def _side(size: Any) -> int:
    """The one side that a size is written as: a number, two, or a mapping of names to numbers."""
    if isinstance(size, Mapping):
        size = tuple(size.values())
    return int(max(size) if isinstance(size, Sequence) else size)


def _statistics(images: Mapping[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation, of pixels in 0..1, that do what its processor does step by step."""
    mean, std = (0.0,) * 3, (1.0,) * 3
    if images.get("do_normalize", "image_mean" in images):
        mean = tuple(float(each) for each in images.get("image_mean", Native.mean))
        std = tuple(float(each) for each in images.get("image_std", Native.std))
    # EfficientNet's takes 1 away first, and divides again in the end.
    offset = 1.0 if images.get("rescale_offset") else 0.0
    again = std if images.get("include_top") else (1.0,) * len(std)
    scale = 255 * float(images.get("rescale_factor", 1 / 255))
    if not images.get("do_rescale", True):
        scale = 255.0
    scale = 1.0 if abs(scale - 1) < 1e-6 else scale
    return (
        tuple((offset + each) / scale for each in mean),
        tuple(each * more / scale for each, more in zip(std, again, strict=True)),
    )
