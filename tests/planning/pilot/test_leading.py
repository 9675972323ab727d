"""Who is ahead: the lowest error, every pair corrected for all pairs."""

import numpy as np
import pytest
from scipy import stats

from cotrain import ConfigError
from cotrain.planning.pilot.leading import lead_of


def errors(rate: float, *, seeds: int = 3, images: int = 400, seed: int = 0) -> np.ndarray:
    """100 where an answer is wrong; the images are as hard for every candidate."""
    hard = np.random.default_rng(7).random(images)
    noise = np.random.default_rng(seed).normal(0, 0.02, (seeds, images))
    return 100.0 * (hard + noise < rate)


def test_the_lowest_error_leads_and_differences_are_of_means():
    tested = {"S=1": errors(0.30), "S=2": errors(0.20, seed=1), "S=4": errors(0.10, seed=2)}
    lead = lead_of(tested)
    assert (lead.leader, lead.rival) == ("S=4", "S=2")
    assert list(lead.behind) == ["S=2", "S=1"]
    for name, each in lead.behind.items():
        assert each.mean == pytest.approx(tested[name].mean() - tested["S=4"].mean())
        assert each.compared == 3
        assert each.adjusted >= each.p
    assert lead.is_clear
    assert lead.clearly_behind == ("S=2", "S=1")


def test_the_correction_is_holms_over_all_pairs():
    tested = {"S=1": errors(0.14), "S=2": errors(0.12, seed=1), "S=4": errors(0.10, seed=2)}
    lead = lead_of(tested)
    between = lead_of({name: tested[name] for name in ("S=1", "S=2")}).gap
    own = {**{name: each.p for name, each in lead.behind.items()}, "others": between.p}
    expected, least = {}, 0.0
    for left, name in zip((3, 2, 1), sorted(own, key=own.__getitem__), strict=True):
        least = max(least, min(1.0, left * own[name]))
        expected[name] = least
    for name, each in lead.behind.items():
        assert each.adjusted == pytest.approx(expected[name])


def test_one_seed_is_never_clear():
    lead = lead_of({"S=1": errors(0.5, seeds=1), "S=4": errors(0.1, seeds=1)})
    assert lead.gap.adjusted < 0.001
    assert not lead.is_clear
    assert lead.clearly_behind == ()
    assert lead.power is None
    by_t = stats.ttest_1samp((errors(0.5, seeds=1) - errors(0.1, seeds=1))[0], 0)
    low, high = by_t.confidence_interval()
    assert (lead.gap.low, lead.gap.high) == pytest.approx((low, high))


def test_equal_errors_leave_the_first_ahead_and_nothing_clear():
    same = errors(0.2)
    lead = lead_of({"S=1": same, "S=4": same})
    assert (lead.leader, lead.gap.mean, lead.is_clear) == ("S=1", 0, False)


def test_a_true_lead_is_found_and_a_false_one_is_not():
    """Of candidates that differ by 6 points in truth, and that do not."""

    def is_clear(gap: float, draw: int) -> bool:
        generator = np.random.default_rng(draw)
        rates = (0.2, 0.2 - gap)
        answers = [100.0 * (generator.random((3, 1000)) < rate) for rate in rates]
        return lead_of({"S=1": answers[0], "S=4": answers[1]}).is_clear

    assert np.mean([is_clear(0.06, draw) for draw in range(100)]) > 0.8
    assert np.mean([is_clear(0.0, draw) for draw in range(100)]) <= 0.1


def test_one_candidate_is_ahead_of_nobody():
    with pytest.raises(ConfigError, match="give several S"):
        lead_of({"S=4": errors(0.1)})
