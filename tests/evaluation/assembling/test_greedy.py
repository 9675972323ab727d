"""Greedy picks are those of trying all with networks repeated; they stop where none helps."""

import pytest
import torch

from cotrain import ConfigError
from cotrain.ensemble.combining import log_probabilities
from cotrain.evaluation.assembling.greedy import LEAST_GAIN, pick_greedily, shares
from cotrain.evaluation.scores import scores_of


def drawn(into: int = 5, images: int = 200, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Networks that know something, each of other images, the first the most."""
    generator = torch.Generator().manual_seed(0)
    targets = torch.randint(classes, (images,), generator=generator)
    right = torch.nn.functional.one_hot(targets, classes).float()
    noise = torch.randn(into, images, classes, generator=generator)
    strength = torch.linspace(2.5, 0.5, into).view(-1, 1, 1)
    return strength * right + 1.5 * noise, targets


@pytest.mark.parametrize("combine", ["mean_logits", "mean_probabilities"])
def test_each_pick_is_the_best_of_all_with_networks_repeated(combine):
    logits, targets = drawn()
    chosen: list[int] = []
    for pick in pick_greedily(logits, targets, combine):
        tried = [log_probabilities(logits[[*chosen, each]], combine) for each in range(5)]
        found = [scores_of(log_p, targets) for log_p in tried]
        assert found[pick.network].nll == min(each.nll for each in found)
        assert pick.scores.nll == pytest.approx(found[pick.network].nll, rel=1e-12)
        assert pick.scores.top1 == found[pick.network].top1
        chosen.append(pick.network)
    assert len(set(chosen)) > 1
    last = scores_of(log_probabilities(logits[chosen], combine), targets)
    for each in range(5):
        further = scores_of(log_probabilities(logits[[*chosen, each]], combine), targets)
        assert further.nll > last.nll * (1 - LEAST_GAIN)


def test_weights_are_how_often_a_network_was_picked():
    logits, targets = drawn()
    picks = pick_greedily(logits, targets)
    found = shares(picks)
    assert list(found) == sorted(found)
    assert sum(found.values()) == pytest.approx(1)
    times = [pick.network for pick in picks]
    assert found[times[0]] == times.count(times[0]) / len(times)


def test_a_useless_network_is_left_out_and_one_alone_is_taken():
    logits, targets = drawn(into=2)
    logits[1] = torch.randn(200, 4, generator=torch.Generator().manual_seed(1)) * 8
    assert [pick.network for pick in pick_greedily(logits, targets)] == [0]
    assert [pick.network for pick in pick_greedily(logits[:1], targets)] == [0]


def test_extreme_logits_are_finite():
    logits = torch.tensor([[[1e4, 0.0]], [[0.0, 1e4]]])
    for combine in ("mean_logits", "mean_probabilities"):
        (first, *_) = pick_greedily(logits, torch.tensor([1]), combine)
        assert (first.network, first.scores.nll) == (1, 0.0)


def test_a_maximum_and_broken_networks_are_refused():
    logits, targets = drawn()
    with pytest.raises(ConfigError, match="combine='max_logits' has no weights"):
        pick_greedily(logits, targets, "max_logits")
    logits[3, 0, 0] = torch.nan
    with pytest.raises(ConfigError, match="network 3 gives NaN or infinite logits"):
        pick_greedily(logits, targets)
