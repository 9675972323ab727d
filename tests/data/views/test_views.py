"""S views of each image: what is drawn, and what each step does to the pixels."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import seeded
from cotrain.config import Views
from cotrain.data.views.augmentation import (
    crop_and_flip,
    draw_moves,
    draw_rectangles,
    enough_for_crops,
    erase,
    random_policy,
    random_resized_crop,
)
from cotrain.data.views.views import apply_views, check_views, draw_views
from cotrain.ensemble.preprocessing import Preprocessing

RGB = Preprocessing(image_size=16, in_channels=3, mean=(0.5,) * 3, std=(0.25,) * 3)
GREY = Preprocessing(image_size=16, in_channels=1, mean=(0.5,), std=(0.25,))
PLAIN = Views(crop="none", flip=False)


def pixels(batch: int = 4, channels: int = 3, size: int = 16) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(1, 256, (batch, channels, size, size), generator=generator).byte()


def make_views(images, views, preprocessing, seeds, **options):
    drawn = draw_views(images, views, preprocessing, seeds)
    return apply_views(drawn, views, preprocessing, into=len(seeds), **options)


EVERYTHING = {
    "crop and flip": Views(),
    "autoaugment-cifar10": Views(policy="autoaugment-cifar10"),
    "autoaugment-imagenet": Views(policy="autoaugment-imagenet"),
    "autoaugment-svhn": Views(policy="autoaugment-svhn"),
    "rand": Views(policy="rand-m9-mstd0.5"),
    "erasing": Views(erasing=1.0),
    "resized crop": Views(crop="resized"),
}


@pytest.mark.parametrize("views", EVERYTHING.values(), ids=EVERYTHING)
def test_views_differ_and_equal_seeds_repeat_them(views):
    first = make_views(pixels(), views, RGB, [1, 2, 3])
    assert first.shape == (3, 4, 3, 16, 16)
    assert first.dtype == torch.float32
    assert torch.equal(first, make_views(pixels(), views, RGB, [1, 2, 3]))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[1], first[2])
    # A view depends on its own seed alone, not on S or on the other networks.
    assert torch.equal(make_views(pixels(), views, RGB, [2])[0], first[1])


@pytest.mark.parametrize("views", EVERYTHING.values(), ids=EVERYTHING)
def test_same_view_gives_the_first_networks_view_to_all(views):
    same = make_views(pixels(), replace(views, same_view=True), RGB, [1, 2, 3])
    alone = make_views(pixels(), views, RGB, [1])[0]
    assert same.shape == (3, 4, 3, 16, 16)
    for view in same:
        assert torch.equal(view, alone)


def test_making_views_leaves_the_random_state_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    make_views(pixels(), Views(policy="rand-m9-mstd0.5", erasing=0.5), RGB, [1, 2])
    assert torch.equal(torch.rand(1), expected)


def test_no_augmentation_is_normalisation_alone():
    views = make_views(pixels(), PLAIN, RGB, [1, 2])
    assert torch.equal(views, RGB.normalize(pixels()).expand(2, -1, -1, -1, -1))


@settings(max_examples=30)
@given(st.integers(0, 5), st.integers(1, 5), st.integers(0, 2**32))
def test_crop_equals_the_formula_for_one_image_after_another(padding, batch, seed):
    images = pixels(batch, size=8)
    with seeded(seed):
        moves = draw_moves(batch, padding=padding, flip=False)
    cropped = crop_and_flip(images[None], moves[None], padding=padding)[0]
    with seeded(seed):
        top, left = torch.randint(2 * padding + 1, (2, batch)).tolist()
    for index in range(batch):
        for row in range(8):
            for column in range(8):
                y, x = row + top[index] - padding, column + left[index] - padding
                inside = 0 <= y < 8 and 0 <= x < 8
                expected = images[index, :, y, x] if inside else torch.zeros(3).byte()
                assert torch.equal(cropped[index, :, row, column], expected)


def test_crop_reaches_every_offset():
    image = torch.zeros(600, 1, 5, 5).byte()
    image[:, :, 2, 2] = 1
    with seeded(0):
        moves = draw_moves(600, padding=2, flip=False)
    places = crop_and_flip(image[None], moves[None], padding=2)[0].flatten(1).int().argmax(1)
    counts = places.bincount(minlength=25)
    assert counts.min() > 5  # 24 expected of each
    assert counts.sum() == 600


def test_half_of_the_images_are_flipped():
    images = pixels(200)
    with seeded(0):
        moves = draw_moves(200, padding=0, flip=True)
    flipped = crop_and_flip(images[None], moves[None], padding=0)[0]
    kept = [torch.equal(now, before) for now, before in zip(flipped, images, strict=True)]
    mirrored = [
        torch.equal(now, before.flip(-1)) for now, before in zip(flipped, images, strict=True)
    ]
    assert [not each for each in kept] == mirrored
    assert 70 <= sum(mirrored) <= 130


def erased_of(images, probability, scale, ratio):
    """Which pixels a draw erases."""
    batch, _, *size = images.shape
    options = {"probability": probability, "scale": scale, "ratio": ratio}
    rectangles = draw_rectangles(batch, tuple(size), **options)
    return erase(images[None], rectangles[None])[0] == 0


@settings(max_examples=30)
@given(st.floats(0.02, 0.5), st.floats(0.3, 1.0), st.integers(0, 2**32))
def test_an_erased_part_is_one_rectangle_of_the_drawn_area_and_ratio(least, ratio, seed):
    with seeded(seed):
        erased = erased_of(torch.ones(8, 3, 32, 24), 1.0, (least, least), (ratio, ratio))
    height = round(math.sqrt(least * 32 * 24 * ratio))
    width = round(math.sqrt(least * 32 * 24 / ratio))
    for image in erased:
        assert torch.equal(image[0], image[1])
        assert torch.equal(image[0], image[2])
        rows, columns = image[0].any(1), image[0].any(0)
        if width >= 24:
            assert not image.any()  # it never fits, so nothing is erased
            continue
        assert abs(int(rows.sum()) - height) <= 1  # float32 may round the other way
        assert abs(int(columns.sum()) - width) <= 1
        assert torch.equal(image[0], rows[:, None] & columns)
        assert rows.int().diff().abs().sum() <= 2  # neighbours


def test_erasing_has_its_probability_and_covers_the_whole_image():
    with seeded(0):
        erased = erased_of(torch.ones(1000, 1, 8, 8), 0.3, (0.05, 0.3), (0.5, 2.0))
    assert erased.flatten(1).any(1).float().mean().item() == pytest.approx(0.3, abs=0.05)
    assert erased.any(0).all()
    shares = erased.flatten(1).float().mean(1)
    shares = shares[shares > 0]
    assert 0.03 < shares.min() < 0.08
    assert 0.25 < shares.max() < 0.34


def test_resized_crop_takes_images_of_any_size():
    originals = [torch.full((3, 40, 20), 7).byte(), torch.full((3, 9, 33), 200).byte()]
    with seeded(0):
        cropped = random_resized_crop(originals, 16, (0.1, 1.0))
    assert cropped.dtype == torch.uint8
    assert torch.equal(cropped[0], torch.full((3, 16, 16), 7).byte())
    assert torch.equal(cropped[1], torch.full((3, 16, 16), 200).byte())


@pytest.mark.parametrize(
    ("original", "least", "enough"),
    [
        ((4000, 3000), 0.08, 792),  # a crop of 1131 x 849 at the least
        ((500, 375), 0.08, 792),  # more than it has
        ((3000, 4000), 0.75, 259),
    ],
)
def test_what_is_enough_for_the_smallest_crop(original, least, enough):
    assert enough_for_crops(original, size=224, least=least) == enough
    shrunk = enough / min(original)
    area = least * math.prod(original) * shrunk**2
    assert math.sqrt(area * 3 / 4) == pytest.approx(224, rel=1e-2)


def test_rand_augment_fills_with_the_mean_colour():
    white = torch.full((64, 3, 16, 16), 255).byte()
    with seeded(0):
        colours = random_policy(white, "rand-m9-n3-p1.0").permute(0, 2, 3, 1).reshape(-1, 3)
    assert (colours == torch.tensor([124, 116, 104]).byte()).all(1).any()


@pytest.mark.parametrize("views", EVERYTHING.values(), ids=EVERYTHING)
def test_channels_last_is_the_same_in_another_order(views):
    plain = make_views(pixels(), views, RGB, [1, 2])
    last = make_views(pixels(), views, RGB, [1, 2], channels_last=True)
    assert torch.equal(plain, last)
    assert plain[1].is_contiguous()
    assert last[1].is_contiguous(memory_format=torch.channels_last)


def test_what_is_drawn_and_what_is_done_are_apart():
    """The pixels are sent once for all networks, and no chance is left in applying."""
    views = Views(policy="autoaugment-cifar10", erasing=0.5)
    drawn = draw_views(pixels(), views, RGB, [1, 2, 3])
    assert drawn.pixels.shape == (1, 4, 3, 16, 16)
    assert drawn.pixels.dtype == torch.uint8
    assert drawn.moves.shape == (3, 3, 4)
    assert drawn.rectangles is not None
    assert drawn.rectangles.shape == (3, 4, 4)
    first, again = (apply_views(drawn, views, RGB, into=3) for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize("views", [Views(crop="resized"), Views(policy="rand-m9")])
def test_what_needs_single_images_is_done_when_drawn(views):
    assert draw_views(pixels(), views, RGB, [1, 2, 3]).pixels.shape == (3, 4, 3, 16, 16)


def test_moves_go_down_right_and_then_flip():
    image = torch.arange(9).byte().view(1, 1, 1, 3, 3)
    moves = torch.tensor([[-1], [1], [1]])[None]
    # Shown one row further down and one column further left, then mirrored.
    expected = torch.tensor([[0, 0, 0], [0, 2, 1], [0, 5, 4]]).byte()
    assert torch.equal(crop_and_flip(image, moves, padding=1)[0, 0, 0], expected)


@pytest.mark.parametrize(
    ("views", "preprocessing", "message"),
    [
        (
            Views(policy="autoaugment-cifar10"),
            GREY,
            "views.policy=autoaugment-cifar10 .*in_channels=1",
        ),
        (Views(policy="rand-m9"), GREY, "--data.in_channels 3"),
        (Views(policy="autoaugment"), RGB, "views.policy='autoaugment' is not known"),
        (Views(policy="rand-foo"), RGB, "views.policy='rand-foo' is not known"),
        (Views(scale=(0.5, 0.1)), RGB, r"views.scale=\(0.5, 0.1\) is not a range"),
        (Views(erasing_scale=(0.1, 1.5)), RGB, "views.erasing_scale=.* at most 1"),
        (Views(erasing_ratio=(0.0, 1.0)), RGB, "views.erasing_ratio="),
    ],
)
def test_impossible_views_are_refused(views, preprocessing, message):
    with pytest.raises(ConfigError, match=message):
        check_views(views, preprocessing)


def test_possible_views_pass():
    for views in EVERYTHING.values():
        check_views(views, RGB)
    check_views(Views(erasing_ratio=(0.5, 2.0)), GREY)
    assert make_views(pixels(channels=1), Views(), GREY, [0]).shape == (1, 4, 1, 16, 16)
