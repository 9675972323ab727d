"""Which images, and how an image becomes a view."""

from dataclasses import dataclass, replace
from typing import Literal

from cotrain.config.datasets import Dataset
from cotrain.config.limits import (
    LARGEST_IMAGE,
    PROBABILITY,
    SHARE,
    SHARE_OR_NUMBER,
    at_least,
    between,
    bounded,
)

FolderLayout = Literal["auto", "parts", "classes"]
Interpolation = Literal["bicubic", "bilinear", "nearest", "lanczos", "box", "hamming"]
CropMode = Literal["center", "squash", "border"]


@dataclass(frozen=True, kw_only=True)
class Data:
    """Which images are trained and tested on.

    Args:
        dataset: A named data set, ``imagefolder`` for a folder of one's own, ``csv`` for a table of
            files, ``hf`` for a data set of Hugging Face's, ``webdataset`` for tar shards, or
            ``given`` for what a program gives to ``fit``; ``auto`` is ``csv`` where ``table`` is
            given, else ``imagefolder`` where ``root`` is, else ``digits``.
        root: Folder of the data set, or for ``hf`` its name on the hub; ``digits`` have none. Of a
            table the folder that its paths start from; the table's own if null.
        table: CSV or Parquet file of ``csv``, a row an image.
        path_column: Its column of paths, or the column of images of ``hf``; null is the one called
            path, file, filename or image.
        label_column: Its column of classes, or what JSON of ``webdataset`` calls them; null is the
            one called label, class or target.
        split_column: Its column of parts (train, val, test); null is the one called split, part or
            subset, if there is one; ``none`` heeds none.
        layout: Whether the folders in ``root`` are parts (train, val, test; each holds one folder a
            class) or classes, also when one is called train; ``auto`` looks where the images lie.
        download: Let torchvision download the data set into ``root``, or fetch that of ``hf``.
        train_images: Train on this many images only, drawn evenly over the classes; all if null.
        test_images: Test on this many images only, drawn evenly over the classes; all if null.
        validation: Share of the training images held out to pick the best checkpoint;
            ``none`` picks nothing: the last epoch is kept. A ``val/`` folder takes precedence.
        calibration: Share, or number, of the training images that validation leaves; they neither
            train nor pick, but are kept for ``cotrain calibrate``; ``none`` keeps none.
        test: Share of the images held out for the test where the data set has no test split and
            ``train_images`` is not given; else all that do not train are the test.
        split_seed: Seed of every split and subset; independent of the training seed.
        image_size: Height and width in pixels given to the networks; null is the network's own, of
            another library, or the data set's own.
        in_channels: 3 (RGB) or 1 (grey); the data set's own if null.
        margin: Files are resized until their shorter side is ``margin * image_size``, then cropped
            in the centre; null is the network's own, of another library, or 1.15 where
            ``views.crop`` is resized, else 1.
        interpolation: How files are resized; null is the network's own, of another library, or
            bicubic.
        crop_mode: ``center`` cuts a square out of the resized image; ``squash`` resizes both sides
            alike; ``border`` resizes the longer side and fills up with the mean's colour; null is
            the network's own, of another library, or center.
        background: Colour on which transparent images are laid, such as ``black`` or ``#808080``.
        mean: Mean of each channel, of pixels in [0, 1]; null is the network's own, of another
            library, or the data set's own.
        std: Standard deviation of each channel; as ``mean`` if null.
        unreadable: What to do with images that cannot be decoded: stop with a list, or skip them.
        scan: Decode every file once before training to find unreadable ones.
        workers: Processes that load data beside the training one; 0 loads in the training process.
    """

    dataset: Dataset = "auto"
    root: str | None = None
    table: str | None = None
    path_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    layout: FolderLayout = "auto"
    download: bool = False
    train_images: int | None = bounded(None, at_least(1))
    test_images: int | None = bounded(None, at_least(1))
    validation: float | Literal["none"] = bounded(0.1, SHARE)
    calibration: float | Literal["none"] = bounded("none", SHARE_OR_NUMBER)
    test: float = bounded(0.2, SHARE)
    split_seed: int = 0
    image_size: int | None = bounded(None, between(8, LARGEST_IMAGE))
    in_channels: Literal[1, 3] | None = None
    margin: float | None = bounded(None, at_least(1))
    interpolation: Interpolation | None = None
    crop_mode: CropMode | None = None
    background: str = "white"
    mean: list[float] | None = None
    std: list[float] | None = None
    unreadable: Literal["error", "skip"] = "error"
    scan: bool = True
    workers: int = bounded(0, between(0, 256))

    def resolved(self) -> "Data":
        """The same with ``auto`` replaced by the data set that it is."""
        if self.dataset != "auto":
            return self
        if self.table is not None:
            return replace(self, dataset="csv")
        return replace(self, dataset="digits" if self.root is None else "imagefolder")


@dataclass(frozen=True, kw_only=True)
class Views:
    """How a training image becomes a view; each network gets its own, drawn independently.

    Args:
        crop: ``pad`` pads with zeros and crops at random; ``resized`` crops a random area and
            resizes it (large photos, decoded again in every epoch); ``none`` does not crop.
        padding: Pixels of padding on each side for ``pad``.
        scale: Range of the cropped share of the area for ``resized``.
        draft: Read a JPEG for ``resized`` at a half to an eighth of its size where the smallest
            crop still has the pixels that it is resized to: a photo of a camera in half the time,
            with values that differ by a few of 255, and with crops of its own.
        flip: Flip half of the views left to right.
        policy: ``none``, ``autoaugment-cifar10``, ``autoaugment-imagenet``, ``autoaugment-svhn``
            or a timm RandAugment string such as ``rand-m9-mstd0.5``.
        erasing: Probability that a rectangle of a view is erased.
        erasing_scale: Range of the erased share of the area.
        erasing_ratio: Range of the erased rectangle's aspect ratio.
        mixup: Alpha of mixup's Beta distribution, drawn once a batch for all views; 0 is off.
        cutmix: Alpha of cutmix's Beta distribution, drawn once a batch for all views; 0 is off.
        same_view: Ablation: all networks see the same view.
    """

    crop: Literal["none", "pad", "resized"] = "pad"
    padding: int = bounded(4, at_least(0))
    scale: tuple[float, float] = (0.08, 1.0)
    draft: bool = False
    flip: bool = True
    policy: str = "none"
    erasing: float = bounded(0.0, PROBABILITY)
    erasing_scale: tuple[float, float] = (0.02, 0.33)
    erasing_ratio: tuple[float, float] = (0.3, 3.3)
    mixup: float = bounded(0.0, at_least(0))
    cutmix: float = bounded(0.0, at_least(0))
    same_view: bool = False
