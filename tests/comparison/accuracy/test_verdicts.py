"""Every candidate beside the large network, and beside itself without the co-training loss."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cotrain.comparison.accuracy.answers import Answers, CandidateAnswers, answers_of
from cotrain.comparison.accuracy.candidate_result import METRICS
from cotrain.comparison.accuracy.candidates import list_candidates
from cotrain.comparison.accuracy.statistics import corrected, mean_difference
from cotrain.comparison.accuracy.verdicts import judge
from cotrain.config import CoTrainingOptions, Experiment
from cotrain.ensemble.cost import Cost
from cotrain.evaluation.cascade.fitting import CascadePoint

COST = Cost(params=10, macs=10, params_ratio=1.0, macs_ratio=1.0, equal=True)
IMAGES = 80
CASCADE_SHARES = 0.4, 0.6


def answered(wrong, seed=0):
    """Of one run that answers the first ``wrong`` images wrong."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.arange(IMAGES) % 3
    given = torch.where(torch.arange(IMAGES) < wrong, (targets + 1) % 3, targets)
    logits = torch.rand(IMAGES, 3, generator=generator, dtype=torch.float64)
    return answers_of((logits + 2.0 * torch.eye(3)[given]).log_softmax(-1), targets)


def runs(*wrong, calibrated=False, same=False):
    """Runs that answer so many images wrong; their networks are wrong twice as often."""
    runs = [answered(each, 0 if same else seed) for seed, each in enumerate(wrong)]
    names = Answers.__dataclass_fields__
    both = Answers(**{n: np.concatenate([getattr(each, n) for each in runs]) for n in names})
    return CandidateAnswers(
        given=both,
        calibrated=both if calibrated else None,
        single_errors=2 * both.errors.mean(1),
        disagreements=3 * both.errors.mean(1),
        cascades=tuple(CascadePoint(share=share, accuracy=0.9) for share in CASCADE_SHARES),
        targets=np.arange(IMAGES) % 3,
    )


def judged(candidates, answers):
    names = [each.name for each in candidates]
    found = judge(
        candidates,
        answers,
        costs=dict.fromkeys(names, COST),
        latencies=[],
        seconds={name: [3.0, 5.0] for name in names},
    )
    return {each.name: each for each in found}


@pytest.fixture(scope="module")
def results():
    candidates = list_candidates(Experiment(), (1, 2, 4), True)
    wrong = {"S=1": (20, 22), "S=2": (19, 23), "S=4": (3, 5), "S=4 independent": (6, 4)}
    return judged(candidates, {name: runs(*each) for name, each in wrong.items()}), wrong


def test_numbers_are_those_of_the_answers(results):
    found, wrong = results
    four, answers = found["S=4"], runs(*wrong["S=4"])
    assert four.errors == pytest.approx((3.75, 6.25))
    assert (four.given.error.mean, four.single_error.mean) == pytest.approx((5, 10))
    for name, values in (("ece", answers.given.eces), ("coverage", answers.given.coverages)):
        assert getattr(four.given, name).mean == pytest.approx(values.mean())
        assert getattr(four.given, name).std == pytest.approx(values.std(ddof=1))
    assert (four.seconds, four.weight, four.into) == (4.0, 0.5, 4)
    assert four.disagreement_ratio == pytest.approx(1.5)
    assert four.cascade is not None
    assert (four.cascade.error.mean, four.cascade.macs.mean) == pytest.approx((10, 50))
    assert found["S=1"].disagreement is found["S=1"].disagreement_ratio is None


def test_candidates_are_compared_with_the_large_network_and_corrected(results):
    found, wrong = results
    errors = {name: runs(*each).given.errors for name, each in wrong.items()}
    names = list(errors)[1:]
    expected = corrected([mean_difference(errors[name] - errors["S=1"]) for name in names])
    assert found["S=1"].to_large is None
    for name, each in zip(names, expected, strict=True):
        large = found[name].to_large
        assert large is not None
        assert large.differences["error"] == each
        assert large.differences["error"].compared == 3
        assert set(large.differences) == set(large.power) == set(METRICS)


def test_ece_and_aurc_differ_by_what_the_runs_differ(results):
    found, wrong = results
    four, large = (runs(*wrong[name]).given for name in ("S=4", "S=1"))
    contrast = found["S=4"].to_large
    assert contrast is not None
    for name, one, two in (("ece", four.eces, large.eces), ("aurc", four.aurcs, large.aurcs)):
        difference = contrast.differences[name]
        assert difference.mean == pytest.approx((one - two).mean())
        assert difference.low < difference.mean < difference.high


def test_co_training_is_compared_with_the_same_networks_without_it(results):
    found, _ = results
    effect = found["S=4"].to_independent
    assert effect is not None
    assert effect.name == "S=4 independent"
    assert effect.differences["error"].compared == 1
    assert [found[name].to_independent for name in ("S=1", "S=2", "S=4 independent")] == [None] * 3


def test_a_sweep_is_compared_with_weight_0_and_corrected():
    candidates = list_candidates(Experiment(), (1, 2), True, ("views",), (0, 0.1, 2))
    names = [each.name for each in candidates]
    found = judged(candidates, {name: runs(5, 6) for name in names})
    effects = {name: each.to_independent for name, each in found.items()}
    compared = {name: each for name, each in effects.items() if each is not None}
    assert list(compared) == ["S=2", "S=2 weight 0.1", "S=2 weight 2"]
    for each in compared.values():
        assert each.name == "S=2 independent, weight 0"
        assert each.differences["error"].compared == 3


def test_without_the_large_network_nothing_is_compared_with_it():
    candidates = list_candidates(Experiment(), (2,), False)
    found = judged(candidates, {"S=2": runs(5, 6)})["S=2"]
    assert found.to_large is found.to_independent is None


def test_candidates_without_co_training_have_no_effect_of_it():
    alone = replace(Experiment(), co_training=CoTrainingOptions(weight=0.0))
    found = judged(list_candidates(alone, (1, 2), True), {n: runs(5, 6) for n in ("S=1", "S=2")})
    assert found["S=2"].to_independent is None


def test_calibrated_answers_are_what_is_compared():
    candidates = list_candidates(Experiment(), (1, 2), False)
    answers = {"S=1": runs(9, 9, calibrated=True), "S=2": runs(5, 6, calibrated=True)}
    wrong = replace(answers["S=2"], given=runs(70, 70).given)
    found = judged(candidates, answers | {"S=2": wrong})["S=2"]
    assert found.calibrated is not None
    assert found.to_large is not None
    assert found.to_large.calibrated
    assert (found.given.error.mean, found.best.error.mean) == pytest.approx((87.5, 6.875))
    assert found.to_large.differences["error"].mean == pytest.approx(6.875 - 11.25)


def test_candidates_that_answer_alike_differ_in_nothing():
    candidates = list_candidates(Experiment(), (1, 2), False)
    found = judged(candidates, {"S=1": runs(5, 6), "S=2": runs(5, 6)})["S=2"].to_large
    assert found is not None
    for each in found.differences.values():
        assert (each.mean, each.low, each.high, each.adjusted) == (0, 0, 0, 1)
        assert each.direction == "no clear difference"
    assert {(each.seeds, each.images) for each in found.power.values() if each} == {(None, None)}


def test_no_errors_anywhere_are_no_difference():
    candidates = list_candidates(Experiment(), (1, 2), False)
    found = judged(candidates, {"S=1": runs(0, 0), "S=2": runs(0, 0, same=True)})
    two = found["S=2"]
    assert two.to_large is not None
    assert (two.given.error.mean, two.given.aurc.mean, two.given.coverage.mean) == (0, 0, 100)
    assert two.disagreement_ratio is None
    assert two.to_large.differences["aurc"].direction == "no clear difference"


@pytest.mark.parametrize("wrong", [0, 5])
def test_one_seed_has_intervals_over_images(wrong):
    candidates = list_candidates(Experiment(), (1, 2), False)
    found = judged(candidates, {"S=1": runs(wrong), "S=2": runs(40)})["S=2"].to_large
    assert found is not None
    assert {each.over for each in found.differences.values()} == {"images"}
    assert found.differences["error"].direction == "higher with this seed"
    assert set(found.power.values()) == {None}
