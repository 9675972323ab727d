"""Pictures of trust hold the numbers of the scores."""

import numpy as np
import pytest
import torch
from pictures import check_apart

from cotrain.evaluation.scores import scores_of
from cotrain.report.page.trust import coverage_picture, reliability_bins, reliability_picture


@pytest.fixture
def answers():
    generator = torch.Generator().manual_seed(0)
    log_p = (3 * torch.randn(500, 6, dtype=torch.float64, generator=generator)).log_softmax(-1)
    return log_p, torch.randint(0, 6, (500,), generator=generator)


def test_the_gaps_of_the_bins_are_the_calibration_error(answers):
    bins = reliability_bins(*answers)
    gap = sum(each.images * abs(each.confidence - each.accuracy) for each in bins) / 500
    assert gap == pytest.approx(scores_of(*answers).ece, abs=1e-6)
    assert sum(each.images for each in bins) == 500


def test_certain_answers_are_in_the_last_bin():
    log_p = torch.tensor([[0.0, -torch.inf], [0.0, -torch.inf]], dtype=torch.float64)
    [only] = reliability_bins(log_p, torch.tensor([0, 1]))
    assert only == (1.0, 0.5, 2)


def test_every_bin_is_drawn_and_told(answers):
    bins = reliability_bins(*answers)
    picture = reliability_picture({"the answers": bins, "not calibrated": bins[:3]})
    drawn = [np.asarray(line.get_xydata()) for line in picture.figure.axes[0].lines[1:]]
    assert np.allclose(drawn[0], [each[:2] for each in bins])
    assert len(drawn[1]) == 3
    assert picture.numbers is not None
    assert len(picture.numbers.rows) == len(picture.spots) == len(bins) + 3
    check_apart(picture.figure)


def test_coverage_is_drawn_in_percent():
    picture = coverage_picture({"S=1": [(0.5, 0.0), (1.0, 0.25)]})
    assert np.asarray(picture.figure.axes[0].lines[0].get_xydata()).tolist() == [[50, 0], [100, 25]]
    assert picture.alt.endswith("S=1, 25.00 % of all")
    check_apart(picture.figure)
