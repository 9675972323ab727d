"""AutoAugment's operations: as many calls for few images as for many, and none that waits."""

import pytest
import torch
from dispatches import Dispatches

from cotrain.data.views.autoaugment import apply_rounds, in_rounds
from cotrain.data.views.changes import KINDS, PARAMETERS, Change, kind_of, parameters_of

SIZE = 16
EVERY = [
    Change(operation, magnitude)
    for operation, magnitude in {
        **dict.fromkeys(("ShearX", "ShearY"), 0.2),
        **dict.fromkeys(("TranslateX", "TranslateY"), 3.0),
        "Rotate": 20.0,
        **dict.fromkeys(("Brightness", "Color", "Contrast", "Sharpness"), 0.5),
        "Posterize": 5.0,
        "Solarize": 0.6,
        **dict.fromkeys(("AutoContrast", "Equalize", "Invert"), 0.0),
    }.items()
]


def pixels(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, 3, SIZE, SIZE), generator=generator).byte()


def test_every_operation_has_its_kind() -> None:
    assert {kind_of(change) for change in EVERY} == set(KINDS)
    assert {len(parameters_of(change, SIZE)) for change in EVERY} == {PARAMETERS}


def test_the_number_of_calls_does_not_grow_with_the_images_or_their_magnitudes() -> None:
    few = [[change, change] for change in EVERY]
    many = few * 5 + [
        [change._replace(magnitude=change.magnitude / 2)] * 2
        for change in EVERY
        if change.operation != "Posterize"
    ]
    totals = []
    for changes in (few, many):
        images, rounds = pixels(len(changes)), in_rounds(changes, SIZE)
        with Dispatches() as seen:
            apply_rounds(images, rounds)
        assert seen.waits == []
        totals.append(seen.total)
    assert totals[0] == totals[1] <= 250


@pytest.mark.parametrize("change", EVERY, ids=lambda change: change.operation)
def test_an_image_is_changed_as_if_it_were_alone(change: Change) -> None:
    """By its own magnitude, whatever those beside it are changed by."""
    images = pixels(3)
    half = change._replace(magnitude=change.magnitude / 2)
    one = change if change.operation == "Posterize" else half
    together = apply_rounds(images, in_rounds([[change], [one], [change]], SIZE))
    for index, own in enumerate((change, one, change)):
        alone = apply_rounds(images[index : index + 1], in_rounds([[own]], SIZE))
        assert torch.equal(together[index], alone[0])
    assert not torch.equal(together, images)


def test_what_comes_from_outside_is_grey() -> None:
    images = torch.full((1, 3, 4, 4), 200).byte()
    moved = apply_rounds(images, in_rounds([[Change("TranslateX", 2.0)]], 4))
    assert moved[0, 0].tolist() == [[128, 128, 200, 200]] * 4
