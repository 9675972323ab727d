"""What tells of which images the ensemble is unsure, against scipy."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp, softmax
from scipy.stats import entropy

from cotrain.ensemble.calibration import Calibration
from cotrain.evaluation.uncertainty.signals import SIGNALS, doubts_of

LOGITS = 3 * torch.randn(3, 50, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_signals_by_scipy(temperature):
    calibration = Calibration(combine="mean_logits", temperature=temperature, images=9)
    found = doubts_of(LOGITS, "mean_logits", calibration)
    z = LOGITS.double().numpy()
    p, single = softmax(z.mean(0) / temperature, -1), softmax(z, -1)
    expected = (
        1 - p.max(-1),
        entropy(p, axis=-1),
        entropy(single.mean(0), axis=-1) - entropy(single, axis=-1).mean(0),
        (z.argmax(-1) != p.argmax(-1)).mean(0),
        -logsumexp(z.mean(0), axis=-1),
    )
    assert tuple(found) == SIGNALS
    for one, other in zip(found.values(), expected, strict=True):
        np.testing.assert_allclose(one.numpy(), other, atol=1e-12)
