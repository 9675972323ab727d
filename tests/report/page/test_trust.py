"""Pictures of trust hold the numbers of the scores."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pictures import check_apart

from cotrain.ensemble.calibration import Abstention
from cotrain.evaluation.uncertainty.reliability import reliability_bins
from cotrain.evaluation.uncertainty.uncertainty import AbstentionScores
from cotrain.report.page.trust import coverage_picture, reliability_picture


@pytest.fixture
def answers():
    generator = torch.Generator().manual_seed(0)
    log_p = (3 * torch.randn(500, 6, dtype=torch.float64, generator=generator)).log_softmax(-1)
    return log_p, torch.randint(0, 6, (500,), generator=generator)


def test_every_bin_is_drawn_and_told(answers):
    bins = reliability_bins(*answers)
    picture = reliability_picture({"the answers": bins, "not calibrated": bins[:3]})
    drawn = [np.asarray(line.get_xydata()) for line in picture.figure.axes[0].lines[1:]]
    assert np.allclose(drawn[0], [(each.confidence, each.accuracy) for each in bins])
    assert len(drawn[1]) == 3
    assert picture.numbers is not None
    assert len(picture.numbers.rows) == len(picture.spots) == len(bins) + 3
    check_apart(picture.figure)


def test_coverage_is_drawn_in_percent():
    picture = coverage_picture({"S=1": [(0.5, 0.0), (1.0, 0.25)]})
    best, drawn = picture.figure.axes[0].lines
    assert np.asarray(drawn.get_xydata()).tolist() == [[50, 0], [100, 25]]
    assert np.asarray(best.get_xydata()).tolist() == [[50, 0], [100, 25]]
    assert picture.alt.endswith("S=1, 25.00 % of all")
    check_apart(picture.figure)


def test_the_optimum_and_the_wanted_risk_are_drawn():
    rule = Abstention(risk=0.1, least=0.7, coverage=0.6)
    answered = AbstentionScores(rule=rule, coverage=0.5, risk=0.2)
    curve = [(0.5, 0.2), (0.8, 0.25), (1.0, 0.4)]
    picture = coverage_picture({"S=4": curve}, answered)
    lines = {line.get_label(): line for line in picture.figure.axes[0].lines}
    best = np.asarray(lines["at best"].get_xydata())
    assert best == pytest.approx(np.array([[50, 0], [80, 25], [100, 40]]))
    assert np.asarray(lines["at most 10 % wanted"].get_ydata()).tolist() == [10, 10]
    assert np.asarray(lines["answers that count"].get_xydata()).tolist() == [[50, 20]]
    check_apart(picture.figure)
    never = coverage_picture({"S=4": curve}, replace(answered, coverage=0.0, risk=None))
    assert len(never.figure.axes[0].lines) == 3
