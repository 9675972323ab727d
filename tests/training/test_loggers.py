"""What loggers show of a run: curves in groups, views, settings and what came of them."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
from training_runs import read_metrics, tiny

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.training import fit, loggers
from cotrain.training.curve_names import grouped
from cotrain.training.first_views import first_views
from cotrain.training.from_experiment import experiment_images

CURVES = {
    "accuracy/train": "train_accuracy",
    "accuracy/train_network_1": "train_accuracy_1",
    "accuracy/val": "val_accuracy",
    "accuracy/val_network_0": "val_accuracy_0",
    "loss/train": "train_loss",
    "loss/train_cross_entropy": "train_cross_entropy",
    "loss/train_divergence": "train_divergence",
    "loss/val_nll": "val_nll",
    "diversity/train_disagreement": "train_disagreement",
    "diversity/val_disagreement": "val_disagreement",
    "schedule/learning_rate": "learning_rate",
    "schedule/co_training_weight": "co_training_weight",
    "run/epoch": "epoch",
    "run/skipped_steps": "skipped_steps",
}


SETTINGS = tiny(data={"validation": 0.2}, logger="csv,tensorboard")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, EventAccumulator, float]:
    folder = tmp_path_factory.mktemp("tensorboard") / "run"
    result = fit(SETTINGS, folder, progress=False)
    assert result.evaluation is not None
    events = EventAccumulator(str(folder / "tensorboard"))
    return folder, events.Reload(), result.evaluation.ensemble.nll


def test_curves_are_the_rows_of_the_table_in_groups(run) -> None:
    folder, events, _ = run
    rows = read_metrics(folder)
    for curve, name in CURVES.items():
        points = events.Scalars(curve)
        assert [point.value for point in points] == pytest.approx([row[name] for row in rows])
        assert [point.step for point in points] == [row["step"] for row in rows]
    assert {name.split("/")[0] for name in events.Tags()["scalars"]} == {
        *("accuracy", "loss", "diversity", "schedule", "run", "test")
    }


def test_every_column_has_a_curve_of_its_own(run) -> None:
    row = read_metrics(run[0])[0]
    assert len(grouped(row)) == len(row) - 1  # but for the step


def test_settings_stand_beside_what_came_of_them(run) -> None:
    _, events, nll = run
    assert events.Scalars("test/nll")[0].value == pytest.approx(nll)
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    data = plugin_data_pb2.HParamsPluginData.FromString(content)  # pyright: ignore
    settings = data.session_start_info.hparams
    assert settings["into"].number_value == 2
    assert settings["optimizer.lr"].number_value == pytest.approx(0.1)
    assert settings["network"].string_value == "basic_resnet8_4"
    assert settings["hardware.threads"].string_value == "None"
    assert settings["views.flip"].bool_value is False


def test_views_are_those_of_the_first_step(run) -> None:
    _, events, _ = run
    found = first_views(SETTINGS, experiment_images(SETTINGS), 8)
    [logged] = events.Images("views")
    with Image.open(io.BytesIO(logged.encoded_image_string)) as image:
        pixels = np.asarray(image)[..., 0]
    # 8 rows of 3 images of 8 pixels, with a pixel between and around.
    assert pixels.shape == (8 * 9 + 1, 3 * 9 + 1)
    for row in range(8):
        expected = [found.originals[row, 0], *found.views[:, row, 0]]
        for column, image in enumerate(expected):
            top, left = 9 * row + 1, 9 * column + 1
            assert (pixels[top : top + 8, left : left + 8] == image.numpy()).all()


def test_csv_has_the_same_curves(run) -> None:
    folder, _, nll = run
    with open(folder / "csv" / "metrics.csv", encoding="utf-8") as file:
        *epochs, outcome = csv.DictReader(file)
    rows = read_metrics(folder)
    for curve, name in CURVES.items():
        assert [float(epoch[curve]) for epoch in epochs] == [row[name] for row in rows]
    assert float(outcome["test/nll"]) == pytest.approx(nll)


def test_a_run_that_goes_on_keeps_what_was_logged(tmp_path) -> None:
    settings = tiny(logger="csv")
    fit(settings, tmp_path / "run", progress=False)
    fit(settings, tmp_path / "run", resume=True, progress=False)
    assert not (tmp_path / "run" / "tensorboard").exists()
    first, *after = sorted(tmp_path.glob("run/csv*/metrics.csv"))
    assert first.read_text().count("\n") == 4
    assert [each.parent.name for each in after] == ["csv-from-step-10"]


def test_another_logger_is_refused_where_a_run_goes_on(tmp_path) -> None:
    fit(tiny(epochs=1), tmp_path / "run", progress=False)
    with pytest.raises(
        ConfigError, match='says logger: "tensorboard", the settings given say "csv'
    ):
        fit(tiny(epochs=1, logger="csv"), tmp_path / "run", resume=True, progress=False)


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_package_that_is_not_installed_is_named(tmp_path, monkeypatch, name) -> None:
    monkeypatch.setattr("cotrain.training.loggers.find_spec", lambda package: None)
    with pytest.raises(ConfigError, match=f"logger={name} needs a package: pip install {name}$"):
        fit(tiny(logger=f"tensorboard,{name}"), tmp_path / "run", progress=False)
    assert not (tmp_path / "run" / "config.yaml").exists()


def test_mlflow_writes_into_a_database_of_the_run_if_nothing_else_is_said(
    tmp_path, monkeypatch
) -> None:
    asked = []
    monkeypatch.setattr(loggers, "find_spec", lambda package: package)
    monkeypatch.setattr(loggers, "MLFlowLogger", lambda **arguments: asked.append(arguments))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for uri in (f"sqlite:///{tmp_path}/run/mlflow.db", "http://tracking:5000"):
        loggers.build_loggers(tiny(logger="mlflow"), RunFolder(tmp_path / "run"), None)
        assert asked.pop() == {"experiment_name": "cotrain", "run_name": "run", "tracking_uri": uri}
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")
