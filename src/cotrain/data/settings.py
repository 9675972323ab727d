"""Settings of data and views that are impossible, or that would be ignored."""

from collections.abc import Iterator
from dataclasses import fields

from PIL import ImageColor

from cotrain.basics.errors import ConfigError
from cotrain.config import Data, Views
from cotrain.config.datasets import DATASETS
from cotrain.config.heeding import refuse_set, refuse_unheeded
from cotrain.config.limits import check_settings

# What only image files heed.
_OF_FILES = ("unreadable", "scan", "background", "margin", "interpolation", "crop_mode")
# What the settings are where the user says nothing.
DEFAULTS = {each.name: each.default for each in fields(Data)}


def is_folder(dataset: str) -> bool:
    """Whether the images of a data set are all those in folders of classes."""
    return dataset in ("imagefolder", "imagenet")


def has_files(dataset: str) -> bool:
    """Whether the images of a data set are files of any size, in folders or named by a table."""
    return is_folder(dataset) or dataset == "csv"


def is_stored(dataset: str) -> bool:
    """Whether the images of a data set are stored together, in what is no image file."""
    return dataset in ("hf", "webdataset")


def has_any_size(dataset: str) -> bool:
    """Whether the images of a data set may be of any size, and are decoded when they are read."""
    return has_files(dataset) or is_stored(dataset) or dataset == "given"


def check_data(data: Data, *, keep_files: bool) -> None:
    """Raise ConfigError for a value that no images have, or a setting that nothing would heed.

    Args:
        data: With its data set resolved.
        keep_files: Files are left on disk, to be decoded in every epoch.
    """
    check_settings(data, "data.")
    _check_pixels(data)
    for name, why in _unheeded(data, keep_files and has_any_size(data.dataset)):
        refuse_set("data", data, name, why)
    if keep_files and has_any_size(data.dataset) and data.unreadable == "skip" and not data.scan:
        raise ConfigError(
            "data.unreadable=skip leaves out what the scan finds, but data.scan=false: "
            "give --data.scan true, or --data.unreadable error"
        )


def check_heeded(views: Views, data: Data) -> None:
    """Raise ConfigError for a setting of the views that nothing would heed."""
    refuse_unheeded("views", views)
    dataset = data.resolved().dataset
    if not has_files(dataset) and not is_stored(dataset):
        refuse_set("views", views, "draft", f"the images of {dataset} are no files")


def check_no_views(views: Views) -> None:
    """Raise ConfigError for a setting of the views where the user's own are drawn."""
    for each in fields(views):
        if each.name not in ("mixup", "cutmix", "same_view"):
            refuse_set("views", views, each.name, "the views are those that are given")


def check_unsplit(data: Data) -> None:
    """Raise ConfigError for a setting that splits images of which all are tested."""
    names = ["train_images", "validation", "calibration", "test"]
    for name in names if data.test_images is not None else [*names, "split_seed"]:
        if getattr(data, name) != DEFAULTS[name]:
            raise ConfigError(
                f"data.{name}={getattr(data, name)} would be ignored: all images of the folder "
                "that have a label are tested: leave it out, or draw some with --data.test_images"
            )


def _check_pixels(data: Data) -> None:
    for name, values in (("mean", data.mean), ("std", data.std)):
        if values is not None and not all(0 <= value <= 1 for value in values):
            divided = [round(value / 255, 4) for value in values]
            raise ConfigError(
                f"data.{name}={values} is not of pixels in [0, 1]: "
                f"of pixels in 0..255, divided by 255, it is {divided}"
            )
    try:
        opaque = len(ImageColor.getrgb(data.background)) == 3
    except ValueError:
        opaque = False
    if not opaque:
        raise ConfigError(
            f"data.background={data.background!r} is no opaque colour: try white or #808080"
        )


def _unheeded(data: Data, keep_files: bool) -> Iterator[tuple[str, str]]:
    """Settings that these images do not heed, and why."""
    facts = DATASETS.get(data.dataset)
    if data.dataset == "digits":
        yield "root", "digits are part of scikit-learn (--data.dataset imagefolder reads a folder)"
    if data.dataset == "given":
        yield "root", "the images are given by a program"
    if (facts is None or facts.torchvision is None) and data.dataset != "hf":
        yield "download", f"{data.dataset} cannot be downloaded"
    if data.dataset != "imagefolder":
        yield "layout", f"{data.dataset} is laid out in one way"
    if data.dataset != "csv":
        heeded = {"hf": ("path_column", "label_column"), "webdataset": ("label_column",)}
        for name in ("table", "path_column", "label_column", "split_column"):
            if name in heeded.get(data.dataset, ()):
                continue
            yield name, f"{data.dataset} has no table (--data.dataset csv reads one)"
    if not has_any_size(data.dataset):
        for name in _OF_FILES:
            yield name, f"the images of {data.dataset} are no files"
    elif not keep_files:
        yield "scan", "every file is decoded once unless views.crop is resized"
