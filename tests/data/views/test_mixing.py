"""Mixup and cutmix against their formulas."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cotrain.basics.seeds import seeded
from cotrain.data.views.mixing import (
    Batch,
    Box,
    apply_mix,
    cutmix_batch,
    draw_box,
    draw_mix,
    mixup_batch,
)

CLASSES = 3


def batch(networks: int = 2, images: int = 6, size: int = 8) -> Batch:
    generator = torch.Generator().manual_seed(0)
    views = torch.randn(networks, images, 3, size, size, generator=generator)
    return Batch(views, torch.arange(images) % CLASSES)


def mix(batch: Batch, *, mixup: float, cutmix: float, num_classes: int, seed: int) -> Batch:
    size = batch.images.shape[-1]
    drawn = draw_mix(len(batch.targets), size, mixup=mixup, cutmix=cutmix, seed=seed)
    return apply_mix(batch, drawn, num_classes)


def test_mixup_equals_the_reference_case():
    # One value of each of three images; lambda and permutation as drawn by the paper's recipe.
    images = torch.tensor([0.0681243729, 0.0626406539, 1.4974019199]).view(1, 3, 1, 1, 1)
    share = 0.0010759875281404296
    mixed = mixup_batch(
        Batch(images, torch.tensor([0, 2, 1])), torch.tensor([2, 1, 0]), share, CLASSES
    )
    expected = torch.tensor([1.4958640350, 0.0626406539, 0.0696622577])
    torch.testing.assert_close(mixed.images.flatten(), expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(
        mixed.targets,
        torch.tensor([[share, 1 - share, 0], [0, 0, 1], [1 - share, share, 0]]),
        rtol=0,
        atol=1e-7,
    )


def test_mixup_mixes_every_view_alike():
    given_batch, permutation = batch(), torch.tensor([3, 1, 0, 5, 2, 4])
    mixed = mixup_batch(given_batch, permutation, 0.3, CLASSES)
    for view, result in zip(given_batch.images.double(), mixed.images.double(), strict=True):
        expected = 0.3 * view + 0.7 * view[permutation]
        torch.testing.assert_close(result, expected, rtol=0, atol=1e-6)


def test_cutmix_fills_the_box_and_weighs_targets_by_its_area():
    given_batch, permutation = batch(), torch.tensor([3, 1, 0, 5, 2, 4])
    mixed = cutmix_batch(given_batch, permutation, Box(1, 4, 6, 8), CLASSES)
    for network in range(2):
        for image, other in enumerate(permutation.tolist()):
            for row in range(8):
                for column in range(8):
                    inside = 1 <= row < 4 and 6 <= column < 8
                    expected = given_batch.images[network, other if inside else image]
                    result = mixed.images[network, image, :, row, column]
                    assert torch.equal(result, expected[:, row, column])
    share = 1 - 3 * 2 / 64
    expected = torch.zeros(6, CLASSES)
    for image, other in enumerate(permutation.tolist()):
        expected[image, image % CLASSES] += share
        expected[image, other % CLASSES] += 1 - share
    torch.testing.assert_close(mixed.targets, expected)


@pytest.mark.parametrize("size", [7, 8, 33])
@pytest.mark.parametrize("images", [1, 5])
def test_shares_of_cutmix_are_those_of_the_pixels(images, size):
    """Counted, for boxes that the edge clips and pairs of equal images too."""
    numbers = torch.arange(images)
    shown = numbers.float().view(1, images, 1, 1, 1).expand(2, images, 1, size, size)
    for seed in range(20):
        mixed = mix(Batch(shown, numbers), mixup=0, cutmix=1, num_classes=images, seed=seed)
        counted = (mixed.images[1].flatten(1)[..., None] == numbers).float().mean(1)
        torch.testing.assert_close(mixed.targets, counted)


@given(st.floats(0, 1), st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32))
def test_a_box_lies_in_the_image_and_is_at_most_the_share(share, height, width, seed):
    with seeded(seed):
        top, bottom, left, right = draw_box(share, height, width)
    assert 0 <= top <= bottom <= height
    assert 0 <= left <= right <= width
    assert (bottom - top) * (right - left) <= (1 - share) * height * width + 1e-9


@pytest.mark.parametrize(("mixup", "cutmix"), [(0.2, 0.0), (0.0, 1.0), (0.2, 1.0)])
def test_equal_seeds_mix_equally_and_targets_sum_to_one(mixup, cutmix):
    def run(seed):
        return mix(batch(), mixup=mixup, cutmix=cutmix, num_classes=CLASSES, seed=seed)

    first, again, other = run(1), run(1), run(2)
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.targets, again.targets)
    assert not torch.equal(first.images, other.images)
    assert first.targets.dtype == torch.float32
    torch.testing.assert_close(first.targets.sum(1), torch.ones(6))


def test_off_is_the_batch_itself():
    given_batch = batch()
    assert mix(given_batch, mixup=0, cutmix=0, num_classes=CLASSES, seed=1) is given_batch


def test_with_both_on_each_is_drawn_half_of_the_time():
    original = batch().images.unique()
    mixed = [mix(batch(), mixup=1, cutmix=1, num_classes=CLASSES, seed=seed) for seed in range(200)]
    # Cutmix only moves values, mixup makes new ones.
    cut = [bool(torch.isin(each.images, original).all()) for each in mixed]
    assert 75 <= sum(cut) <= 125


def test_shares_follow_the_beta_distribution():
    given_batch = batch(networks=1, images=2, size=1)
    shares = []
    for seed in range(300):
        mixed = mix(given_batch, mixup=0.2, cutmix=0, num_classes=2, seed=seed)
        if mixed.targets[0, 0] < 1:  # the two images were exchanged
            shares.append(mixed.targets[0, 0].item())
    shares = torch.tensor(shares)
    # Beta(0.2, 0.2): mean 1/2 (not folded to above 1/2), variance 1 / (4 (2 a + 1)) = 0.179.
    assert shares.mean().item() == pytest.approx(0.5, abs=0.12)
    assert shares.var().item() == pytest.approx(0.179, abs=0.04)


@pytest.mark.parametrize(("mixup", "cutmix"), [(0.2, 0.0), (0.0, 1.0)])
def test_mixing_keeps_the_order_in_memory(mixup, cutmix):
    views = batch().images.movedim(2, -1).contiguous().movedim(-1, 2)
    given_batch = batch()._replace(images=views)
    mixed = mix(given_batch, mixup=mixup, cutmix=cutmix, num_classes=CLASSES, seed=1)
    assert mixed.images[1].is_contiguous(memory_format=torch.channels_last)
    plain = mix(batch(), mixup=mixup, cutmix=cutmix, num_classes=CLASSES, seed=1)
    assert torch.equal(mixed.images, plain.images)
