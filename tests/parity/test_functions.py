"""Losses, schedules and RMSprop against recorded float64 values of the paper's implementation."""

import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cotrain import config
from cotrain.ensemble.losses import CoTrainingLoss, co_training_weight, js_divergence, kl_divergence
from cotrain.training.optimization import build_optimizer
from cotrain.training.schedules import learning_rate

HERE = Path(__file__).parent
LOSSES = json.loads((HERE / "losses.json").read_text())
SCHEDULES = json.loads((HERE / "schedules.json").read_text())
RMSPROP = json.loads((HERE / "rmsprop.json").read_text())
DIVERGENCES = {"js": js_divergence, "kl": kl_divergence}
PAPER_RAMP = {"weight": 0.5, "ramp_epochs": 40}


def float64(values) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def exactly(expected: float):
    return pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("case", LOSSES["divergences"], ids=lambda c: f"S{len(c['logits'])}")
@pytest.mark.parametrize("name", ["js", "kl"])
def test_divergence_has_the_recorded_value(case, name):
    divergence = DIVERGENCES[name](float64(case["logits"])).item()
    assert divergence == exactly(case[name])
    weighted = {row[1]: row[2] for row in case["weighted"] if row[0] == name}
    assert len(weighted) == 6
    for epoch, value in weighted.items():
        weight = co_training_weight(epoch, weight=case["weight"], ramp_epochs=case["ramp_epochs"])
        assert weight * divergence == exactly(value)


@pytest.mark.parametrize("case", LOSSES["divergences"], ids=lambda c: f"S{len(c['logits'])}")
@pytest.mark.parametrize("which", range(4))
def test_divergence_has_the_recorded_gradient(case, which):
    recorded = case["gradients"][which]
    logits = float64(case["logits"]).requires_grad_()
    weight = co_training_weight(
        recorded["epoch"], weight=case["weight"], ramp_epochs=case["ramp_epochs"]
    )
    (weight * DIVERGENCES[recorded["divergence"]](logits)).backward()
    torch.testing.assert_close(logits.grad, float64(recorded["gradient"]), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("case", LOSSES["ramps"], ids=lambda c: f"W{c['ramp_epochs']}")
def test_weight_has_the_recorded_ramp(case):
    ramp = {"weight": case["weight"], "ramp_epochs": case["ramp_epochs"]}
    assert [co_training_weight(epoch, **ramp) for epoch in case["epochs"]] == case["values"]


def test_label_smoothing_has_the_recorded_value():
    case = LOSSES["label_smoothing"]
    logits, targets = float64(case["logits"])[None], torch.tensor(case["targets"])
    smoothed = CoTrainingLoss(label_smoothing=case["label_smoothing"])(logits, targets)
    assert smoothed.total.item() == exactly(case["mean"])
    assert CoTrainingLoss()(logits, targets).total.item() == exactly(case["plain_mean"])


@pytest.mark.parametrize("mixed", [False, True], ids=["plain", "mixup-as-soft-targets"])
@pytest.mark.parametrize("case", LOSSES["whole_loss"])
def test_whole_loss_has_the_recorded_terms(case, mixed):
    """The recorded logits [B, S*C] hold the networks side by side."""
    logits, targets = float64(case["logits"]), torch.tensor(case["targets"])
    recorded = case["mixup"] if mixed else case
    if mixed:
        share, order = recorded["share"], recorded["order"]
        shares = F.one_hot(targets, logits.shape[1] // case["into"]).double()
        logits, targets = (share * each + (1 - share) * each[order] for each in (logits, shares))
    logits = torch.stack(logits.chunk(case["into"], dim=1))
    weight = co_training_weight(case["epoch"], **PAPER_RAMP)
    loss = CoTrainingLoss(label_smoothing=case["label_smoothing"])
    terms = loss(logits, targets, weight=weight)
    assert terms.cross_entropy.item() == exactly(recorded["cross_entropy"])
    assert weight * terms.divergence.item() == exactly(recorded["weighted_divergence"])
    assert terms.total.item() == exactly(recorded["total"])
    torch.testing.assert_close(
        logits.mean(dim=0), float64(recorded["mean_logits"]), rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize("case", LOSSES["whole_loss"])
def test_cross_entropy_of_validation_is_a_sum_too(case):
    logits = float64(case["validation"]["logits"]).expand(case["into"], -1, -1)
    loss = CoTrainingLoss(label_smoothing=case["label_smoothing"])
    terms = loss(logits, torch.tensor(case["targets"]))
    assert terms.cross_entropy.item() == exactly(case["validation"]["cross_entropy"])


@pytest.mark.parametrize("case", SCHEDULES, ids=lambda c: c["case"])
def test_schedule_has_the_recorded_points(case):
    for step, expected in case["points"]:
        rate = learning_rate(
            step,
            schedule=config.Schedule(**case["schedule"]),
            lr=case["lr"],
            epochs=case["epochs"],
            steps_per_epoch=case["steps_per_epoch"],
        )
        assert rate == pytest.approx(expected, rel=1e-11, abs=0), f"step {step}"


def test_rmsproptf_takes_the_recorded_steps():
    module = nn.Module()
    module.weight, module.bias = (nn.Parameter(float64(values)) for values in RMSPROP["start"])
    settings = config.Optimizer(
        name="rmsproptf",
        lr=0.1,
        momentum=RMSPROP["momentum"],
        weight_decay=RMSPROP["weight_decay"],
        decayed="paper",
        options=RMSPROP["options"],
    )
    optimizer = build_optimizer(module, settings, into=1)
    for step in RMSPROP["steps"]:
        for group in optimizer.param_groups:
            group["lr"] = step["lr"]
        for parameter, gradient in zip(module.parameters(), step["gradients"], strict=True):
            parameter.grad = float64(gradient)
        optimizer.step()
        for parameter, expected in zip(module.parameters(), step["parameters"], strict=True):
            torch.testing.assert_close(parameter.data, float64(expected), rtol=1e-12, atol=0)
