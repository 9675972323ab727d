"""Test images that are nearly a training image, such as the same photo saved or cut again.

Shapes: N test images, M training images, D pixels of a small grey version.

Difference hashes were tried first: 2,079 of Fashion-MNIST's 10,000 test images share one with a
training image, as its objects stand alike before black. What is special of a copy is that it is
nearer than all that only look alike: of those 10,000 that leaves 32, of CIFAR-10's 80, and all that
were looked at show the same thing.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float
from cotrain.data.images import FileImages, Images
from cotrain.data.reading import read_small

_SIDE = 16  # pixels of a small version; of smaller images only what is all but equal counts
_SAME = 0.999  # correlation of small versions that are all but equal
_ALIKE = 0.9  # correlation that a copy has at least
_NEARER = 1 / 3  # its distance, as a share of that to the tenth nearest training image
_OTHERS = 10
_MOST_PAIRS = 10**9  # 10 seconds of two cores
_CHUNK = 512
_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow has it


@dataclass(frozen=True, kw_only=True)
class NearDuplicate:
    """A test image and the training image that it nearly is.

    Args:
        test: Place of the one among the test images.
        train: Place of the other among the training images.
        similarity: Correlation of their small versions, at most 1.
    """

    test: int
    train: int
    similarity: float


def near_duplicates(test: Images, train: Images) -> list[NearDuplicate]:
    """The test images that are nearly a training image, the most similar first.

    Brightness and contrast do not count. An image of one colour is like no other. What is moved,
    cut by more than a little, turned or mirrored is not found; of what training has ten times,
    only what is all but equal.

    Raises:
        ConfigError: There are too many to look at.
    """
    if len(test) * len(train) > _MOST_PAIRS:
        raise ConfigError(
            f"{len(test):,} test images and {len(train):,} training images are too many to compare"
        )
    small = _small_versions(test), _small_versions(train)
    side = round(small[0].shape[1] ** 0.5)
    nearest, place = _nearest(*small)
    near = nearest[:, 0] >= _SAME
    if side == _SIDE:
        distance = (2 - 2 * nearest).clamp(min=0).sqrt()
        apart = distance[:, 0] <= _NEARER * distance[:, -1]
        near |= apart & (nearest[:, 0] >= _ALIKE)
    found = [
        NearDuplicate(test=index, train=int(place[index]), similarity=float(nearest[index, 0]))
        for index in near.nonzero().flatten().tolist()
    ]
    return sorted(found, key=lambda each: -each.similarity)


def _small_versions(images: Images) -> Float[Tensor, "N D"]:
    """Grey, of mean 0 and length 1; all 0 for an image of one colour."""
    if isinstance(images, FileImages):
        parts = [read_small(images.paths, _SIDE)]
    else:
        places = torch.arange(len(images)).split(_CHUNK)
        parts = [_shrunk(images.pixels(some.tolist())) for some in places]
    values = torch.cat(parts).flatten(1)
    values = values - values.mean(1, keepdim=True)
    return F.normalize(values, eps=1e-3)


def _shrunk(pixels: Tensor) -> Float[Tensor, "N side side"]:
    channels = torch.tensor(_GREY if pixels.shape[1] == 3 else (1.0,))
    grey = torch.einsum("nchw,c->nhw", pixels.float(), channels)
    return F.adaptive_avg_pool2d(grey, min(_SIDE, grey.shape[-1]))


def _nearest(test: Tensor, train: Tensor) -> tuple[Float[Tensor, "N 10"], Tensor]:
    """Correlation with the ten nearest training images, and the place of the first of them."""
    count = min(_OTHERS, len(train))
    found = [(some @ train.T).topk(count) for some in test.split(_CHUNK)]
    return torch.cat([each.values for each in found]), torch.cat([e.indices[:, 0] for e in found])
