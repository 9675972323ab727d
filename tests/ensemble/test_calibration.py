"""What calibrates the combined answer: its numbers, its file, and what it does to probabilities."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from cotrain import ConfigError, Ensemble, divide, networks
from cotrain.config.combining import Combine
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.combining import combine_logits, log_probabilities, outputs_of
from cotrain.ensemble.folder import write_fitted

LOGITS = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
WEIGHTS, TEMPERATURES = (0.5, 0.3, 0.2), (0.5, 2.0, 3.0)
W, T = (torch.tensor(each).view(3, 1, 1).double() for each in (WEIGHTS, TEMPERATURES))
P = LOGITS.softmax(-1)


def calibration(**numbers: Any) -> Calibration:
    return Calibration(**{"combine": "mean_logits", "images": 100, **numbers})


@pytest.fixture
def ensemble() -> Ensemble:
    spec = networks.spec("basic_resnet8_4", num_classes=4, in_channels=1, image_size=8)
    return divide(spec, 3, seed=0).eval()


@pytest.mark.parametrize(
    ("combine", "numbers", "expected"),
    [
        ("mean_logits", {}, (LOGITS.mean(0) / 2).softmax(-1)),
        ("mean_logits", {"weights": WEIGHTS}, ((W * LOGITS).sum(0) / 2).softmax(-1)),
        ("mean_probabilities", {}, P.mean(0).sqrt()),
        ("mean_probabilities", {"weights": WEIGHTS}, (W * P).sum(0).sqrt()),
        (
            "mean_probabilities",
            {"temperatures": TEMPERATURES},
            (LOGITS / T).softmax(-1).mean(0).sqrt(),
        ),
        ("max_logits", {"temperatures": TEMPERATURES}, ((LOGITS / T).amax(0) / 2).softmax(-1)),
        ("max_probabilities", {}, P.amax(0).sqrt()),
    ],
)
def test_numbers_do_what_they_say(combine, numbers, expected):
    """The square root is a temperature of 2, of probabilities."""
    found = calibration(combine=combine, temperature=2.0, **numbers)
    expected = expected / expected.sum(-1, keepdim=True)
    torch.testing.assert_close(combine_logits(LOGITS, combine, found), expected)
    torch.testing.assert_close(log_probabilities(LOGITS, combine, found), expected.log())
    torch.testing.assert_close(outputs_of(LOGITS, combine, found)["probabilities"], expected)


def test_a_calibration_that_is_none_changes_no_bit():
    for combine in get_args(Combine):
        found = calibration(combine=combine)
        assert found.method == "none"
        before = combine_logits(LOGITS, combine)
        assert torch.equal(combine_logits(LOGITS, combine, found), before)


def test_another_way_of_combining_is_refused():
    with pytest.raises(
        ConfigError, match=r"combine='max_logits' is not the way .*calibrated=false"
    ):
        combine_logits(LOGITS, "max_logits", calibration(temperature=2.0))


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"temperature": 0.0}, r"calibration.temperature=0.0 is not in \[0.01, 100.0\]"),
        ({"temperature": float("nan")}, "is not finite"),
        ({"temperatures": (1.0, -1.0)}, "one of them is not in"),
        ({"temperatures": (float("inf"),)}, "is not finite"),
        ({"weights": (0.5, 0.4)}, "are not shares that sum to 1"),
        ({"weights": (1.5, -0.5)}, "are not shares that sum to 1"),
        ({"images": 0}, "calibration.images=0 is below 1"),
        ({"combine": "median"}, "calibration.combine='median' is not known"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_impossible_numbers_are_refused(numbers, message):
    with pytest.raises(ConfigError, match=message):
        calibration(**numbers)


def test_loading_applies_and_saving_keeps_it(ensemble: Ensemble, tmp_path: Path):
    images = torch.randn(6, 1, 8, 8)
    ensemble.save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert before.keys() == {"spec.json", "model.safetensors"}
    found = calibration(temperature=3.0, weights=WEIGHTS)
    write_fitted(tmp_path, found)
    assert all((tmp_path / name).read_bytes() == content for name, content in before.items())
    loaded = Ensemble.load(tmp_path)
    assert loaded.spec.calibration == found
    with torch.no_grad():
        expected = combine_logits(loaded(images), "mean_logits", found)
    assert torch.equal(loaded.predict(images), expected)
    raw = ensemble.predict(images)
    assert torch.equal(loaded.predict(images, calibrated=False), raw)
    assert not torch.allclose(expected, raw)
    loaded.save(tmp_path / "again")
    assert Ensemble.load(tmp_path / "again").spec.calibration == found


def test_other_weights_have_no_part_in_it(ensemble: Ensemble, tmp_path: Path):
    ensemble.spec = replace(ensemble.spec, calibration=calibration(temperature=3.0))
    ensemble.save(tmp_path)
    content = (tmp_path / "calibration.json").read_bytes()
    other = divide(ensemble.spec.large, 3, seed=1)
    other.save(tmp_path)
    assert Ensemble.load(tmp_path).spec.calibration is None
    (tmp_path / "calibration.json").write_bytes(content)
    with pytest.raises(
        ConfigError, match=r"not fit the ensemble \(it was fitted for other weights\)"
    ):
        Ensemble.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "its format is not 1"),
        ({"temperature": "hot"}, "calibration.temperature='hot' is not a number"),
        ({"temperature": 1e9}, r"is not in \[0.01, 100.0\]"),
        ({"weights": [0.5, 0.5]}, "are 2 numbers for S=3 networks"),
        ({"combine": "max_logits"}, "is not the way that the ensemble was calibrated for"),
        ({"images": None}, "calibration.images=None is not a whole number"),
        ({"extra": 1}, "calibration.extra is not known"),
    ],
)
def test_a_damaged_file_is_refused(ensemble, tmp_path, change, message):
    ensemble.save(tmp_path)
    path = write_fitted(tmp_path, calibration(temperature=3.0))
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ConfigError, match=message) as error:
        Ensemble.load(tmp_path)
    assert "remove it, then fit another with cotrain calibrate" in str(error.value)
    assert "\n" not in str(error.value)
    path.write_text("[1]")
    with pytest.raises(ConfigError, match="it is no map"):
        Ensemble.load(tmp_path)


def test_a_file_of_the_first_version_is_read(ensemble: Ensemble, tmp_path: Path):
    """Which knew one temperature alone: no sets, no abstention, no signal, no weights."""
    ensemble.save(tmp_path)
    digest = json.loads((tmp_path / "spec.json").read_text())["weights_sha256"]
    record = {"format": 1, "cotrain": "0.1.0", "weights_sha256": digest}
    record |= {"combine": "mean_logits", "temperature": 2.0, "images": 50}
    (tmp_path / "calibration.json").write_text(json.dumps(record))
    loaded, images = Ensemble.load(tmp_path), torch.randn(6, 1, 8, 8)
    assert loaded.spec.calibration == Calibration(
        combine="mean_logits", temperature=2.0, images=50, fitted_on="validation"
    )
    with torch.no_grad():
        expected = (loaded(images).mean(0) / 2).softmax(-1)
    torch.testing.assert_close(loaded.predict(images), expected)
