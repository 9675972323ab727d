"""What is trained before its first step: its precision, in which all that looks at it answers."""

from pathlib import Path
from typing import Any

import pytest
from fine_tuned import write_weights
from training_runs import read_metrics, tiny

from cotrain.training import fit


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with trained weights in a file, and a run that can teach."""
    folder = tmp_path_factory.mktemp("start")
    write_weights(folder)
    fit(tiny(into=1, epochs=1), folder / "run", progress=False)
    return folder


@pytest.mark.parametrize(
    "settings",
    [
        {"teacher": {"run": "run"}},
        {"pretrained": "trained.pth", "fine_tuning": {"layer_decay": 0.8, "head_lr_scale": 2.0}},
        {"pretrained": "trained.pth", "fine_tuning": {"frozen_epochs": 1, "cached_views": 1}},
        {"co_training": {"member": 0}, "views": {"mixup": 0.4}},
        {"hardware": {"execution": "auto"}},
    ],
    ids=["teacher", "rates", "cached", "member", "auto"],
)
def test_float64_trains_as_float32_does(start, tmp_path, monkeypatch, settings: dict[str, Any]):
    monkeypatch.chdir(start)
    losses = []
    for precision in ("32-true", "64-true"):
        hardware = {"precision": precision, **settings.get("hardware", {})}
        sized_for = 1 if "pretrained" in settings else None
        experiment = tiny(**{**settings, "epochs": 1, "sized_for": sized_for, "hardware": hardware})
        folder = tmp_path / precision
        fit(experiment, folder, progress=False)
        found = folder / "member0" if "co_training" in settings else folder
        losses.append(read_metrics(found)[-1]["train_loss"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert losses[1] != losses[0]
