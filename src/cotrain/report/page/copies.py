"""Test images that are nearly a training image: what is answered of them was learnt by heart."""

from collections.abc import Sequence

import torch

from cotrain.basics.errors import ConfigError
from cotrain.data import Splits
from cotrain.data.near_duplicates import NearDuplicate, near_duplicates
from cotrain.report.page.answered import Answered
from cotrain.report.page.contents import Exhibit, Gallery
from cotrain.report.page.gallery import SHOWN, image_name, png_of


def copies(answered: Answered) -> tuple[str, list[Gallery]]:
    """In words how many test images are nearly a training image, and the most similar ones.

    Raises:
        ConfigError: The test images are gone.
    """
    images, unknown = answered.images, "Whether test images are nearly training images is not known"
    assert images.test is not None
    if not len(images.train):
        return f"{unknown}: the training images are not here, or would take too long to read.", []
    try:
        found = near_duplicates(images.test, images.train)
    except ConfigError as error:
        return f"{unknown}: {error}.", []
    if not found:
        return "No test image was found to be nearly a training image.", []
    exhibits = [_pair(answered, each) for each in found[:SHOWN]]
    return _in_words(answered, found), [Gallery(title="Nearly a training image", exhibits=exhibits)]


def _in_words(answered: Answered, found: Sequence[NearDuplicate]) -> str:
    """How many there are, and what the others say."""
    images, trained_on = len(answered.targets), answered.images.train.targets
    places = torch.tensor([each.test for each in found])
    same = answered.targets[places] == trained_on[[each.train for each in found]]
    right = answered.log_p.argmax(-1) == answered.targets
    are = "is" if len(found) == 1 else "are"
    said = (
        f"{len(found):,} of {images:,} test images {are} nearly a training image, {same.sum():,} "
        "with the same class."
    )
    if len(found) == images:
        return said
    others = (right.sum() - right[places].sum()).item() / (images - len(found))
    return f"{said} Of the others {100 * others:.2f} % are answered right."


def _pair(answered: Answered, each: NearDuplicate) -> Exhibit:
    """Both images side by side."""
    images = answered.images
    assert images.test is not None
    test, train = images.test.pixels([each.test])[0], images.train.pixels([each.train])[0]
    trained_on = int(images.train.targets[each.train])
    return Exhibit(
        image=png_of(test, train),
        name=image_name(images, each.test),
        says=[
            f"left: {answered.labels[answered.targets[each.test]]}",
            f"right: {answered.labels[trained_on]}, {_train_name(images, each.train)}",
            f"correlation {each.similarity:.4f}",
        ],
    )


def _train_name(images: Splits, place: int) -> str:
    """What a training image is called: its file, or its number."""
    if images.record is None or not images.test_files:
        return f"training image {place}"
    return images.record.parts["train"].names[place]
