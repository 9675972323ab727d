"""The record of all that tells how far answers can be trusted."""

import json

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.metrics import roc_auc_score

from cotrain.ensemble.calibration import Abstention, Calibration, PredictionSets
from cotrain.evaluation.uncertainty.uncertainty import uncertainty_of

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = 3 * torch.randn(2, 300, 4, generator=GENERATOR)
TARGETS = (LOGITS.mean(0) / 2).softmax(-1).multinomial(1, generator=GENERATOR).squeeze(1)
OTHERS = torch.randn(2, 100, 4, generator=GENERATOR)
CALIBRATION = Calibration(
    combine="mean_logits",
    temperature=2.0,
    images=100,
    sets=PredictionSets(method="lac", coverage=0.8, threshold=0.6),
    abstention=Abstention(risk=0.1, least=0.7, coverage=0.5),
)


def test_the_record_by_hand():
    found = uncertainty_of(LOGITS, TARGETS, "mean_logits", CALIBRATION, OTHERS)
    z, y = LOGITS.double().numpy().mean(0), TARGETS.numpy()
    p = softmax(z / 2, -1)
    wrong, confidence = p.argmax(-1) != y, p.max(-1)
    assert (found.images, found.errors) == (300, wrong.sum())
    maximum = found.signals["maximum probability"]
    assert maximum.wrong == pytest.approx(roc_auc_score(wrong, -confidence))
    strange = softmax(OTHERS.double().numpy().mean(0) / 2, -1).max(-1)
    truth = np.arange(400) >= 300
    doubt = -np.concatenate([confidence, strange])
    assert maximum.other == pytest.approx(roc_auc_score(truth, doubt))
    inside = 1 - p <= 0.6
    inside[np.arange(300), p.argmax(-1)] = True
    assert found.sets is not None
    assert found.sets.covered == pytest.approx(inside[np.arange(300), y].mean())
    assert found.sets.size == pytest.approx(inside.sum(-1).mean())
    sure = confidence >= 0.7
    assert found.abstention is not None
    assert found.abstention.coverage == pytest.approx(sure.mean())
    assert found.abstention.risk == pytest.approx(wrong[sure].mean())
    assert found.curve[-1] == (1.0, pytest.approx(wrong.mean()))
    assert len(found.curve) == 200
    assert found.uncalibrated is not None
    assert found.reliability.ece < found.uncalibrated.ece
    scores = {name: each.wrong for name, each in found.signals.items()}
    assert scores[found.best_signal or ""] == max(scores.values())  # type: ignore[type-var]
    assert json.loads(json.dumps(found.to_dict()))["best_signal"] == found.best_signal


def test_without_a_calibration_or_an_error_there_is_less_to_say():
    right = LOGITS.mean(0).argmax(-1)
    found = uncertainty_of(LOGITS, right)
    assert (found.uncalibrated, found.sets, found.abstention) == (None, None, None)
    assert found.best_signal is None
    assert found.errors == 0
    signal = found.signals["entropy"]
    assert (signal.wrong, signal.other, signal.aurc, signal.coverage_at_5) == (None, None, 0, 1)


def test_one_that_never_answers_has_no_risk():
    never = Abstention(risk=0.1, least=2.0, coverage=0.0)
    calibration = Calibration(combine="mean_logits", images=100, abstention=never)
    found = uncertainty_of(LOGITS, TARGETS, "mean_logits", calibration).abstention
    assert found is not None
    assert (found.coverage, found.risk) == (0, None)
