"""AutoAugment of many images at once against torchvision's of one after the other."""

import pytest
import torch
from torchvision.transforms import v2

from cotrain.basics.seeds import seeded
from cotrain.data.views.autoaugment import apply_rounds, draw_changes, in_rounds
from cotrain.data.views.changes import Change

SIZE = 16
POLICIES = {
    "autoaugment-cifar10": v2.AutoAugmentPolicy.CIFAR10,
    "autoaugment-imagenet": v2.AutoAugmentPolicy.IMAGENET,
    "autoaugment-svhn": v2.AutoAugmentPolicy.SVHN,
}


def pixels(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, 3, SIZE, SIZE), generator=generator).byte()


@pytest.mark.parametrize("name", POLICIES)
def test_equals_torchvision_with_the_same_seed(name: str) -> None:
    images = pixels(400)
    with seeded(3):
        transform = v2.AutoAugment(POLICIES[name], fill=[128, 128, 128])
        expected = torch.stack([transform(image) for image in images])
    with seeded(3):
        changes = draw_changes(name, len(images), SIZE)
    changed = apply_rounds(images, in_rounds(changes, SIZE))
    assert torch.equal(changed, expected)
    assert len({change.operation for pair in changes for change in pair if change}) >= 8


def test_rounds_change_each_image_by_its_own_steps_in_order() -> None:
    invert, brighter = Change("Invert", 0.0), Change("Brightness", 0.9)
    rounds = in_rounds([[invert, brighter], [None, None], [None, invert], [invert, None]], 2)
    assert [each.order.tolist() for each in rounds] == [[0, 3], [0, 2]]
    assert [[count for _, count in each.kinds] for each in rounds] == [[2], [1, 1]]
    images = torch.full((4, 3, 2, 2), 200).byte()
    changed = apply_rounds(images, rounds)
    assert changed[:, 0, 0, 0].tolist() == [104, 200, 55, 55]  # 55 * 1.9 = 104.5
    assert torch.equal(images, torch.full((4, 3, 2, 2), 200).byte())


def test_nothing_drawn_changes_nothing() -> None:
    images = pixels(3)
    assert torch.equal(apply_rounds(images, in_rounds([[None, None]] * 3, SIZE)), images)
