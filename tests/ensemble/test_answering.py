"""Whoever answers is asked in one way: prepared images, evaluation mode, float32 on the CPU."""

from dataclasses import replace

import pytest
import torch

from cotrain import ConfigError, divide, networks
from cotrain.ensemble import Preprocessing
from cotrain.ensemble.answering import known_preprocessing, logits_of, logits_of_batches, prepared
from cotrain.execution import prepare

GREY = Preprocessing(image_size=8, in_channels=1, mean=(0.5,), std=(0.25,))
OTHER = Preprocessing(image_size=8, in_channels=1, mean=(0.25,), std=(0.5,))
PIXELS = torch.arange(128, dtype=torch.uint8).view(2, 1, 8, 8)


@pytest.fixture
def ensemble():
    spec = networks.spec("basic_resnet8_8", num_classes=3, in_channels=1, image_size=8)
    ensemble = divide(spec, 2, seed=0)
    ensemble.spec = replace(ensemble.spec, preprocessing=GREY)
    return ensemble


def test_what_the_spec_says_comes_before_what_the_data_says(ensemble):
    expected = (PIXELS / 255 - 0.5) / 0.25
    torch.testing.assert_close(prepared(ensemble, PIXELS, OTHER), expected)
    ensemble.spec = replace(ensemble.spec, preprocessing=None)
    torch.testing.assert_close(prepared(ensemble, PIXELS, OTHER), (PIXELS / 255 - 0.25) / 0.5)


def test_an_ensemble_and_its_execution_prepare_and_answer_alike(ensemble):
    images = ensemble.prepare(PIXELS)
    with torch.no_grad():
        expected = torch.stack([network.eval()(images) for network in ensemble.networks])
    assert torch.equal(logits_of(ensemble.train(), images), expected)
    assert ensemble.networks[0].training
    with prepare(ensemble, "loop") as execution:
        assert (execution.spec, execution.device) == (ensemble.spec, ensemble.device)
        assert torch.equal(logits_of(execution, execution.prepare(PIXELS)), expected)


def test_batches_are_answered_in_their_order_and_one_ahead(ensemble):
    batches = [ensemble.prepare(PIXELS), ensemble.prepare(PIXELS[:1]), ensemble.prepare(PIXELS)]
    asked = []

    def given():
        for number, images in enumerate(batches):
            asked.append(number)
            yield images

    answers = logits_of_batches(ensemble.train(), given())
    assert torch.equal(next(answers), logits_of(ensemble, batches[0]))
    assert asked == [0, 1]
    assert ensemble.networks[0].training
    for answer, images in zip(answers, batches[1:], strict=True):
        assert torch.equal(answer, logits_of(ensemble, images))


def test_logits_are_float32_whatever_answers(ensemble):
    images = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    found = logits_of(ensemble.double(), images)
    assert (found.dtype, found.device.type, found.requires_grad) == (torch.float32, "cpu", False)
    torch.testing.assert_close(found, ensemble.eval()(images).detach().float())


def test_unknown_preprocessing_is_one_clear_line(ensemble):
    assert known_preprocessing(ensemble.spec) is GREY
    ensemble.spec = replace(ensemble.spec, preprocessing=None)
    with pytest.raises(ConfigError, match="no preprocessing, so pixels cannot be made"):
        ensemble.prepare(PIXELS)
