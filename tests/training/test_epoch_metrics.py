"""Tally: counts against numbers worked out by hand."""

import math

import pytest
import torch
from pytorch_lightning.strategies import SingleDeviceStrategy

from cotrain.evaluation.scores import evaluate_logits
from cotrain.training.epoch_metrics import Tally

LOGITS = torch.tensor(
    [
        [[3.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [[0.0, 1.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0], [1.0, 0.0, 0.0]],
    ]
)
CLASSES = torch.tensor([0, 1, 2, 1])


def means(tally: Tally) -> dict[str, float]:
    return tally.means(tally.summed(SingleDeviceStrategy("cpu")))


def test_counts_networks_and_ensemble() -> None:
    tally = Tally(2, ["nll"])
    tally.add(LOGITS, CLASSES, [torch.tensor(0.5)])
    assert means(tally) == {
        "accuracy": 0.75,
        "accuracy_0": 0.5,
        "accuracy_1": 0.5,
        "nll": 0.5,
        "disagreement": 0.75,  # all but the second image
    }


@pytest.mark.parametrize("into", [1, 2, 3, 5])
def test_disagreement_is_that_of_the_evaluation(into: int) -> None:
    generator = torch.Generator().manual_seed(into)
    logits = torch.randn(into, 60, 4, generator=generator)
    targets = torch.randint(4, (60,), generator=generator)
    tally = Tally(into, [])
    for part in (slice(0, 40), slice(40, 60)):
        tally.add(logits[:, part], targets[part], [])
    expected = evaluate_logits(logits, targets).diversity.disagreement
    assert means(tally)["disagreement"] == pytest.approx(expected, rel=1e-12)
    assert (expected == 0) == (into == 1)


def test_batches_weigh_by_their_images() -> None:
    tally = Tally(2, ["nll"])
    tally.add(LOGITS, CLASSES, [torch.tensor(1.0)])
    tally.add(LOGITS[:, :1], CLASSES[:1], [torch.tensor(6.0)])
    assert means(tally)["nll"] == pytest.approx((4 * 1.0 + 6.0) / 5)
    assert means(tally)["accuracy"] == pytest.approx(4 / 5)


def test_soft_targets_count_for_their_largest_class() -> None:
    tally = Tally(2, ["nll"])
    soft = torch.nn.functional.one_hot(CLASSES, 3) * 0.6 + 0.1
    tally.add(LOGITS, soft, [torch.tensor(0.0)])
    assert means(tally)["accuracy"] == 0.75


def test_one_network_leaves_the_others_uncounted() -> None:
    tally = Tally(2, ["nll"])
    tally.add(LOGITS[1:], CLASSES, [torch.tensor(0.0)], network=1)
    assert means(tally)["accuracy_1"] == means(tally)["accuracy"] == 0.5
    assert math.isnan(means(tally)["accuracy_0"])
    assert math.isnan(means(tally)["disagreement"])


def test_goes_on_from_what_was_saved() -> None:
    tally, other, idle = (Tally(2, ["nll"]) for _ in range(3))
    tally.add(LOGITS, CLASSES, [torch.tensor(1.0)])
    saved = tally.summed(SingleDeviceStrategy("cpu"))
    other.load(saved, first=True)
    idle.load(saved, first=False)
    for each in (tally, other):
        each.add(LOGITS, CLASSES, [torch.tensor(2.0)])
    assert means(other) == means(tally)
    assert means(other)["nll"] == 1.5
    assert idle.sums.sum() == 0


def test_goes_on_from_an_earlier_version_which_did_not_count_disagreement() -> None:
    tally, saved = Tally(2, ["nll"]), torch.tensor([[8.0] * 4, [2.0, 2.0, 4.0, 8.0]]).double()
    tally.load(saved, first=True)
    tally.add(LOGITS, CLASSES, [torch.tensor(4.0)])
    assert means(tally)["nll"] == pytest.approx((8 * 1.0 + 4 * 4.0) / 12)
    assert means(tally)["disagreement"] == 0.75  # of the images since
