"""A cascade is fitted to a tolerance or a budget, and keeps to it on images it has not seen."""

from dataclasses import replace

import pytest
import torch
from cascades import answers_of

from cotrain import ConfigError
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.stages import answer_in_stages
from cotrain.evaluation.cascade.fitting import CascadeFit, fit_cascade

LOGITS, TARGETS = answers_of((3, 300, 5), right=4.0)


def run(found: CascadeFit, logits, targets):
    """Accuracy and share of really running the cascade on these answers; images are their index."""
    indices = torch.arange(len(targets))

    def ask(index, some):
        return logits[index, some]

    answers = answer_in_stages(ask, indices, logits.shape[-1], found.cascade, None)
    hit = answers.log_p.argmax(-1) == targets
    return hit.double().mean().item(), answers.share


@pytest.mark.parametrize("signal", ["probability", "margin", "entropy", "agreement"])
@pytest.mark.usefixtures("unchecked")
def test_what_is_said_is_what_running_gives(signal):
    found = fit_cascade(LOGITS, TARGETS, tolerance=2, signal=signal)
    accuracy, share = run(found, LOGITS, TARGETS)
    assert found.cascade.signal == signal
    assert (accuracy, share) == pytest.approx((found.fitted.accuracy, found.fitted.share))
    assert share == pytest.approx(found.cascade.share)
    assert sum(found.left) == pytest.approx(1)
    ends = [*(each.networks for each in found.cascade.stages), 3]
    assert share == pytest.approx(sum(a * b for a, b in zip(ends, found.left, strict=True)) / 3)
    assert found.full == (LOGITS.mean(0).argmax(-1) == TARGETS).double().mean()
    assert found.alone == tuple((LOGITS.argmax(-1) == TARGETS).double().mean(1).tolist())
    assert found.prefixes[-1].accuracy == found.full
    assert found.full - found.cascade.accuracy <= 0.02


@pytest.mark.usefixtures("unchecked")
def test_new_images_lose_about_as_much_as_was_expected():
    seen = answers_of((3, 1000, 5), right=4.0, seed=1)
    logits, targets = answers_of((3, 20_000, 5), right=4.0, seed=2)
    full = (logits.mean(0).argmax(-1) == targets).double().mean().item()
    for tolerance in (0.3, 2):
        found = fit_cascade(*seen, tolerance=tolerance, signal="probability")
        accuracy, share = run(found, logits, targets)
        assert full - accuracy <= 1.5 * tolerance / 100
        assert share == pytest.approx(found.cascade.share, abs=0.05)
        assert share < 0.9


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("budget", [1 / 3, 0.5, 1.0])
def test_a_budget_is_kept_and_spent_well(budget):
    found = fit_cascade(LOGITS, TARGETS, budget=budget)
    _, share = run(found, LOGITS, TARGETS)
    assert share <= budget + 1e-9
    assert found.cascade.accuracy <= found.full
    if budget == 1:
        assert found.cascade.accuracy == pytest.approx(found.full)


def test_the_curve_rises_and_ends_with_the_full_ensemble():
    found = fit_cascade(LOGITS, TARGETS, tolerance=1)
    shares, accuracies = zip(*((each.share, each.accuracy) for each in found.curve), strict=True)
    assert list(shares) == sorted(set(shares))
    assert list(accuracies) == sorted(set(accuracies))
    assert shares[0] == pytest.approx(1 / 3)
    assert accuracies[-1] == pytest.approx(found.full)


def test_no_loss_at_all_asks_every_network():
    found = fit_cascade(LOGITS, TARGETS, tolerance=0)
    assert found.cascade.stages == ()
    assert found.fitted.share == 1
    assert found.fitted.accuracy == found.full


@pytest.mark.parametrize("into", [2, 4, 8])
def test_other_numbers_of_networks(into):
    logits, targets = answers_of((into, 60, 3), right=5.0)
    found = fit_cascade(logits, targets, tolerance=5, signal="margin")
    assert sorted(found.cascade.order) == list(range(into))
    assert len(found.cascade.stages) <= 3
    assert found.cascade.share < 1


@pytest.mark.parametrize("classes", [1, 3])
def test_images_of_one_class_alone(classes):
    logits, targets = torch.randn(2, 40, classes), torch.zeros(40, dtype=torch.long)
    logits[..., 0] += 8
    found = fit_cascade(logits, targets, tolerance=5)
    assert found.full == found.fitted.accuracy == 1
    assert found.fitted.share == 0.5


def test_equal_answers_leave_together():
    """Of networks that always say the same, nothing is lost by asking one."""
    logits = torch.zeros(3, 30, 4)
    logits[..., 1] = 2
    found = fit_cascade(logits, torch.ones(30, dtype=torch.long), tolerance=3)
    assert set(found.left) <= {0.0, 1.0}


def test_the_calibration_is_that_of_the_full_ensemble():
    """Weights that leave the others out make the first network the full ensemble."""
    calibration = Calibration(combine="mean_logits", weights=(1.0, 0.0, 0.0), images=9)
    found = fit_cascade(LOGITS, TARGETS, calibration=calibration, tolerance=1, signal="margin")
    assert found.full == found.alone[0]
    assert found.cascade.order[0] == 0


@pytest.mark.parametrize(
    ("shape", "wishes", "message"),
    [
        ((1, 30, 3), {}, "asks some of S networks, and this is one"),
        ((2, 19, 3), {}, "19 images are too few.*at least 20"),
        ((2, 30, 3), {"tolerance": 0.1, "budget": 0.5}, "bound the loss or the work, not both"),
        ((2, 30, 3), {"tolerance": -1.0}, r"tolerance=-1.0 is not in \[0, 100\)"),
        ((2, 30, 3), {"budget": 0.4}, r"budget=0.4 is not in \[0.5, 1\]"),
        ((2, 30, 3), {"budget": float("nan")}, "budget=nan is not in"),
    ],
)
def test_what_has_no_sense_is_refused(shape, wishes, message):
    logits, targets = answers_of(shape, right=1.0)
    with pytest.raises(ConfigError, match=message):
        fit_cascade(logits, targets, **wishes)


def test_logits_that_are_no_numbers_are_refused():
    logits = LOGITS.clone()
    logits[1, 7] = float("nan")
    with pytest.raises(ConfigError, match="network 1 gives NaN"):
        fit_cascade(logits, TARGETS)


def test_work_is_counted_in_what_networks_cost_where_they_differ():
    """All networks are right and sure of all: the one that costs least is asked, and no other."""
    generator = torch.Generator().manual_seed(3)
    targets = torch.randint(3, (60,), generator=generator)
    logits = 20 * torch.nn.functional.one_hot(targets, 3).float().expand(3, -1, -1)
    logits = logits + torch.randn(3, 60, 3, generator=generator)
    macs = [50, 40, 10]
    found = fit_cascade(logits, targets, tolerance=5, signal="probability", macs=macs)
    assert found.cascade.costs == pytest.approx((0.5, 0.4, 0.1))
    assert found.cascade.order[0] == 2
    assert found.cascade.share == pytest.approx(0.1)
    assert found.fitted.share == pytest.approx(0.1)
    assert found.prefixes[-1].share == pytest.approx(1)
    asked = torch.tensor([1, 1, 2, 3])
    first, second, _ = (macs[each] / 100 for each in found.cascade.order)
    mean = (2 * first + (first + second) + 1) / 4
    assert found.cascade.mean_share(asked) == pytest.approx(mean)
    equal = fit_cascade(logits, targets, tolerance=5, signal="probability", macs=[7, 7, 7])
    assert equal.cascade.costs == ()
    assert equal.cascade.share == pytest.approx(1 / 3)
    with pytest.raises(ConfigError, match=r"budget=0.05 is not in \[0.1, 1\]"):
        fit_cascade(logits, targets, budget=0.05, macs=macs)
    with pytest.raises(ConfigError, match=r"cascade\.costs=.* are not shares"):
        replace(found.cascade, costs=(0.5, 0.5))
