"""All combinations of thresholds at once are what each of them gives alone."""

from itertools import product

import pytest
import torch

from cotrain.evaluation.cascade.search import CANDIDATES, NEVER, all_combinations


def drawn(stages: int, images: int, decimals: int, seed: int = 0):
    draw = torch.Generator().manual_seed(seed)
    sure = torch.rand(stages - 1, images, generator=draw, dtype=torch.float64).round(
        decimals=decimals
    )
    return sure, torch.rand(stages, images, generator=draw, dtype=torch.float64)


def alone(sure, losses, ends, thresholds):
    """Loss and networks asked, image by image."""
    loss = asked = 0.0
    for place in range(losses.shape[1]):
        left = [k for k, least in enumerate(thresholds) if sure[k, place] >= least]
        stage = min(left, default=len(thresholds))
        loss += losses[stage, place].item()
        asked += ends[stage]
    return loss, asked


@pytest.mark.parametrize(("stages", "ends"), [(2, (1, 4)), (3, (1, 2, 3)), (4, (1, 2, 3, 4))])
@pytest.mark.parametrize("decimals", [1, 9])  # with ties, and without
def test_every_place_is_what_its_thresholds_give(stages, ends, decimals):
    sure, losses = drawn(stages, 9, decimals)
    found = all_combinations(sure, losses, ends)
    count = found.loss.numel()
    assert count == torch.tensor([len(each) for each in found.candidates]).prod()
    for place in range(0, count, max(1, count // 40)):
        loss, asked = alone(sure, losses, ends, found.thresholds(place))
        assert found.loss.flatten()[place].item() == pytest.approx(loss)
        assert found.asked.flatten()[place].item() == asked


def test_of_few_images_the_best_of_any_thresholds_is_among_them():
    sure, losses = drawn(3, 12, 9, seed=1)
    found = all_combinations(sure, losses, (1, 2, 3))
    steps = [[*own.tolist(), NEVER] for own in sure]
    for most in (14, 20, 27, 36):
        tried = [alone(sure, losses, (1, 2, 3), each) for each in product(*steps)]
        best = min(loss for loss, asked in tried if asked <= most)
        assert found.loss[found.asked <= most].min().item() == pytest.approx(best)


def test_many_images_are_parted_into_groups_of_equal_numbers():
    sure, losses = drawn(2, 5000, 9)
    found = all_combinations(sure, losses, (1, 2))
    (candidates,) = found.candidates
    assert len(candidates) == CANDIDATES
    assert candidates[0] == 0
    assert candidates[-1] == NEVER
    going_on = found.asked - 5000
    assert going_on[[0, -1]].tolist() == [0, 5000]
    assert going_on.diff().max() <= 5000 / (CANDIDATES - 2) + 2


def test_thresholds_stand_between_the_images():
    sure, losses = drawn(2, 30, 9)
    (candidates,) = all_combinations(sure, losses, (1, 2)).candidates
    assert not torch.isin(candidates, sure).any()


def test_images_that_are_all_equally_sure_leave_together():
    found = all_combinations(torch.ones(1, 5).double(), torch.ones(2, 5).double(), (1, 2))
    assert found.candidates[0].tolist() == [0, NEVER]
    assert found.asked.tolist() == [5, 10]
