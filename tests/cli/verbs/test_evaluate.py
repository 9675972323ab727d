"""``cotrain evaluate``: images that are named on the command line."""

import json
from pathlib import Path

import pytest

from cotrain.cli import main

RUN = Path(__file__).parents[2] / "saved" / "v0.1.0" / "run"


def test_the_images_named_are_those_tested(capsys):
    images = ["--data.dataset=digits", "--data.train_images=80", "--data.test_images", "40"]
    main(["evaluate", str(RUN), *images, "--json"])
    found = json.loads(capsys.readouterr().out)
    written = json.loads((RUN / "evaluation.json").read_bytes())
    assert found["images"] == 40 != written["images"]
    assert found["tested_on"] == written["tested_on"]
    assert len(found["networks"]) == 2
    assert found["ensemble"]["nll"] == pytest.approx(written["ensemble"]["nll"], abs=0.2)
