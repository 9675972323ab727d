"""Balanced weights against scikit-learn, and how often a balanced order draws what."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from cotrain.basics.errors import ConfigError
from cotrain.data import EpochSampler, Share
from cotrain.data.class_balance import balanced_order, balanced_weights, images_by_class

COUNTS = st.lists(st.integers(1, 40), min_size=1, max_size=6)


def targets_of(counts: list[int]) -> torch.Tensor:
    """So many images of each class, in no order."""
    targets = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    return targets[torch.randperm(len(targets), generator=torch.Generator().manual_seed(0))]


def names(counts: list[int]) -> list[str]:
    return [f"class {index}" for index in range(len(counts))]


@given(counts=COUNTS)
def test_weights_are_those_of_scikit_learn(counts: list[int]) -> None:
    targets = targets_of(counts)
    found = balanced_weights(targets, names(counts))
    expected = compute_class_weight("balanced", classes=np.arange(len(counts)), y=targets.numpy())
    assert found == pytest.approx(expected.tolist())
    assert torch.tensor(found)[targets].mean().item() == pytest.approx(1)


@given(counts=COUNTS, seed=st.integers(0, 1000))
def test_every_class_and_every_image_of_it_is_drawn_as_often(counts: list[int], seed: int) -> None:
    targets = targets_of(counts)
    by_class = images_by_class(targets, names(counts))
    order = balanced_order(by_class, torch.Generator().manual_seed(seed))
    assert len(order) == len(targets)
    drawn = targets[order].bincount(minlength=len(counts))
    assert drawn.max() - drawn.min() <= 1
    times = order.bincount(minlength=len(targets))
    for own in by_class:
        assert times[own].max() - times[own].min() <= 1
    again = balanced_order(by_class, torch.Generator().manual_seed(seed))
    assert torch.equal(order, again)


def test_epochs_differ_ranks_share_and_a_resumed_epoch_goes_on() -> None:
    by_class = images_by_class(targets_of([3, 40, 9]), names([0] * 3))
    whole = EpochSampler(52, batch_size=10, seed=4, by_class=by_class)
    first = list(whole)
    whole.set_epoch(1)
    second = list(whole)
    assert [key.indices for key in first] != [key.indices for key in second]
    resumed = EpochSampler(52, batch_size=10, seed=4, by_class=by_class)
    resumed.resume(1, 3)
    assert list(resumed) == second[3:]
    halves = [
        EpochSampler(52, batch_size=5, seed=4, by_class=by_class, share=Share(rank, 2))
        for rank in range(2)
    ]
    for key, left, right in zip(first, *halves, strict=True):
        assert key.indices == left.indices + right.indices


def test_a_class_without_images_is_refused() -> None:
    with pytest.raises(ConfigError, match="class 'bee' has no training image"):
        images_by_class(torch.tensor([0, 2, 2]), ["ant", "bee", "cat"])
    with pytest.raises(ConfigError, match="class 'cat' has no training image"):
        balanced_weights(torch.tensor([0, 1]), ["ant", "bee", "cat"])
