"""Scores and diversity against formulas written again in numpy and scikit-learn, in float64."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, top_k_accuracy_score

from cotrain import ConfigError, divide, networks
from cotrain.ensemble.combining import combine_logits, log_probabilities, mutual_information
from cotrain.evaluation.scores import (
    check_classes,
    evaluate_logits,
)

COMBINATIONS = ["mean_logits", "mean_probabilities", "max_logits", "max_probabilities"]


def random_logits(into=3, images=200, classes=10, scale=2.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(classes, (images,), generator=generator)
    logits = scale * torch.randn(into, images, classes, generator=generator)
    return logits + 3 * torch.nn.functional.one_hot(targets, classes), targets


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def entropy(p):
    return -(p * np.log(p)).sum(-1)


def calibration_error(p, targets, bins=15):
    confidence, right = p.max(-1), p.argmax(-1) == targets
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    return sum(
        abs(right[places == b].sum() - confidence[places == b].sum()) for b in range(bins)
    ) / len(p)


def tiny_ensemble(into=2, classes=10):
    spec = networks.spec("basic_resnet8_8", num_classes=classes, in_channels=1, image_size=8)
    return divide(spec, into, seed=0)


def test_scores_of_the_ensemble_equal_independent_formulas():
    logits, targets = random_logits()
    scores = evaluate_logits(logits, targets).ensemble
    p, y = softmax(logits.double().numpy().mean(0)), targets.numpy()
    assert scores.top1 == pytest.approx(np.mean(p.argmax(-1) == y))
    assert scores.top5 == pytest.approx(top_k_accuracy_score(y, p, k=5))
    assert scores.nll == pytest.approx(log_loss(y, p), rel=1e-12)
    assert scores.brier == pytest.approx(((p - np.eye(10)[y]) ** 2).sum(-1).mean(), rel=1e-12)
    assert scores.ece == pytest.approx(calibration_error(p, y), abs=1e-6)


def test_every_network_is_scored_alone():
    logits, targets = random_logits(into=4)
    evaluation = evaluate_logits(logits, targets)
    assert len(evaluation.networks) == 4
    for each, scores in zip(logits, evaluation.networks, strict=True):
        assert scores == evaluate_logits(each[None], targets).ensemble
        assert scores.nll == pytest.approx(log_loss(targets, softmax(each.double().numpy())))


def test_diversity_equals_its_definition():
    logits, targets = random_logits(into=3)
    diversity = evaluate_logits(logits, targets).diversity
    p = softmax(logits.double().numpy())
    labels = p.argmax(-1)
    pairs = [np.mean(labels[i] != labels[j]) for i, j in [(0, 1), (0, 2), (1, 2)]]
    assert diversity.disagreement == pytest.approx(np.mean(pairs))
    information = entropy(p.mean(0)) - entropy(p).mean(0)
    assert diversity.mutual_information == pytest.approx(information.mean(), rel=1e-12)


def test_one_network_has_no_diversity_and_is_the_ensemble():
    logits, targets = random_logits(into=1)
    evaluation = evaluate_logits(logits, targets)
    assert evaluation.diversity.disagreement == evaluation.diversity.mutual_information == 0
    assert evaluation.networks == (evaluation.ensemble,)


@pytest.mark.parametrize(("classes", "known"), [(2, False), (5, False), (6, True)])
def test_top5_is_none_up_to_five_classes(classes, known):
    scores = evaluate_logits(*random_logits(classes=classes)).ensemble
    assert (scores.top5 is not None) == known
    assert 0 <= scores.top1 <= (scores.top5 or 1)


@pytest.mark.parametrize("classes", [6, 8, 100])
def test_of_equally_probable_classes_the_first_counts(classes):
    """One class is ruled out, the others tie: the places are those of a stable sort."""
    targets = torch.arange(60) % classes
    logits = torch.zeros(2, 60, classes)
    logits[:, :, 1] = -9
    scores = evaluate_logits(logits, targets).ensemble
    order = [0, *range(2, classes), 1]
    places = [order.index(target) for target in targets.tolist()]
    assert scores.top1 == np.mean([place < 1 for place in places])
    assert scores.top5 == np.mean([place < 5 for place in places])
    assert scores.top1 == (logits.mean(0).argmax(-1) == targets).double().mean()


@given(st.lists(st.lists(st.integers(-2, 2), min_size=7, max_size=7), min_size=1, max_size=20))
def test_the_right_class_is_in_five_if_it_is_first_however_many_tie(rows):
    scores = evaluate_logits(torch.tensor([rows]).float(), torch.arange(len(rows)) % 7).ensemble
    order = [sorted(range(7), key=lambda c: (-row[c], c)) for row in rows]
    assert scores.top1 == np.mean([each[0] == i % 7 for i, each in enumerate(order)])
    assert scores.top5 == np.mean([i % 7 in each[:5] for i, each in enumerate(order)])
    assert scores.top5 is not None
    assert scores.top1 <= scores.top5


@pytest.mark.parametrize("combine", COMBINATIONS)
def test_logarithms_are_those_of_the_combined_probabilities(combine):
    logits, targets = random_logits()
    expected = combine_logits(logits.double(), combine).log()
    torch.testing.assert_close(log_probabilities(logits, combine), expected)
    scores = evaluate_logits(logits, targets, combine).ensemble
    assert scores.nll == pytest.approx(log_loss(targets, expected.exp()))


@pytest.mark.parametrize("combine", COMBINATIONS)
def test_scores_are_finite_at_huge_logits(combine):
    logits = torch.tensor([[[1e4, -1e4, 0.0]], [[1e4, 0.0, -1e4]]])
    evaluation = evaluate_logits(logits, torch.tensor([1]), combine)
    expected = {"mean_logits": 15_000, "mean_probabilities": 10_000 + math.log(2)}
    expected |= {"max_logits": 10_000, "max_probabilities": 10_000}
    assert evaluation.ensemble.nll == pytest.approx(expected[combine])
    assert evaluation.ensemble.brier == pytest.approx(2)
    assert evaluation.ensemble.ece == pytest.approx(1)
    assert evaluation.diversity.mutual_information == 0


@given(
    into=st.integers(1, 5),
    scale=st.sampled_from([0.0, 1e-3, 1.0, 30.0, 1e4]),
    seed=st.integers(0, 2**32),
)
def test_properties(into, scale, seed):
    logits, targets = random_logits(into=into, images=7, classes=6, scale=scale, seed=seed)
    information = mutual_information(logits)
    assert (information >= 0).all()
    assert (information <= math.log(into) + 1e-9).all()
    torch.testing.assert_close(mutual_information(logits.flip(0)), information, atol=1e-9, rtol=0)
    evaluation = evaluate_logits(logits, targets)
    assert 0 <= evaluation.diversity.disagreement <= 1
    assert 0 <= evaluation.ensemble.ece <= 1
    assert 0 <= evaluation.ensemble.brier <= 2
    worst = max(scores.nll for scores in evaluation.networks)
    assert 0 <= evaluation.ensemble.nll <= worst + 1e-9  # the mean of logits: by convexity


def test_equal_networks_have_no_diversity():
    logits, targets = random_logits(into=1)
    diversity = evaluate_logits(logits.expand(3, -1, -1), targets).diversity
    assert diversity.disagreement == 0
    assert diversity.mutual_information == pytest.approx(0, abs=1e-12)


def test_opposite_certain_networks_share_all_the_information():
    logits = torch.tensor([[[50.0, 0.0]], [[0.0, 50.0]]])
    torch.testing.assert_close(mutual_information(logits), torch.tensor([math.log(2)]).double())


def test_record_is_json():
    logits, targets = random_logits(classes=3)
    evaluation = evaluate_logits(logits, targets, "max_logits")
    record = json.loads(json.dumps(evaluation.to_dict()))
    assert record["images"] == 200
    assert record["combine"] == "max_logits"
    assert record["ensemble"]["nll"] == evaluation.ensemble.nll
    assert [each["top5"] for each in record["networks"]] == [None] * 3


@pytest.mark.parametrize(
    ("logits", "targets", "message"),
    [
        (torch.zeros(2, 3, 4), torch.zeros(2, dtype=torch.long), "[S, N, C]"),
        (torch.zeros(2, 0, 4), torch.zeros(0, dtype=torch.long), "at least one image"),
        (torch.zeros(2, 1, 4), torch.tensor([4]), "4 classes"),
        (torch.tensor([[[0.0, 1.0]], [[0.0, math.nan]]]), torch.tensor([0]), "network 1"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_unfit_logits_are_refused(logits, targets, message):
    with pytest.raises(ConfigError) as error:
        evaluate_logits(logits, targets)
    assert message in str(error.value)


@pytest.mark.usefixtures("unchecked")
def test_an_unknown_combination_is_refused():
    with pytest.raises(ConfigError, match="combine='median'"):
        evaluate_logits(*random_logits(), combine="median")  # type: ignore[arg-type]


def test_classes_of_data_and_ensemble_must_be_equal():
    ensemble = tiny_ensemble(classes=3)
    assert check_classes(ensemble, ("a", "b", "c")) is None  # names unknown: the number decides
    with pytest.raises(ConfigError, match="3 classes, but the data 2"):
        check_classes(ensemble, ("a", "b"))
    ensemble.spec = replace(ensemble.spec, classes=("a", "b", "c"))
    assert check_classes(ensemble, ("a", "b", "c")) is None
    with pytest.raises(ConfigError, match="class 1 is 'b' in the ensemble, but 'x' in the data"):
        check_classes(ensemble, ("a", "x", "c"))
