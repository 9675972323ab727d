"""Only as many networks are asked about an image as it needs, whatever else is in its batch."""

import math
from dataclasses import replace

import pytest
import torch
from cascades import counting_ensemble, make_cascade

from cotrain import ConfigError
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.combining import combine_logits

IMAGES = torch.randn(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def expected(ensemble, cascade, images=IMAGES, calibration=None):
    """Answers and networks asked of each image, by asking all networks about each."""
    logits = torch.stack([network(images) for network in ensemble.networks]).detach()
    p, asked = combine_logits(logits, "mean_logits", calibration), [cascade.into] * len(images)
    for stage in reversed(cascade.stages):
        first = sorted(cascade.order[: stage.networks])
        own = (logits[first].mean(0) / stage.temperature).softmax(-1)
        for place in range(len(images)):
            if own[place].max() >= stage.threshold:
                p[place], asked[place] = own[place], stage.networks
    return p, asked


@pytest.mark.parametrize("thresholds", [(0.45, 0.4), (0.45,), (0.0,), (1.0, 1.0)])
def test_answers_are_those_of_the_stage_and_the_others_do_no_work(thresholds):
    cascade = make_cascade(thresholds=thresholds)
    ensemble = counting_ensemble(cascade=cascade)
    found = ensemble.answer_in_stages(IMAGES)
    work = [network.images for network in ensemble.networks]
    p, asked = expected(ensemble, cascade)
    assert found.asked.tolist() == asked
    torch.testing.assert_close(found.probabilities, p)
    assert found.share == pytest.approx(sum(asked) / len(asked) / 3)
    assert work == [sum(each > place for each in asked) for place in (2, 1, 0)]
    skipped = found.asked < 3
    assert (found.logits[0][skipped] == 0).all()


def test_several_networks_can_be_asked_in_one_stage():
    cascade = make_cascade(thresholds=(0.4,), order=(1, 2, 0))
    ensemble = counting_ensemble(cascade=cascade)
    asked = ensemble.answer_in_stages(IMAGES).asked
    assert set(asked.tolist()) == {1, 3}
    assert ensemble.networks[0].images == ensemble.networks[2].images == (asked == 3).sum()


def test_the_last_stage_is_the_full_calibrated_answer():
    calibration = Calibration(combine="mean_logits", temperature=3.0, images=50)
    ensemble = counting_ensemble(cascade=make_cascade(thresholds=(1.0, 1.0)))
    ensemble.spec = replace(ensemble.spec, calibration=calibration)
    found = ensemble.answer_in_stages(IMAGES)
    assert found.asked.tolist() == [3] * 40
    torch.testing.assert_close(found.probabilities, ensemble.predict(IMAGES))
    raw = ensemble.answer_in_stages(IMAGES, calibrated=False)
    torch.testing.assert_close(raw.probabilities, ensemble.predict(IMAGES, calibrated=False))


def test_an_answer_does_not_depend_on_the_batch():
    ensemble = counting_ensemble(cascade=make_cascade(thresholds=(0.45, 0.4)))
    whole = ensemble.answer_in_stages(IMAGES)
    alone = [ensemble.answer_in_stages(IMAGES[place : place + 1]) for place in range(40)]
    assert torch.cat([each.asked for each in alone]).tolist() == whole.asked.tolist()
    torch.testing.assert_close(
        torch.cat([each.probabilities for each in alone]), whole.probabilities
    )
    turned = ensemble.answer_in_stages(IMAGES.flip(0))
    assert turned.asked.flip(0).tolist() == whole.asked.tolist()
    torch.testing.assert_close(turned.probabilities.flip(0), whole.probabilities)


@pytest.mark.parametrize("signal", ["probability", "margin", "entropy", "agreement"])
def test_what_is_no_number_goes_to_all_networks_and_spoils_no_other_image(signal):
    cascade = make_cascade(thresholds=(0.0, 0.0), signal=signal)
    ensemble = counting_ensemble(cascade=cascade)
    images = IMAGES.clone()
    images[3] = math.nan
    found = ensemble.answer_in_stages(images)
    assert found.asked.tolist() == [3 if place == 3 else 1 for place in range(40)]
    assert found.probabilities[3].isnan().all()
    assert found.probabilities[[0, 39]].isfinite().all()


def test_one_image_and_none():
    ensemble = counting_ensemble(cascade=make_cascade(thresholds=(0.0,)))
    assert ensemble.answer_in_stages(IMAGES[:1]).asked.tolist() == [1]
    assert ensemble.answer_in_stages(IMAGES[:0]).probabilities.shape == (0, 4)


def test_without_a_cascade_one_line_says_what_to_do():
    with pytest.raises(ConfigError, match="has no cascade: fit one with cotrain cascade RUN"):
        counting_ensemble().answer_in_stages(IMAGES)
