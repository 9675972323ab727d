"""What networks count: equal, as often as they were picked, or fitted; and what each adds."""

from dataclasses import replace

import pytest
import torch
from assembled import lively

from cotrain import ConfigError, assemble
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.combining import combine_logits
from cotrain.evaluation.assembling.choosing import (
    Taken,
    choose_networks,
    scores_without,
    weighted_scores,
)
from cotrain.evaluation.assembling.greedy import pick_greedily, shares
from cotrain.evaluation.calibration.fitting import fitted

SPEC = assemble([lively("basic_resnet8_4", seed=seed) for seed in range(3)]).spec


def answers(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(3, (150,), generator=generator)
    right = torch.nn.functional.one_hot(targets, 3).float()
    strength = torch.tensor([3.0, 1.5, 1.0]).view(-1, 1, 1)
    return strength * right + torch.randn(3, 150, 3, generator=generator), targets


def test_all_count_alike_unless_weights_are_fitted():
    assert choose_networks(None, None, SPEC, select="all", weights="auto") == Taken(
        networks=(0, 1, 2)
    )
    known, kept = answers(), answers(1)
    chosen = choose_networks(known, kept, SPEC, select="all", weights="fitted")
    expected = fitted("weights", *kept, "mean_logits")
    assert chosen.calibration == replace(expected, fitted_on="calibration")
    assert chosen.weight_of(0) == max(expected.weights)
    on_known = choose_networks(known, None, SPEC, select="all", weights="fitted").calibration
    assert on_known is not None
    assert on_known == fitted("weights", *known, "mean_logits")
    assert on_known.fitted_on == "validation"


def test_picked_networks_count_as_often_as_they_were_picked():
    known = answers()
    chosen = choose_networks(known, None, SPEC, select="greedy", weights="auto")
    found = shares(pick_greedily(*known))
    assert chosen.networks == tuple(found)
    assert [chosen.weight_of(each) for each in found] == list(found.values())
    weights = chosen.calibration and chosen.calibration.weights
    assert weights == (tuple(found.values()) if len(set(found.values())) > 1 else None)
    equal = choose_networks(known, None, SPEC, select="greedy", weights="equal")
    assert (equal.networks, equal.calibration) == (chosen.networks, None)


def test_scores_are_those_of_the_weighted_answers():
    known = logits, targets = answers()
    weights = Calibration(combine="mean_logits", weights=(0.5, 0.25, 0.25), images=150)
    taken = Taken(networks=(0, 1, 2), calibration=weights)
    mean = (logits * torch.tensor([0.5, 0.25, 0.25]).view(-1, 1, 1)).sum(0)
    found = weighted_scores(known, taken, "mean_logits")
    assert found.top1 == (mean.argmax(-1) == targets).double().mean().item()
    without = scores_without(0, known, taken, "mean_logits")
    assert without is not None
    p = combine_logits(logits[1:].double())
    assert without.nll == pytest.approx(-p.log()[torch.arange(150), targets].mean().item())
    assert scores_without(1, known, Taken(networks=(0, 2)), "mean_logits") is None
    assert scores_without(0, known, Taken(networks=(0,)), "mean_logits") is None


def test_without_images_or_for_a_maximum_there_are_no_weights():
    with pytest.raises(ConfigError, match="--select greedy: the runs have no validation images"):
        choose_networks(None, None, SPEC, select="greedy", weights="auto")
    with pytest.raises(ConfigError, match="--weights fitted: the runs have no validation images"):
        choose_networks(None, None, SPEC, select="all", weights="fitted")
    largest = replace(SPEC, combine="max_logits")
    with pytest.raises(ConfigError, match="combine='max_logits' has no weights to fit"):
        choose_networks(answers(), None, largest, select="all", weights="fitted")
