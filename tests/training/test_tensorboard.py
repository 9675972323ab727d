"""What TensorBoard reads of a run: curves in groups, settings and what came of them."""

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
from training_runs import read_metrics, tiny

from cotrain.training import fit
from cotrain.training.tensorboard import grouped

CURVES = {
    "accuracy/train": "train_accuracy",
    "accuracy/train_network_1": "train_accuracy_1",
    "accuracy/val": "val_accuracy",
    "accuracy/val_network_0": "val_accuracy_0",
    "loss/train": "train_loss",
    "loss/train_cross_entropy": "train_cross_entropy",
    "loss/train_divergence": "train_divergence",
    "loss/val_nll": "val_nll",
    "schedule/learning_rate": "learning_rate",
    "schedule/co_training_weight": "co_training_weight",
    "run/epoch": "epoch",
    "run/skipped_steps": "skipped_steps",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, EventAccumulator, float]:
    folder = tmp_path_factory.mktemp("tensorboard") / "run"
    result = fit(tiny(data={"validation": 0.2}), folder, progress=False)
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
        *("accuracy", "loss", "schedule", "run", "test")
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
