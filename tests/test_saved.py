"""What earlier versions saved is loaded, answers as it did, and is gone on with.

``saved/v0.1.0`` was written by the commit before the modules got their rooms (63cfd0f): a finished
run, the same run stopped in its third epoch, an ensemble of a user's own network that was divided
by its structure, and the spec of a divided ViT.
"""

import json
import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

import cotrain
from cotrain import Ensemble
from cotrain.basics.run_folder import RunFolder
from cotrain.config.recipes import load_recipe
from cotrain.ensemble import load_shipped
from cotrain.ensemble.spec import EnsembleSpec
from cotrain.evaluation.evaluate import evaluate_ensemble
from cotrain.evaluation.images import images_to_test
from cotrain.networks import build
from cotrain.networks.costs import count_params
from cotrain.networks.meta import on_meta
from cotrain.training import fit

SAVED = Path(__file__).parent / "saved" / "v0.1.0"


def test_a_finished_run_gives_the_scores_that_it_wrote():
    run = RunFolder(SAVED / "run")
    written = json.loads(run.evaluation.read_bytes())
    ensemble = load_shipped(run.root)
    found = evaluate_ensemble(ensemble, images_to_test(run.root, ensemble), batch_size=16)
    assert found.evaluation.images == written["images"] == 50
    # Version 0.1 counted in float32.
    assert found.evaluation.ensemble.top1 == pytest.approx(written["ensemble"]["top1"], rel=1e-7)
    assert found.evaluation.ensemble.nll == pytest.approx(written["ensemble"]["nll"], rel=1e-4)
    kept = safetensors.torch.load_file(run.predictions)
    torch.testing.assert_close(found.logits, kept["logits"], rtol=1e-4, atol=1e-5)
    assert torch.equal(found.targets, kept["targets"])


def test_a_stopped_run_is_gone_on_with_to_the_same_end(tmp_path):
    shutil.copytree(SAVED / "stopped", tmp_path / "run")
    result = fit(load_recipe(tmp_path / "run" / "config.yaml"), tmp_path / "run", resume=True)
    assert result.evaluation is not None
    ended, whole = RunFolder(tmp_path / "run"), RunFolder(SAVED / "run")
    rows = [path.metrics.read_text().splitlines() for path in (ended, whole)]
    assert len(rows[0]) == len(rows[1]) == 4
    more = rows[0][0].removeprefix(rows[1][0]).split(",")[1:]
    # Version 0.1 did not count these.
    assert more == ["train_disagreement", "val_disagreement"]
    for one, other in zip(rows[0][1:], rows[1][1:], strict=True):
        numbers = [[float(number) for number in row.split(",")] for row in (one, other)]
        assert numbers[0][:-2] == pytest.approx(numbers[1], rel=1e-3)
    assert [row.split(",")[-2:].count("nan") for row in rows[0][1:]] == [2, 2, 0]


def small() -> nn.Module:
    """The network that was divided and saved."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(32, 3),
    )


def test_an_ensemble_of_a_users_own_network_answers_as_it_did():
    cotrain.register_builder("saved_network", small)
    ensemble = Ensemble.load(SAVED / "foreign")
    assert ensemble.spec.classes == ("cat", "dog", "owl")
    images = torch.arange(128.0).view(2, 1, 8, 8).div(128)
    written = torch.tensor(json.loads((SAVED / "foreign" / "answers.json").read_bytes()))
    torch.testing.assert_close(ensemble.predict(images), written)


def test_the_spec_of_a_divided_library_network_builds_the_same_network():
    record = json.loads((SAVED / "vit.json").read_bytes())
    spec = EnsembleSpec.from_dict(record["spec"])
    network = on_meta(lambda: build(spec.network))
    assert spec.into * count_params(network) == record["params"]
    assert spec.to_dict() == record["spec"]
