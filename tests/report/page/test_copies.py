"""What the page says of test images that are nearly a training image is what was put there."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

from cotrain import divide
from cotrain.data import Splits, TensorImages
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.networks.registry import named_spec
from cotrain.report.page.answered import Answered
from cotrain.report.page.copies import copies

SIDE, CLASSES, TESTED = 16, 4, 20


@pytest.fixture
def answered() -> Answered:
    """20 test images of which 3 and 8 are a little darker training images, 3 of another class."""
    generator = torch.Generator().manual_seed(0)
    pixels = interpolate(torch.rand(80, 1, 8, 8, generator=generator) * 255, size=SIDE).byte()
    test, train = pixels[:TESTED].clone(), pixels[TESTED:]
    targets = torch.arange(80) % CLASSES
    test[3], test[8] = train[10] * 0.9, train[28] * 0.95
    spec = named_spec("basic_resnet8_4", num_classes=CLASSES, image_size=SIDE, in_channels=1)
    right = torch.nn.functional.one_hot(targets[:TESTED], CLASSES).float()
    right[:5] = 1 - right[:5]  # of which 3 is one
    splits = Splits(
        train=TensorImages(tensor=train, targets=targets[:60]),
        val=None,
        test=TensorImages(tensor=test, targets=targets[:TESTED]),
        classes=("a", "b", "c", "d"),
        preprocessing=Preprocessing(image_size=SIDE, in_channels=1, mean=(0.5,), std=(0.5,)),
        unreadable=(),
        tested_on="test",
    )
    return Answered(
        ensemble=divide(spec, 2),
        logits=right.expand(2, -1, -1),
        targets=targets[:TESTED],
        dataset="mine",
        tested_on="test",
        loaded=splits,
    )


def test_they_are_counted_and_shown_beside_what_they_are_like(answered):
    said, [gallery] = copies(answered)
    assert said == (
        "2 of 20 test images are nearly a training image, 1 with the same class. "
        "Of the others 77.78 % are answered right."  # 14 of 18
    )
    names = {each.name: each for each in gallery.exhibits}
    assert names.keys() == {"test image 3", "test image 8"}
    assert names["test image 3"].says[:2] == ["left: 3", "right: 2, training image 10"]
    with Image.open(io.BytesIO(names["test image 8"].image)) as picture:
        assert picture.size == (2 * SIDE, SIDE)
        left, right = np.split(np.asarray(picture), 2, axis=1)
    assert answered.loaded is not None
    assert np.array_equal(right, answered.loaded.train.original(28)[0])
    assert left.max() < right.max()


def test_without_copies_and_without_training_images_it_says_so(answered):
    splits, found = answered.loaded, {}
    for name, kept in (("none", slice(30, 40)), ("gone", slice(0, 0))):
        train = TensorImages(tensor=splits.train.tensor[kept], targets=splits.train.targets[kept])
        loaded = Splits(**{**vars(splits), "train": train})
        found[name] = copies(Answered(**{**vars(answered), "loaded": loaded}))
    assert found["none"] == ("No test image was found to be nearly a training image.", [])
    assert "not known: the training images are not here" in found["gone"][0]
