"""What was fitted says of each image, computed one image at a time."""

import pytest
import torch

from cotrain.ensemble.calibration import Abstention, BestSignal, Calibration, PredictionSets
from cotrain.evaluation.uncertainty.rules import rules_of

LOGITS = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(1)) * 2
LABELS = ["ant", "bee", "cat", "dog"]
SETS = PredictionSets(method="lac", coverage=0.9, threshold=0.8)
ABSTENTION = Abstention(risk=0.05, least=0.4, coverage=0.5)


def calibrated(**fitted) -> Calibration:
    return Calibration(combine="mean_logits", temperature=2.0, images=50, **fitted)


def test_sets_abstention_and_doubt_of_each_image():
    signal = BestSignal(name="entropy", auroc=0.9, errors=5)
    found = rules_of(
        LOGITS, LABELS, "mean_logits", calibrated(sets=SETS, abstention=ABSTENTION, signal=signal)
    )
    assert {row["abstain"] for row in found} == {True, False}
    assert len({len(row["set"]) for row in found}) > 1
    for place, row in enumerate(found):
        p = dict(zip(LABELS, (LOGITS[:, place].mean(0).double() / 2).softmax(-1), strict=True))
        likely = [label for label in LABELS if 1 - p[label] <= 0.8]
        assert list(row["set"]) == sorted(likely, key=lambda label: -p[label])
        assert row["abstain"] == (max(p.values()) < 0.4)
        entropy = -sum(share * share.log() for share in p.values())
        assert (row["signal"], row["doubt"]) == ("entropy", pytest.approx(float(entropy)))


@pytest.mark.parametrize("calibration", [None, calibrated()])
def test_what_was_not_fitted_is_left_out(calibration):
    assert rules_of(LOGITS, LABELS, "mean_logits", calibration) == [{}] * 6
