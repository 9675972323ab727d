"""ECE and AURC on drawn images: those of the evaluation, where the draw is written out."""

import numpy as np
import pytest
import torch

from cotrain.comparison.accuracy.answers import answers_of
from cotrain.comparison.accuracy.resampling import aurc_on, ece_on, resampled
from cotrain.evaluation.scores import scores_of
from cotrain.evaluation.uncertainty.selection import risk_coverage

IMAGES = 60


def answers(seed, *, ties=False):
    """Log-probabilities [N, 4] and classes; rounded ones have images of equal confidence."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(IMAGES, 4, generator=generator, dtype=torch.float64)
    logits = logits.round() if ties else logits
    return logits.log_softmax(-1), torch.randint(4, (IMAGES,), generator=generator)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_statistics_of_a_draw_are_those_of_the_images_drawn(seed, ties):
    log_p, targets = answers(seed, ties=ties)
    found = answers_of(log_p, targets)
    confidences, wrong = found.confidences[0], found.errors[0] > 0
    counts = np.random.default_rng(seed).multinomial(IMAGES, np.full(IMAGES, 1 / IMAGES), 5)
    ece, aurc = ece_on(confidences, wrong)(counts), aurc_on(confidences, wrong)(counts)
    for row, drawn in enumerate(counts):
        places = np.repeat(np.arange(IMAGES), drawn)
        again = scores_of(log_p[places], targets[places])
        assert ece[row] == pytest.approx(again.ece, abs=1e-6)
        curve = risk_coverage(-torch.tensor(confidences[places]), torch.tensor(wrong[places]))
        assert aurc[row] == pytest.approx(100 * curve.aurc())


def test_each_image_once_is_what_was_measured():
    log_p, targets = answers(7)
    found = answers_of(log_p, targets)
    once = np.ones((1, IMAGES), dtype=int)
    confidences, wrong = found.confidences[0], found.errors[0] > 0
    assert ece_on(confidences, wrong)(once) == pytest.approx(found.eces, abs=1e-6)
    assert aurc_on(confidences, wrong)(once) == pytest.approx(found.aurcs)


def test_all_candidates_get_the_same_draws():
    found = answers_of(*answers(1))
    replicates = resampled({"one": found, "two": found}, replicates=8)
    for metric in ("ece", "aurc"):
        one, two = (replicates[name][metric] for name in ("one", "two"))
        assert one.shape == (8, 1)
        assert (one == two).all()
        assert one.std() > 0


def test_the_spread_of_an_error_is_the_known_one():
    """All answers are certain, so that the ECE is the share of wrong ones: a binomial."""
    targets = torch.arange(400) % 4
    given = torch.where(torch.arange(400) < 100, (targets + 1) % 4, targets)
    log_p = (100.0 * torch.nn.functional.one_hot(given, 4).double()).log_softmax(-1)
    replicates = resampled({"one": answers_of(log_p, targets)}, replicates=2000)
    known = np.sqrt(0.25 * 0.75 / 400)
    assert replicates["one"]["ece"].std() == pytest.approx(known, rel=0.05)
    assert replicates["one"]["ece"].mean() == pytest.approx(0.25, rel=0.02)
