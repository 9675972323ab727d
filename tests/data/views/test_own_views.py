"""Views that the user draws: every network its own, the same for the same seed."""

from io import BytesIO

import pytest
import torch
from image_folders import noise
from PIL import Image, ImageOps
from user_datasets import Listed, noisy, turned

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import derive_seed, seeded
from cotrain.config import Data, Views
from cotrain.data import TrainingBatches, UserData, load_splits, training_loader
from cotrain.data.images import to_tensor
from cotrain.data.user_data import user_source
from cotrain.data.views.own_views import ViewedImages

PAIRS = noisy(12)


def batches(given: UserData, views: Views = Views(), **settings):  # noqa: B008
    data = Data(dataset="given", **settings)
    splits = load_splits(data, source=user_source(given, data))
    return TrainingBatches(
        images=splits.train,
        views=views,
        preprocessing=splits.preprocessing,
        num_classes=2,
        into=3,
        seed=5,
    )


VAL = Listed(noisy(4, seed=1))
GIVEN = (
    UserData(train=Listed(PAIRS), val=VAL, transform=turned),
    UserData(train=Listed(PAIRS, turned), val=VAL, draws=True),
)


@pytest.mark.parametrize("given", GIVEN, ids=["transform", "draws"])
def test_every_network_has_views_of_its_own_seed(given):
    made = batches(given)
    key = next(iter(training_loader(made, batch_size=6).sampler))
    batch = made.finish(made.draw(key))
    pixels = made.preprocessing.pixels_of(batch.images)
    for network in range(3):
        with seeded(derive_seed(5, "view", 0, 0, 0, network)):
            expected = torch.stack([to_tensor(turned(PAIRS[i][0])) for i in key.indices])
        assert pixels[network].equal(expected)
    assert not pixels[0].equal(pixels[1])
    assert batch.targets.tolist() == [PAIRS[i][1] for i in key.indices]


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_change_no_view(workers):
    loader = training_loader(batches(GIVEN[0]), batch_size=4, workers=workers)
    alone = training_loader(batches(GIVEN[0]), batch_size=4)
    for one, other in zip(loader, alone, strict=True):
        assert one.images.equal(other.images)


def test_same_view_and_mixing_are_heeded():
    made = batches(GIVEN[0], Views(same_view=True, mixup=0.4))
    batch = next(iter(training_loader(made, batch_size=6)))
    assert batch.images[0].equal(batch.images[2])
    assert batch.targets.shape == (6, 2)


def test_views_are_seen_as_images_are():
    """Upright, and laid on white: what a transform leaves of an image's notes is heeded."""
    image = noise(3)
    image.getexif()[274] = 6  # taken with the camera turned
    content = BytesIO()
    image.save(content, "JPEG", exif=image.getexif(), quality=95, subsampling=0)
    turned_photo = Image.open(content)
    clear = Image.merge("RGBA", (*noise(4).split(), Image.new("L", (12, 12))))
    pairs = [(turned_photo, 0), (clear, 1), *PAIRS[2:]]
    made = batches(UserData(train=Listed(pairs), val=VAL, transform=lambda image: image.copy()))
    assert isinstance(made.images, ViewedImages)
    drawn = made.images.draw([0, 1], [0]).pixels[0]
    assert drawn[0].equal(made.images.original(0))
    assert drawn[0].equal(to_tensor(ImageOps.exif_transpose(turned_photo)))
    assert drawn[1].eq(255).all()


def test_a_view_of_another_size_is_refused():
    given = UserData(train=Listed(PAIRS), val=VAL, transform=lambda image: image.resize((8, 9)))
    made = batches(given)
    with pytest.raises(ConfigError, match="a view has 8 x 9 pixels, but the networks take 12 x 12"):
        next(iter(training_loader(made, batch_size=6)))
