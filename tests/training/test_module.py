"""Training steps through ``fit`` against plain PyTorch loops, formulas, and each other."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from training_runs import (
    final_state,
    final_weights,
    make_loss_infinite,
    read_metrics,
    same,
    tiny,
)

from cotrain.config import Experiment, Views
from cotrain.data import Splits, load_splits
from cotrain.ensemble.divide import divide
from cotrain.ensemble.ensemble import Ensemble
from cotrain.execution import Acceleration, Choice
from cotrain.networks import spec_for_images
from cotrain.training import fit
from cotrain.training.datamodule import Loaders


def initial(experiment: Experiment) -> Ensemble:
    """The ensemble that a run on digits starts with."""
    large = spec_for_images(experiment.network, num_classes=10, in_channels=1, image_size=8)
    initialization = experiment.co_training.initialization
    return divide(large, experiment.into, seed=experiment.seed, initialization=initialization)


def batches(experiment: Experiment, splits: Splits, epoch: int) -> list:
    loader: Any = Loaders(experiment, splits).training()
    loader.sampler.set_epoch(epoch)
    return list(loader)


def plain_sgd(network: nn.Module) -> torch.optim.SGD:
    weights = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": 5e-4}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True)


def train_plainly(
    network: nn.Module, experiment: Experiment, left_out: range = range(0)
) -> list[dict[str, Tensor]]:
    """A loop anybody would write for one network: its states after every step.

    A step takes the mean over ``accumulate`` batches, or over those that an epoch has left;
    batches of an epoch may be left out.
    """
    splits, several = load_splits(experiment.data), experiment.optimizer.accumulate
    optimizer, states, step = plain_sgd(network), [], 0
    total = experiment.epochs * math.ceil(len(splits.train) // experiment.batch_size / several)
    for epoch in range(experiment.epochs):
        every = list(enumerate(batches(experiment, splits, epoch)))
        for start in range(0, len(every), several):
            kept = [batch for i, batch in every[start : start + several] if i not in left_out]
            for group in optimizer.param_groups:
                group["lr"] = 0.1 * (0.5 * (1 + math.cos(math.pi * (step / total))))
            optimizer.zero_grad()
            for images, targets in kept:
                (F.cross_entropy(network(images[0]), targets) / len(kept)).backward()
            if experiment.optimizer.clip is not None:
                nn.utils.clip_grad_norm_(network.parameters(), experiment.optimizer.clip)
            optimizer.step()
            step += 1
            states.append({k: v.clone() for k, v in network.state_dict().items()})
    return states


def test_one_network_is_plain_training(tmp_path: Path) -> None:
    experiment = tiny(into=1, epochs=5)
    fit(experiment, tmp_path / "run", progress=False)
    states = train_plainly(initial(experiment).networks[0], experiment)
    assert len(states) == 25
    trained = final_weights(tmp_path / "run")
    assert same(trained, {f"ensemble.networks.0.{k}": v for k, v in states[-1].items()})


@pytest.mark.parametrize(
    ("accumulate", "steps", "clip", "left_out"),
    [
        (2, 3, None, range(0)),  # of 2, 2 and 1 batches
        (3, 2, None, range(0)),  # of 3 and 2
        (8, 1, None, range(0)),  # of 5
        (4, 2, 0.5, range(0)),  # the mean is clipped, not its part
        (3, 2, None, range(1, 2)),  # of 2 and 2, as one is skipped
        (3, 2, None, range(2, 4)),  # of 2 and 1
    ],
)
def test_a_step_takes_the_mean_over_the_batches_that_there_are(
    tmp_path: Path, monkeypatch, accumulate: int, steps: int, clip: float | None, left_out: range
) -> None:
    optimizer = {"accumulate": accumulate, "clip": clip}
    experiment = tiny(into=1, optimizer=optimizer, on_nan="skip" if left_out else "error")
    states = train_plainly(initial(experiment).networks[0], experiment, left_out)
    for epoch in range(experiment.epochs):
        make_loss_infinite(monkeypatch, left_out, epoch)
    fit(experiment, tmp_path / "run", progress=False)
    assert len(states) == final_state(tmp_path / "run")["global_step"] == 2 * steps
    trained = final_weights(tmp_path / "run")
    for name, value in states[-1].items():
        torch.testing.assert_close(trained[f"ensemble.networks.0.{name}"], value)


@pytest.mark.parametrize("decay", [0.8, 0.95])
def test_average_follows_the_formula(tmp_path: Path, decay: float) -> None:
    experiment = tiny(into=1, ema=decay)
    fit(experiment, tmp_path / "run", progress=False)
    network = initial(experiment).networks[0]
    average = {k: v.double() for k, v in network.state_dict().items()}
    used = min(decay, 0.9)  # it rises above only after 80 steps
    for state in train_plainly(network, experiment):
        for name, value in state.items():
            counter = name.endswith("num_batches_tracked")
            average[name] = value.double() if counter else used * average[name] + (1 - used) * value
    saved = final_state(tmp_path / "run")["state_dict"]
    assert any(name.endswith("running_var") for name in average)
    for name, value in average.items():
        own = saved[f"average.ensemble.networks.0.{name}"].double()
        torch.testing.assert_close(own, value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("ema", [None, 0.8])
def test_one_at_a_time_equals_together_without_coupling(tmp_path: Path, ema: float | None) -> None:
    for together in (True, False):
        options = {"weight": 0.0, "together": together}
        experiment = tiny(epochs=2, ema=ema, co_training=options)
        fit(experiment, tmp_path / str(together), progress=False)
    states = [final_state(tmp_path / str(together))["state_dict"] for together in (True, False)]
    assert same(*states)
    rows = read_metrics(tmp_path / "False")
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3]
    assert [row["learning_rate"] for row in rows[:2]] == [row["learning_rate"] for row in rows[2:]]
    assert math.isnan(rows[0]["train_accuracy_1"])
    assert math.isnan(rows[3]["train_accuracy_0"])


def test_losses_of_the_networks_are_summed(tmp_path: Path) -> None:
    """Without the divergence each network is trained as if alone on its view."""
    experiment = tiny(views={"same_view": True}, co_training={"weight": 0.0})
    fit(experiment, tmp_path / "run", progress=False)
    trained = final_weights(tmp_path / "run")
    for index, network in enumerate(initial(experiment).networks):
        state = train_plainly(network, experiment)[-1]
        for name, value in state.items():
            own = trained[f"ensemble.networks.{index}.{name}"]
            torch.testing.assert_close(own, value, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("same_view", [True, False])
def test_identical_networks_with_the_same_view_stay_identical(
    tmp_path: Path, same_view: bool
) -> None:
    experiment = tiny(views={"same_view": same_view}, co_training={"initialization": "identical"})
    fit(experiment, tmp_path / "run", progress=False)
    weights = final_weights(tmp_path / "run")
    first = {k.split(".", 3)[3]: v for k, v in weights.items() if "networks.0." in k}
    second = {k.split(".", 3)[3]: v for k, v in weights.items() if "networks.1." in k}
    assert same(first, second) == same_view


def test_divergence_pulls_the_networks_together(tmp_path: Path) -> None:
    rows = {}
    for weight in (0.0, 5.0):
        options = {"weight": weight, "ramp_epochs": 0.0}
        fit(tiny(epochs=4, co_training=options), tmp_path / str(weight), progress=False)
        rows[weight] = read_metrics(tmp_path / str(weight))[-1]
    assert rows[5.0]["train_divergence"] < rows[0.0]["train_divergence"]
    row = rows[5.0]
    total = row["train_cross_entropy"] + 5.0 * row["train_divergence"]
    assert row["train_loss"] == pytest.approx(total, rel=1e-6)


def test_accumulated_batches_are_one_big_batch(tmp_path: Path, monkeypatch) -> None:
    """Equal but for rounding where no layer looks at the whole batch: without BatchNorm."""
    monkeypatch.setattr(nn.BatchNorm2d, "forward", lambda self, images: images)
    for batch_size, accumulate in ((40, 1), (20, 2)):
        experiment = tiny(
            batch_size=batch_size,
            views={"crop": "none", "padding": Views().padding},
            optimizer={"accumulate": accumulate, "lr": 0.01},
        )
        fit(experiment, tmp_path / str(accumulate), progress=False)
    one, two = (final_weights(tmp_path / name) for name in "12")
    assert final_state(tmp_path / "1")["global_step"] == 4
    assert final_state(tmp_path / "2")["global_step"] == 4
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"fused": True}], ids=["plain", "as on a GPU"])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_clipping_bounds_the_step(tmp_path: Path, precision, options: dict[str, bool]) -> None:
    """The first plain SGD step moves all networks together by at most lr * clip."""
    plain = {"name": "momentum", "momentum": 0.0, "weight_decay": 0.0, "clip": 1e-3}
    experiment = tiny(
        epochs=1,
        batch_size=80,
        optimizer={**plain, "options": options},
        hardware={"precision": precision},
    )
    fit(experiment, tmp_path / "run", progress=False)
    weights = final_weights(tmp_path / "run")
    moved = [
        (weights[f"ensemble.{name}"] - value).norm()
        for name, value in initial(experiment).named_parameters()
    ]
    assert torch.stack(moved).norm().item() == pytest.approx(0.1 * 1e-3, rel=1e-2)


def test_learning_rate_of_zero_changes_no_weight(tmp_path: Path) -> None:
    experiment = tiny(optimizer={"lr": 0.0})
    fit(experiment, tmp_path / "run", progress=False)
    weights = final_weights(tmp_path / "run")
    for name, value in initial(experiment).named_parameters():
        assert torch.equal(weights[f"ensemble.{name}"], value)
    assert [row["learning_rate"] for row in read_metrics(tmp_path / "run")] == [0.0, 0.0]


def test_auto_is_measured_in_the_precision_and_layout_of_training(tmp_path, monkeypatch):
    asked: list[Any] = []

    def chosen(networks, shape, *, device, dtype, training, channels_last):
        with training():
            asked.append((shape, str(device), dtype, channels_last))
            asked.append(torch.get_autocast_dtype("cpu"))
            asked.append(torch.is_autocast_enabled("cpu"))
        return Choice(strategy="loop", acceleration=Acceleration(), reason="measured")

    monkeypatch.setattr("cotrain.training.from_experiment.choose", chosen)
    settings = {"execution": "auto", "precision": "bf16-mixed", "channels_last": True}
    fit(tiny(epochs=1, hardware=settings), tmp_path / "run", progress=False)
    assert asked == [((2, 16, 1, 8, 8), "cpu", torch.float32, True), torch.bfloat16, True]


def test_auto_is_the_loop_for_networks_that_take_turns(tmp_path, monkeypatch, capsys):
    """Nothing else can be, so that nothing is measured."""
    monkeypatch.setattr(
        "cotrain.training.from_experiment.choose", lambda *_, **__: pytest.fail("measured")
    )
    settings = {"hardware": {"execution": "auto"}, "co_training": {"together": False}}
    fit(tiny(epochs=1, **settings), tmp_path / "run", progress=False)
    assert "hardware.execution=auto: loop, as networks take turns" in capsys.readouterr().out
    monkeypatch.undo()
    other = {**settings, "hardware": {"execution": "loop"}}
    fit(tiny(epochs=1, **other), tmp_path / "loop", progress=False)
    assert same(final_weights(tmp_path / "run"), final_weights(tmp_path / "loop"))
