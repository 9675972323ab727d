"""Curves are those of ``metrics.csv``."""

import math

import numpy as np
import pytest
from matplotlib.lines import Line2D
from pictures import check_apart

from cotrain.basics.errors import ConfigError
from cotrain.report.page.curves import comparing_curves, curves, epoch_table, read_metrics

HEADER = (
    "epoch,step,train_accuracy,train_accuracy_0,train_accuracy_1,train_loss,train_cross_entropy,"
    "train_divergence,learning_rate,co_training_weight,skipped_steps"
)
ROWS = ("0,2,0.5,0.4,0.3,4.0,3.9,0.2,0.1,0.5,0", "1,4,0.75,0.5,nan,2.0,1.9,0.1,0.1,0.5,0")


def values(line: Line2D) -> list[float]:
    return np.asarray(line.get_ydata()).tolist()


@pytest.fixture
def metrics(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("\n".join([HEADER, *ROWS]) + "\n")
    return read_metrics(path)


def test_columns_are_read(metrics, tmp_path):
    assert metrics["train_accuracy"] == [0.5, 0.75]
    assert math.isnan(metrics["train_accuracy_1"][1])
    assert read_metrics(tmp_path / "none.csv") == {}


@pytest.mark.parametrize("text", ["epoch\n1\n2,3\n", "a,b\n1,2\n", "epoch\nx\n", "epoch,b\n1\n"])
def test_a_damaged_file_is_named(tmp_path, text):
    path = tmp_path / "metrics.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"metrics.csv is damaged: restore it"):
        read_metrics(path)


def test_every_network_and_the_ensemble_have_a_curve(metrics):
    accuracy, loss, together = curves(metrics)
    lines = {line.get_label(): values(line) for line in accuracy.figure.axes[0].lines}
    assert lines["ensemble"] == [50, 75]
    assert lines["network 0"] == [40, 50]
    assert list(lines) == ["ensemble", "network 0", "network 1"]
    assert accuracy.alt.endswith("in the last: ensemble 75, network 0 50, network 1 30.")
    assert [spot[1:3] for spot in accuracy.spots if "network 1" in spot.text] == [(0, 30)]
    assert len(loss.figure.axes[0].lines) == 2
    assert values(together.figure.axes[0].lines[0]) == [0.2, 0.1]
    for picture in (accuracy, loss, together):
        check_apart(picture.figure)


def test_networks_that_are_not_pulled_together_have_no_such_picture(metrics):
    alone = {**metrics, "train_divergence": [0.0, 0.0]}
    assert [each.name for each in curves(alone)] == ["accuracy", "loss"]


def test_disagreement_is_drawn_where_it_was_counted(metrics):
    counted = {**metrics, "val_disagreement": [math.nan, 0.25], "train_disagreement": [0.5, 0.4]}
    *_, drawn = curves(counted)
    lines = {line.get_label(): values(line) for line in drawn.figure.axes[0].lines}
    assert drawn.name == "disagreement"
    assert lines["training images"] == [50, 40]
    assert lines["validation images"] == pytest.approx([math.nan, 25], nan_ok=True)
    assert drawn.alt.endswith("in the last: validation images 25, training images 40.")
    check_apart(drawn.figure)
    one = {**metrics, "train_disagreement": [0.0, 0.0]}
    assert "disagreement" not in [each.name for each in curves(one)]


def test_candidates_are_compared_by_their_disagreement_where_all_have_it(metrics):
    counted = {**metrics, "train_disagreement": [0.5, 0.25]}
    other = {**metrics, "train_disagreement": [0.25, 0.25]}
    *_, drawn = comparing_curves({"S=2": [counted, other]})
    assert drawn.title == "How often two networks name different classes on the training images, %"
    assert values(drawn.figure.axes[0].lines[0]) == [37.5, 25]
    assert len(comparing_curves({"S=2": [counted, metrics]})) == 2


def test_runs_of_other_lengths_have_a_mean_up_to_the_shorter(metrics):
    first = {name: values[:1] for name, values in metrics.items()}
    double = {name: [2 * value for value in values] for name, values in metrics.items()}
    accuracy, divergence = comparing_curves({"S=1": [first], "S=2": [metrics, double]})
    lines = [values(line) for line in accuracy.figure.axes[0].lines]
    assert lines == [[50], [75, 112.5]]
    assert divergence.numbers is not None
    assert [row.cells for row in divergence.numbers.rows if row] == [
        [["0"], ["0.2"], ["0.3"]],
        [["1"], ["-"], ["0.15"]],
    ]
    check_apart(accuracy.figure)


def test_of_many_epochs_some_stand_in_the_table():
    table = epoch_table(range(250), {"ensemble": [float(each) for each in range(250)]})
    epochs = [row.cells[0][0] for row in table.rows if row]
    assert epochs[:3] == ["0", "3", "6"]
    assert epochs[-1] == "249"
    assert len(epochs) == 84
