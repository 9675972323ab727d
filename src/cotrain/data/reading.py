"""Many images read at once: into one tensor, or only to know them."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from itertools import chain
from typing import BinaryIO, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.watching import watched
from cotrain.data.decoding import UnreadableImageError, decode
from cotrain.data.fitting import fit_image
from cotrain.data.formats import open_image
from cotrain.data.images import read_image, reading_threads, to_tensor
from cotrain.data.stored import Chosen, Readable, Readables
from cotrain.ensemble.preprocessing import Preprocessing

Opened = BinaryIO | Image.Image


@dataclass(frozen=True, kw_only=True)
class FilesRead:
    """What reading N files, or arrays, found.

    Args:
        failed: Index and reason of those that cannot be decoded.
        sizes: Bytes of each; None for arrays.
        contents: A digest of each, empty for what failed; None where they were not read.
    """

    failed: Mapping[int, str]
    sizes: list[int] | None
    contents: list[str] | None


def decode_files(paths: Readables, preprocessing: Preprocessing) -> tuple[Tensor, FilesRead]:
    """All files as uint8 [N, C, H, W]; what cannot be decoded holds anything.

    Raises:
        ConfigError: The tensor would not fit the memory.
    """
    tensor = _allocate(len(paths), preprocessing)

    def read(index: int, file: Opened) -> None:
        tensor[index] = read_image(file, preprocessing)

    return tensor, _read_all(paths, read)


def scan_files(paths: Readables, in_channels: int) -> FilesRead:
    """Decode every file to find those that cannot be."""
    return _read_all(paths, lambda _, file: decode(file, in_channels, quick=1))


def read_small(paths: Readables, side: int) -> Tensor:
    """All files as small grey squares, float32 [N, side, side]; black where they cannot be read."""
    squares = torch.zeros(len(paths), side, side)

    def read(index: int, file: Opened) -> None:
        small = decode(file, 1, quick=side).resize((side, side), Image.Resampling.BOX)
        squares[index] = torch.from_numpy(np.array(small))

    _read_all(paths, read)
    return squares


def size_files(paths: Readables) -> FilesRead:
    """The files' sizes, nothing being read; 0 of a file that is gone."""
    if not isinstance(paths, list):
        return FilesRead(failed={}, sizes=None, contents=None)
    sizes = [os.path.getsize(path) if os.path.exists(path) else 0 for path in paths]
    return FilesRead(failed={}, sizes=sizes, contents=None)


def read_arrays(arrays: np.ndarray) -> FilesRead:
    """The digests of images in memory."""
    return FilesRead(
        failed={}, sizes=None, contents=[content_digest(each.tobytes()) for each in arrays]
    )


def decode_arrays(arrays: np.ndarray, preprocessing: Preprocessing) -> Tensor:
    """Images [N, H, W] or [N, H, W, 3] as uint8 [N, C, H, W] at the size and channels asked for."""
    images = torch.from_numpy(arrays).view(*arrays.shape[:3], -1).permute(0, 3, 1, 2)
    size, channels = preprocessing.image_size, preprocessing.in_channels
    if images.shape[1:] == (channels, size, size) and preprocessing.margin == 1:
        return images.contiguous()
    tensor = _allocate(len(arrays), preprocessing)
    for index, array in enumerate(arrays):
        image = Image.fromarray(array).convert("L" if channels == 1 else "RGB")
        tensor[index] = to_tensor(fit_image(image, preprocessing))
    return tensor


def pixel_statistics(tensor: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of uint8 [N, C, H, W], scaled to [0, 1].

    Exact from the counts of the 256 values; rounded to 4 decimals, as they are quoted.
    """
    counts = torch.stack(
        [channel.flatten().bincount(minlength=256) for channel in tensor.unbind(1)]
    )
    shares = counts.double() / counts.sum(1, keepdim=True)
    values = torch.arange(256, dtype=torch.float64) / 255
    mean = shares @ values
    std = (shares @ values**2 - mean**2).clamp(min=0).sqrt()
    return tuple(mean.numpy().round(4).tolist()), tuple(std.numpy().round(4).tolist())


def _allocate(count: int, preprocessing: Preprocessing) -> Tensor:
    size, channels = preprocessing.image_size, preprocessing.in_channels
    needed = count * channels * size**2
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory:
        raise ConfigError(
            f"{count} images of data.image_size={size} need {needed / 1e9:.0f} GB of the machine's "
            f"{memory / 1e9:.0f} GB memory: use --views.crop resized, which reads them in training"
        )
    return torch.empty(count, channels, size, size, dtype=torch.uint8)


_CHUNK = 256  # files a task: a task for each file would take more memory than a million paths
_SHOWN = 10


def _read_all(paths: Readables, read: Callable[[int, Opened], object]) -> FilesRead:
    """Call ``read`` with 0 .. N-1 and the file, in a few threads; digest those that it can read."""
    pool = reading_threads(paths.threads) if isinstance(paths, Chosen) else reading_threads()

    def run(start: int) -> list[tuple[int, str, str]]:
        return [_read(paths, i, read) for i in range(len(paths))[start : start + _CHUNK]]

    with pool:
        chunks = pool.map(run, range(0, len(paths), _CHUNK))
        found = list(chain(*watched(chunks, "reading images", _CHUNK, len(paths))))
    return FilesRead(
        failed={index: reason for index, (_, _, reason) in enumerate(found) if reason},
        sizes=[size for size, _, _ in found],
        contents=[content for _, content, _ in found],
    )


def _read(
    paths: Readables, index: int, read: Callable[[int, Opened], object]
) -> tuple[int, str, str]:
    """Size, digest and, if it cannot be decoded, the reason."""
    try:
        content = _content(paths[index], partial(read, index))
    except UnreadableImageError as error:
        return 0, "", error.reason
    except OSError as error:
        return 0, "", error.strerror or str(error) or type(error).__name__
    return len(content), content_digest(content), ""


def _content(found: Readable, read: Callable[[Opened], object]) -> bytes:
    """Read an image; give its bytes, or what a program's image holds."""
    if isinstance(found, Image.Image):
        read(found)
        return repr((found.mode, found.size, found.getpalette())).encode() + found.tobytes()
    if isinstance(found, str) and os.path.exists(found) and not os.path.isfile(found):
        raise OSError("not a regular file")  # opening a pipe would never end
    with open(found, "rb") if isinstance(found, str) else found as file:
        read(file)
        file.seek(0)
        return file.read()


def content_digest(content: bytes) -> str:
    """64 bits, as there is one for each image: any two of a million agree with a chance of 3e-8."""
    return blake2b(content, digest_size=8).hexdigest()


def report_unreadable(reasons: Mapping[str, str], policy: Literal["error", "skip"]) -> None:
    """Stop with one list of the unreadable files, unless the policy is to skip them.

    Args:
        reasons: Path and reason of each.
        policy: ``data.unreadable``.

    Raises:
        ConfigError: There are some, and the policy is ``error``.
    """
    if not reasons or policy == "skip":
        return
    shown = "; ".join(f"{path} ({reason})" for path, reason in list(reasons.items())[:_SHOWN])
    more = f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
    raise ConfigError(
        f"{len(reasons)} image files cannot be decoded: {shown}{more}: "
        "remove them or use --data.unreadable skip"
    )


def common_size(paths: Readables) -> int:
    """Height and width of the images, if all are squares of one size; only headers are read.

    Raises:
        ConfigError: They are not: how to make them equal is for the user to say.
    """
    sizes = {size for i in range(len(paths)) if (size := _header_size(paths, i))}
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


def _header_size(paths: Readables, index: int) -> tuple[int, int] | None:
    """None for a file that cannot be read: decoding it will say why."""
    try:
        with open_image(paths[index]) as image:
            return image.size
    except Exception:  # Pillow's plugins raise a dozen kinds for damaged files
        return None
