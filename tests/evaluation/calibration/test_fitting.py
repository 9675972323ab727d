"""What is fitted, against scipy, and which method is chosen, on answers of which it is known."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from cotrain import ConfigError
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.combining import log_probabilities
from cotrain.evaluation.calibration.fitting import METHODS, fit_calibration, fitted
from cotrain.evaluation.scores import evaluate_logits


def answers(images: int = 2000, *, into: int = 3, temperature: float = 1.0, seed: int = 0):
    """Logits whose mean, divided by the temperature, is right as often as it says; and classes."""
    generator = torch.Generator().manual_seed(seed)
    truth = 2 * torch.randn(images, 5, generator=generator)
    targets = truth.softmax(-1).multinomial(1, generator=generator).squeeze(1)
    noise = torch.randn(into, images, 5, generator=generator)
    return temperature * (truth + noise - noise.mean(0)), targets


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_the_temperature_that_was_put_in_is_found(temperature):
    found = fit_calibration(*answers(temperature=temperature))
    assert found.calibration.method == "temperature"
    assert found.calibration.temperature == pytest.approx(temperature, rel=0.06)
    assert found.calibration.images == 2000
    assert found.scores["temperature"].nll < found.scores["none"].nll
    assert found.scores["temperature"].ece < found.scores["none"].ece / 3


def test_what_is_calibrated_is_left_as_it_is():
    found = fit_calibration(*answers(300, seed=1))
    assert found.calibration.method == "none"


def test_a_network_that_guesses_gets_little_weight():
    logits, targets = answers(into=2)
    guesses = 3 * torch.randn(1, *logits.shape[1:], generator=torch.Generator().manual_seed(1))
    found = fit_calibration(torch.cat([logits, guesses]), targets).calibration
    assert found.method == "weights"
    assert len(found.weights) == 3
    assert found.weights[2] < 0.02
    assert sum(found.weights) == pytest.approx(1)


@pytest.mark.parametrize(
    ("combine", "method"), [(way, each) for way, methods in METHODS.items() for each in methods]
)
def test_the_numbers_are_those_that_scipy_finds(combine, method):
    """By another minimiser, which knows no gradients, of the same posterior."""
    logits, targets = answers(200, temperature=2.0)
    found = fitted(method, logits, targets, combine)

    def posterior(numbers: np.ndarray) -> float:
        powers = np.exp(numbers)
        values: dict = {"temperatures": tuple(powers)}
        if method != "temperatures":
            values = {"temperature": powers[0], "weights": tuple(powers[1:] / powers[1:].sum())}
        tried = Calibration(combine=combine, images=1, **values)
        log_p = log_probabilities(logits, combine, tried).gather(1, targets[:, None])
        return -log_p.sum().item() + (numbers**2).sum() / 2

    size = {"temperature": 1, "temperatures": 3, "weights": 4}[method]
    best = minimize(posterior, np.zeros(size), method="Powell", options={"ftol": 1e-12})
    numbers = found.temperatures or (found.temperature, *found.weights)
    expected = np.exp(best.x)
    if method == "weights":
        expected[1:] /= expected[1:].sum()
    assert numbers == pytest.approx(tuple(expected), rel=3e-2, abs=1e-3)


def test_a_set_without_an_error_asks_for_no_certainty():
    logits = 4 * torch.eye(5).repeat(1, 8, 1)
    found = fit_calibration(logits, torch.arange(5).repeat(8))
    assert 0.1 < found.calibration.temperature < 1


def test_one_network_has_a_temperature_only():
    logits, targets = answers(into=1, temperature=3.0)
    assert fit_calibration(logits, targets).scores.keys() == {"none", "temperature"}


def test_what_is_said_of_a_method_is_near_what_new_images_show():
    logits, targets = answers(4000, temperature=3.0)
    found = fit_calibration(logits[:, :2000], targets[:2000])
    other = evaluate_logits(logits[:, 2000:], targets[2000:], calibration=found.calibration)
    assert other.ensemble.nll == pytest.approx(found.scores["temperature"].nll, abs=0.05)
    assert other.uncalibrated is not None
    assert other.uncalibrated.nll == pytest.approx(found.scores["none"].nll, abs=0.2)


def test_too_few_images_are_refused():
    logits, targets = answers(19)
    with pytest.raises(ConfigError, match="19 images are too few to calibrate on: give at"):
        fit_calibration(logits, targets)
