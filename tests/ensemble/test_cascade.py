"""The record of a cascade, its file beside the weights, and how sure an answer is."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from cascades import make_cascade

from cotrain import ConfigError, Ensemble, divide, networks
from cotrain.ensemble.cascade import Stage, sureness
from cotrain.ensemble.folder import write_fitted

P = torch.tensor([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2]], dtype=torch.float64)
ENTROPY = [-sum(p * math.log(p) for p in row) for row in P.tolist()]


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        ("probability", [0.7, 0.4]),
        ("margin", [0.5, 0.0]),
        ("entropy", [1 - each / math.log(3) for each in ENTROPY]),
        ("agreement", [0.5, 1.0]),
    ],
)
def test_sureness_is_what_it_says(signal, expected):
    logits = torch.tensor([[[3.0, 0, 0], [1, 0, 0]], [[0, 1, 0], [1, 0, 0]]])
    found = sureness(logits, P.log(), signal)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("signal", ["probability", "margin", "entropy", "agreement"])
def test_what_is_no_number_is_never_sure(signal):
    logits = torch.tensor([[[math.nan, 0, 0], [math.inf, 0, 0], [9.0, 0, 0]]])
    found = sureness(logits, logits[0].double().log_softmax(-1), signal)
    assert (found >= 0).tolist() == [False, False, True]


def test_one_class_alone_is_sure():
    logits = torch.zeros(2, 3, 1)
    log_p = logits[0].double()
    for signal in ("probability", "margin", "entropy", "agreement"):
        assert sureness(logits, log_p, signal).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"order": (0, 0, 1)}, "does not name every network once"),
        ({"order": (0, 1)}, "ask .1, 2. of 2 networks, which is not fewer"),
        ({"thresholds": (1.5,)}, r"cascade.stages\[0\].threshold=1.5 is not a probability"),
        ({"thresholds": (math.nan,)}, "is not finite"),
        ({"images": 0}, "cascade.images=0 is below 1"),
        ({"share": -0.1}, "is not a probability"),
        ({"signal": "mood"}, "cascade.signal='mood' is not known"),
        ({"stages": (Stage(networks=2, threshold=0.5),) * 2}, "and more with every stage"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_impossible_numbers_are_refused(fields: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        make_cascade(**fields)


@pytest.fixture
def ensemble() -> Ensemble:
    spec = networks.spec("basic_resnet8_4", num_classes=4, in_channels=1, image_size=8)
    return divide(spec, 3, seed=0).eval()


def test_loading_has_it_saving_keeps_it_and_other_weights_remove_it(ensemble, tmp_path: Path):
    found = make_cascade()
    ensemble.save(tmp_path)
    assert Ensemble.load(tmp_path).cascade is None
    assert write_fitted(tmp_path, found) == tmp_path / "cascade.json"
    loaded = Ensemble.load(tmp_path)
    assert loaded.cascade == found
    loaded.save(tmp_path / "again")
    assert Ensemble.load(tmp_path / "again").cascade == found
    content = (tmp_path / "cascade.json").read_bytes()
    divide(ensemble.spec.large, 3, seed=1).save(tmp_path)
    assert Ensemble.load(tmp_path).cascade is None
    (tmp_path / "cascade.json").write_bytes(content)
    with pytest.raises(ConfigError, match=r"fitted for other weights.*with cotrain cascade$"):
        Ensemble.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "its format is not 1"),
        ({"order": [0, 1]}, "ask .1, 2. of 2 networks"),
        ({"order": [0, 1, 2, 3]}, "is of 4 networks, and there are S=3"),
        ({"stages": [{"networks": 1}]}, "threshold is missing"),
        ({"stages": 3}, "cascade.stages=3 is not a list"),
        ({"combine": "max_logits"}, "is not the way that the cascade was fitted for"),
        ({"extra": 1}, "cascade.extra is not known"),
    ],
)
def test_a_damaged_file_is_refused(ensemble, tmp_path: Path, change, message):
    ensemble.save(tmp_path)
    path = write_fitted(tmp_path, make_cascade())
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ConfigError, match=message) as error:
        Ensemble.load(tmp_path)
    assert "\n" not in str(error.value)


def test_it_is_for_one_way_of_combining():
    with pytest.raises(ConfigError, match=r"combine='max_logits' is not the way"):
        make_cascade().check_fits(3, "max_logits")
    assert replace(make_cascade(), combine="max_logits").check_fits(3, "max_logits") is None
