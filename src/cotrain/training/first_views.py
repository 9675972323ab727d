"""What each network sees first: the views of the first batch of the first epoch."""

from dataclasses import dataclass

from torch import Tensor

from cotrain.basics.shapes import UInt8
from cotrain.config import Experiment
from cotrain.data import Splits
from cotrain.training.datamodule import Loaders


@dataclass(frozen=True, kw_only=True, eq=False)
class FirstViews:
    """Some images of the first batch, as they are and as each network sees them.

    Args:
        originals: Pixels without any augmentation.
        views: Pixels, of every network.
    """

    originals: UInt8[Tensor, "B C H W"]
    views: UInt8[Tensor, "S B C H W"]


def first_views(experiment: Experiment, splits: Splits, images: int) -> FirstViews:
    """The first images that one process trains on, as training draws their views.

    Args:
        experiment: Views, S, batch size and seed.
        splits: The images.
        images: How many to give; at most those of a batch.

    Raises:
        ConfigError: Impossible views, or fewer images than one batch.
    """
    loader = Loaders(experiment, splits).training()
    key = next(iter(loader.sampler))
    # A view depends on the whole batch, of which some are shown.
    drawn = loader.dataset[key].images[:, :images]
    return FirstViews(
        originals=splits.train.pixels(key.indices[:images]),
        views=splits.preprocessing.pixels_of(drawn),
    )
