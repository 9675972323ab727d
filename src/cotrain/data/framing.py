"""What images go through before a network sees them: whose word counts for size and statistics."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.config import Data
from cotrain.config.datasets import DATASETS, PHOTO_MARGIN
from cotrain.data.images import Images, TensorImages
from cotrain.data.reading import common_size, pixel_statistics
from cotrain.data.settings import has_any_size
from cotrain.data.sources import Source
from cotrain.data.stored import Readables
from cotrain.ensemble.preprocessing import Preprocessing

_PHOTOS = DATASETS["imagenet"]
# What the user may say of an image, and the ensemble knows.
_SHAPE = (
    *("image_size", "in_channels", "margin", "interpolation", "crop_mode"),
    *("mean", "std", "background"),
)


def channels_of(data: Data) -> int:
    """3 or 1: what the user says, else what the data set has."""
    facts = DATASETS.get(data.dataset)
    return data.in_channels or (3 if facts is None else len(facts.mean))


def as_before(data: Data, before: Preprocessing) -> Data:
    """With the size, channels and background of other images, where the user says nothing."""
    said = data.background != Data().background
    return replace(
        data,
        image_size=data.image_size or before.image_size,
        in_channels=data.in_channels or before.in_channels,  # type: ignore[arg-type]
        background=data.background if said else before.background,
    )


def frame_of(
    data: Data,
    source: Source,
    paths: Readables,
    *,
    keep_files: bool,
    native: Preprocessing | None,
) -> Preprocessing:
    """Size and crop, which decoding needs; the statistics are those of the network, or none yet.

    Args:
        data: What the user says.
        source: What is known of the data set.
        paths: The files, of which the size is asked if nobody says it.
        keep_files: Files are decoded in every epoch, and cut at random in training.
        native: What the network was made for; None where it takes anything.

    Raises:
        ConfigError: The size is not known, or the colour of the border is not.
    """
    channels = channels_of(data)
    native_size = native and native.image_size
    size = data.image_size or native_size or source.image_size or common_size(paths)
    resizing = _resizing(data, keep_files, native) if has_any_size(data.dataset) else {}
    mean = tuple(data.mean or (native.mean if native else ()))
    if resizing.get("crop_mode") == "border" and not mean:
        raise ConfigError(
            "data.crop_mode=border fills up with the mean of the images, which is not known before "
            "they are read: give --data.mean, or another crop_mode"
        )
    return Preprocessing(
        image_size=size,
        in_channels=channels,
        mean=mean or (0.0,) * channels,
        std=native.std if native else (1.0,) * channels,
        background=data.background,
        **resizing,
    )


def _resizing(data: Data, keep_files: bool, native: Preprocessing | None) -> dict[str, Any]:
    """How files get to the size: as the user says, else as the network's, else as usual."""
    usual = {
        "margin": PHOTO_MARGIN if keep_files else 1.0,
        "interpolation": "bicubic",
        "crop_mode": "center",
    }
    return {
        name: getattr(data, name) or getattr(native, name, value) for name, value in usual.items()
    }


def with_statistics(
    frame: Preprocessing,
    data: Data,
    source: Source,
    train: Images,
    native: Preprocessing | None,
) -> Preprocessing:
    """Mean and deviation as given; else the network's; else the data set's; else the images'.

    Images that are left on disk have those of photos.
    """
    if native is not None:
        mean, std = native.mean, native.std
    elif source.mean and source.std and frame.in_channels == source.in_channels:
        mean, std = source.mean, source.std
    elif isinstance(train, TensorImages):
        mean, std = pixel_statistics(train.tensor)
    else:
        mean, std = (in_channels(each, frame.in_channels) for each in (_PHOTOS.mean, _PHOTOS.std))
    return replace(frame, mean=tuple(data.mean or mean), std=tuple(data.std or std))


def in_channels(values: Sequence[float], channels: int) -> tuple[float, ...]:
    """Statistics of colour images for images of so many channels: of grey ones, their mean."""
    if channels == len(values):
        return tuple(values)
    return (sum(values) / len(values),) * channels


def refuse_other_shape(data: Data, shape: Preprocessing) -> None:
    """Raise ConfigError if the user asks for other images than the ensemble was trained for."""
    for name in _SHAPE:
        asked, own = getattr(data, name), getattr(shape, name)
        asked = tuple(asked) if isinstance(asked, list) else asked
        if asked not in (None, Data().background, own):
            raise ConfigError(
                f"data.{name}={asked} is not what the ensemble was trained for, {own}: leave it out"
            )
