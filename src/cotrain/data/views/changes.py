"""AutoAugment's operations on many images at once, each image with parameters of its own.

They compute what torchvision's functions do for one image (uint8; nearest pixel, grey fill), with
no tensor made of numbers on the way: a GPU is not waited for.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

_FILL = 128.0
PARAMETERS = 6
"""How many numbers an image is changed by; those that an operation does not use are 0."""


class Change(NamedTuple):
    """An operation by its name in the paper, and how strongly it changes an image."""

    operation: str
    magnitude: float


def kind_of(change: Change) -> str:
    """Which of ``KINDS`` makes the change."""
    return "Affine" if change.operation in _MATRICES else change.operation


def parameters_of(change: Change, image_size: int) -> list[float]:
    """The numbers by which its kind makes the change."""
    operation, magnitude = change
    if operation in _MATRICES:
        return _MATRICES[operation](magnitude, image_size)
    numbers: list[float] = []
    if operation in _BLENDS:
        numbers = [1 + magnitude, 1.0 - (1 + magnitude)]
    elif operation == "Posterize":
        numbers = [256 - 2.0 ** (8 - int(magnitude))]
    elif operation == "Solarize":
        numbers = [255 * magnitude]
    return [*numbers, *[0.0] * (PARAMETERS - len(numbers))]


def _shear_x(slope: float, size: int) -> list[float]:
    tangent = math.tan(math.atan(slope))
    return [1, tangent, tangent * size / 2, 0, 1, 0]


def _shear_y(slope: float, size: int) -> list[float]:
    tangent = math.tan(math.atan(slope))
    return [1, 0, 0, tangent, 1, tangent * size / 2]


def _rotate(degrees: float, _: int) -> list[float]:
    angle = -math.radians(degrees % 360)
    return [math.cos(angle), math.sin(angle), 0, -math.sin(angle), math.cos(angle), 0]


# Rows of the matrices [2, 3] that lead from a pixel of the result to one of the image, in pixels
# from the image's middle. Shears leave the first row, or column, where it is.
_MATRICES: Mapping[str, Callable[[float, int], list[float]]] = {
    "ShearX": _shear_x,
    "ShearY": _shear_y,
    "TranslateX": lambda shift, _: [1, 0, -int(shift), 0, 1, 0],
    "TranslateY": lambda shift, _: [1, 0, 0, 0, 1, -int(shift)],
    "Rotate": _rotate,
}
_BLENDS = ("Brightness", "Color", "Contrast", "Sharpness")


def _affine(images: Tensor, parameters: Tensor) -> Tensor:
    """One look-up for all: where each pixel comes from, by the matrix of its image."""
    count, _, height, width = images.shape
    device = images.device
    rows, columns = (
        torch.linspace((1.0 - size) * 0.5, (size - 1.0) * 0.5, steps=size, device=device)
        for size in (height, width)
    )
    grid = torch.ones(height, width, 3, device=device)
    grid[..., 0], grid[..., 1] = columns, rows[:, None]
    matrices = parameters.view(count, 2, 3).transpose(1, 2).clone()
    matrices[..., 0] /= 0.5 * width
    matrices[..., 1] /= 0.5 * height
    places = (grid.view(1, -1, 3).expand(count, -1, -1) @ matrices).view(count, height, width, 2)
    # A layer of ones tells what comes from outside.
    layered = F.pad(images.float(), (0, 0, 0, 0, 0, 1), value=1.0)
    found = F.grid_sample(layered, places, mode="nearest", align_corners=False)
    inside = found[:, 3:] >= 0.5
    return found[:, :3].where(inside, _FILL).round_().to(torch.uint8)


def _grey(images: Tensor) -> Tensor:
    """float32 [n, 1, H, W], whole numbers."""
    red, green, blue = images.unbind(1)
    grey = red.mul(0.2989).add_(green, alpha=0.587).add_(blue, alpha=0.114)
    return grey[:, None].floor_()


def _blend(images: Tensor, others: Tensor, parameters: Tensor) -> Tensor:
    own, other = _columns(parameters, 2)
    return (images * own).addcmul_(others, other).clamp_(0, 255).to(torch.uint8)


def _columns(parameters: Tensor, count: int) -> tuple[Tensor, ...]:
    return parameters[:, :count, None, None, None].unbind(1)


def _brightness(images: Tensor, parameters: Tensor) -> Tensor:
    (factor,) = _columns(parameters, 1)
    return (images * factor).clamp_(0, 255).to(torch.uint8)


def _contrast(images: Tensor, parameters: Tensor) -> Tensor:
    return _blend(images, _grey(images).mean((1, 2, 3), keepdim=True), parameters)


def _sharpness(images: Tensor, parameters: Tensor) -> Tensor:
    _, channels, height, width = images.shape
    if height <= 2 or width <= 2:
        return images
    kernel = torch.full((channels, 1, 3, 3), 1.0 / 13.0, device=images.device)
    kernel[:, :, 1, 1] = 5.0 / 13.0
    result = images.float()
    inner = result[..., 1:-1, 1:-1]
    blurred = F.conv2d(result, kernel, groups=channels).round_()
    inner.addcmul_(blurred.sub_(inner), _columns(parameters, 2)[1])
    return result.clamp_(0, 255).to(torch.uint8)


def _solarize(images: Tensor, parameters: Tensor) -> Tensor:
    (threshold,) = _columns(parameters, 1)
    return torch.where(images >= threshold, 255 - images, images)


def _auto_contrast(images: Tensor, _: Tensor) -> Tensor:
    from torchvision.transforms.v2 import functional

    return functional.autocontrast(images)


def _equalize(images: Tensor, _: Tensor) -> Tensor:
    from torchvision.transforms.v2 import functional

    return functional.equalize(images)


KINDS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Affine": _affine,
    "Brightness": _brightness,
    "Color": lambda images, parameters: _blend(images, _grey(images), parameters),
    "Contrast": _contrast,
    "Sharpness": _sharpness,
    "Posterize": lambda images, parameters: images & _columns(parameters, 1)[0].to(torch.uint8),
    "Solarize": _solarize,
    "AutoContrast": _auto_contrast,
    "Equalize": _equalize,
    "Invert": lambda images, _: 255 - images,
}
"""What each kind does to uint8 images [n, 3, H, W], by parameters [n, 6]."""
