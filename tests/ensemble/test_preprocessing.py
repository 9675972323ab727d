"""What an image goes through before a network."""

import json
from dataclasses import asdict, replace

import pytest
import torch

from cotrain.basics.errors import ConfigError
from cotrain.basics.records import record_from
from cotrain.ensemble.preprocessing import Preprocessing

RGB = Preprocessing(
    image_size=8, in_channels=3, mean=(0.4914, 0.4822, 0.4465), std=(0.2023, 0.1994, 0.2010)
)


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 4, 5), (4, 2, 3, 4, 5)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_normalize_is_the_formula(shape, dtype):
    pixels = torch.randint(256, shape, generator=torch.Generator().manual_seed(0))
    mean = torch.tensor(RGB.mean, dtype=torch.float64).view(3, 1, 1)
    std = torch.tensor(RGB.std, dtype=torch.float64).view(3, 1, 1)
    expected = (pixels.double() / 255 - mean) / std

    given = pixels.to(dtype)
    normalized = RGB.normalize(given)

    assert normalized.dtype == torch.float32
    torch.testing.assert_close(normalized.double(), expected, rtol=0, atol=2e-6)
    assert torch.equal(given, pixels.to(dtype))  # what was given is left as it was


@pytest.mark.parametrize(
    ("resized", "size"),
    [(230, 224), (342, 299), (256, 224)],  # of torchvision's weights; the first two round down
)
def test_a_margin_that_is_a_ratio_of_sizes_gives_the_size_back(resized, size):
    assert replace(RGB, image_size=size, margin=resized / size).resized_size == resized


def test_json_gives_the_same_record_back():
    assert record_from(Preprocessing, json.loads(json.dumps(asdict(RGB)))) == RGB


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ((0.5,), (0.2, 0.2, 0.2), r"data.mean=\[0.5\] has 1 numbers for images of 3 channels"),
        ((0.5, 0.5, 0.5), (0.2,), r"data.std=\[0.2\] has 1 numbers for images of 3 channels"),
        ((0.5, 0.5, 0.5), (0.2, 0.0, 0.2), "is not positive"),
    ],
)
def test_statistics_must_fit_the_channels(mean, std, message):
    with pytest.raises(ConfigError, match=message):
        Preprocessing(image_size=8, in_channels=3, mean=mean, std=std)
