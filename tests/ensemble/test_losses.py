"""The co-training loss: independent formulas, properties, extremes, and S=1 to the bit."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from of_networks import gradient_of
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.ensemble.losses import CoTrainingLoss, co_training_weight, js_divergence, kl_divergence

DIVERGENCES = {"js": js_divergence, "kl": kl_divergence}
NAMES = pytest.mark.parametrize("name", ["js", "kl"])


def random_logits(into: int, batch: int, classes: int, *, seed: int = 0, scale=3.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(into, batch, classes, dtype=torch.float64, generator=generator)


def entropy(p: Tensor) -> Tensor:
    return -(p * p.log()).sum(-1)


def textbook_js(logits: Tensor) -> Tensor:
    p = logits.softmax(-1)
    return (entropy(p.mean(0)) - entropy(p).mean(0)).mean()


def textbook_kl(logits: Tensor) -> Tensor:
    p, into = logits.softmax(-1), len(logits)
    total = logits.new_zeros(())
    for i in range(into):
        for j in set(range(into)) - {i}:
            target = p[j].detach()
            total = total + (target * (target.log() - p[i].log())).sum(-1).mean()
    return total / (into - 1)


@NAMES
@pytest.mark.parametrize("into", [2, 3, 8])
def test_divergence_and_its_gradient_match_the_textbook(name, into):
    ours = random_logits(into, 4, 5).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    textbook = {"js": textbook_js, "kl": textbook_kl}[name](theirs)
    divergence = DIVERGENCES[name](ours)
    divergence.backward()
    textbook.backward()
    torch.testing.assert_close(divergence, textbook, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-11, atol=1e-14)


@given(
    into=st.integers(2, 6),
    classes=st.integers(2, 8),
    seed=st.integers(0, 10_000),
    scale=st.floats(0.0, 1e4),
)
def test_divergences_are_bounded_and_do_not_depend_on_the_order(into, classes, seed, scale):
    logits = random_logits(into, 3, classes, seed=seed, scale=scale)
    js, kl = js_divergence(logits).item(), kl_divergence(logits).item()
    assert -1e-12 <= js <= math.log(into) + 1e-12
    assert kl >= -1e-12
    assert js_divergence(logits.flip(0)).item() == pytest.approx(js, rel=1e-12, abs=1e-12)
    assert kl_divergence(logits.flip(0)).item() == pytest.approx(kl, rel=1e-12, abs=1e-12)


@given(into=st.integers(2, 6), seed=st.integers(0, 10_000), scale=st.floats(0.0, 1e4))
def test_divergences_of_equal_networks_are_zero(into, seed, scale):
    logits = random_logits(1, 3, 5, seed=seed, scale=scale).expand(into, -1, -1)
    assert abs(js_divergence(logits).item()) < 1e-11
    assert abs(kl_divergence(logits).item()) < 1e-11


def test_js_of_networks_that_share_no_class_is_log_s():
    assert js_divergence(1e4 * torch.eye(4)[:, None]).item() == pytest.approx(math.log(4))


@NAMES
def test_gradient_with_the_others_held_constant_is_the_total_partial_derivative(name):
    """Hence networks on different devices need to exchange predictions only."""
    logits = random_logits(3, 4, 5).requires_grad_()
    DIVERGENCES[name](logits).backward()
    for i in range(3):
        own = logits[i].detach().clone().requires_grad_()
        others = [own if j == i else logits[j].detach() for j in range(3)]
        DIVERGENCES[name](torch.stack(others)).backward()
        torch.testing.assert_close(own.grad, gradient_of(logits)[i], rtol=1e-12, atol=1e-15)


@NAMES
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_huge_logits_give_finite_values_and_gradients(name, dtype, label_smoothing):
    signs = torch.tensor([[[1, -1, 1, -1]], [[-1, 1, 1, 1]], [[-1, -1, -1, 1]]])
    logits = (1e4 * signs).to(dtype).requires_grad_()
    loss = CoTrainingLoss(name, label_smoothing)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        terms = loss(logits, torch.tensor([1]), weight=0.5)
    terms.total.backward()
    assert terms.total.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert terms.total.isfinite()
    assert terms.divergence > 0
    assert gradient_of(logits).isfinite().all()
    assert gradient_of(logits).abs().sum() > 0


@pytest.mark.gpu
@NAMES
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_loss_under_autocast_on_a_gpu_equals_float32(name, dtype):
    logits = (random_logits(3, 4, 5) * 1e3).to("cuda", dtype).requires_grad_()
    targets = torch.tensor([0, 1, 2, 3], device="cuda")
    with torch.autocast("cuda", dtype=dtype):
        terms = CoTrainingLoss(name)(logits, targets, weight=0.5)
    terms.total.backward()
    expected = CoTrainingLoss(name)(logits.detach().float(), targets, weight=0.5)
    torch.testing.assert_close(terms.total, expected.total)
    assert gradient_of(logits).isfinite().all()


@NAMES
def test_half_precision_is_computed_in_float32(name):
    half = random_logits(3, 4, 5).to(torch.bfloat16)
    targets = torch.tensor([0, 1, 2, 3])
    terms = CoTrainingLoss(name)(half, targets, weight=0.5)
    assert torch.equal(terms.total, CoTrainingLoss(name)(half.float(), targets, weight=0.5).total)


def test_terms_add_up_and_the_cross_entropy_is_a_sum_over_networks():
    logits, targets = random_logits(3, 4, 5), torch.tensor([0, 1, 2, 3])
    terms = CoTrainingLoss("kl", 0.1)(logits, targets, weight=0.25)
    plain = sum(F.cross_entropy(z, targets, label_smoothing=0.1).item() for z in logits)
    assert terms.cross_entropy.item() == pytest.approx(plain, rel=1e-13)
    assert terms.divergence.item() == kl_divergence(logits).item()
    assert torch.equal(terms.total, terms.cross_entropy + 0.25 * terms.divergence)


@pytest.mark.parametrize("into", [2, 3, 4])
def test_without_divergence_each_gradient_is_as_if_trained_alone(into):
    logits = random_logits(into, 6, 5).float().requires_grad_()
    targets = torch.arange(6) % 5
    terms = CoTrainingLoss()(logits, targets, weight=0.0)
    terms.total.backward()
    assert terms.divergence.item() == pytest.approx(js_divergence(logits).item())
    assert not terms.divergence.requires_grad
    for i in range(into):
        alone = logits[i].detach().clone().requires_grad_()
        F.cross_entropy(alone, targets).backward()
        assert torch.equal(gradient_of(logits)[i], gradient_of(alone))


@NAMES
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("soft", [False, True])
def test_one_network_is_plain_cross_entropy_to_the_bit(name, dtype, label_smoothing, soft):
    logits = random_logits(1, 7, 5).to(dtype).requires_grad_()
    plain = logits[0].detach().clone().requires_grad_()
    shares = random_logits(1, 7, 5, seed=1)[0].softmax(-1).to(dtype)
    targets = shares if soft else shares.argmax(-1)
    terms = CoTrainingLoss(name, label_smoothing)(logits, targets, weight=0.5)
    expected = F.cross_entropy(plain, targets, label_smoothing=label_smoothing)
    terms.total.backward()
    expected.backward()
    assert torch.equal(terms.total, expected)
    assert torch.equal(gradient_of(logits)[0], gradient_of(plain))
    assert terms.divergence.item() == 0
    assert not terms.divergence.requires_grad


def small_network(seed: int) -> Any:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5)
    )


def batches(steps: int) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return [
        (torch.randn(6, 1, 8, 8, generator=generator), torch.arange(6) % 5) for _ in range(steps)
    ]


def test_twenty_steps_of_one_network_equal_plain_training_to_the_bit():
    ours, plain = small_network(0), small_network(0)
    loss = CoTrainingLoss("js", label_smoothing=0.1)
    ours_sgd, plain_sgd = (
        torch.optim.SGD(each.parameters(), lr=0.1, momentum=0.9, nesterov=True)
        for each in (ours, plain)
    )
    for epoch, (images, targets) in enumerate(batches(20)):
        weight = co_training_weight(epoch, weight=0.5, ramp_epochs=10)
        ours_sgd.zero_grad()
        loss(torch.stack([ours(images)]), targets, weight=weight).total.backward()
        ours_sgd.step()
        plain_sgd.zero_grad()
        F.cross_entropy(plain(images), targets, label_smoothing=0.1).backward()
        plain_sgd.step()
    for name, tensor in ours.state_dict().items():
        assert torch.equal(tensor, plain.state_dict()[name]), name
    assert not torch.equal(ours[0].weight, small_network(0)[0].weight)


@given(weight=st.floats(0, 10), ramp=st.floats(0, 100), epoch=st.integers(0, 200))
def test_weight_rises_from_nothing_to_its_final_value(weight, ramp, epoch):
    now = co_training_weight(epoch, weight=weight, ramp_epochs=ramp)
    assert 0 <= now <= co_training_weight(epoch + 1, weight=weight, ramp_epochs=ramp) <= weight
    assert co_training_weight(math.ceil(ramp), weight=weight, ramp_epochs=ramp) == weight
    if weight > 0:
        assert now > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"divergence": "hellinger"}, "divergence='hellinger' is unknown: give one of js, kl"),
        ({"label_smoothing": 1.0}, r"label_smoothing=1.0 is not in \[0, 1\)"),
        ({"label_smoothing": -0.1}, r"label_smoothing=-0.1 is not in \[0, 1\)"),
        ({"label_smoothing": math.nan}, r"label_smoothing=nan is not in \[0, 1\)"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_impossible_settings_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        CoTrainingLoss(**arguments)


@pytest.mark.parametrize(
    ("logits", "targets", "message"),
    [
        ((4, 5), torch.zeros(4, dtype=torch.long), r"logits has shape \(4, 5\), not \[S, B, C\]"),
        ((2, 4, 5), torch.zeros(3, dtype=torch.long), r"class indices of shape \(4,\)"),
        ((2, 4, 5), torch.zeros(4), r"shares of the classes of shape \(4, 5\)"),
        ((2, 4, 5), torch.zeros(4, 6), r"targets has shape \(4, 6\), which does not fit"),
        ((2, 4, 5), torch.zeros(2, 4, dtype=torch.long), r"class indices of shape \(4,\)"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_shapes_that_do_not_fit_are_refused(logits, targets, message):
    with pytest.raises(ConfigError, match=message):
        CoTrainingLoss()(torch.zeros(logits), targets)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ([1.0, 1.0, 0.0], "a row of sum 2,"),
        ([0.0, 0.0, 0.0], "a row of sum 0,"),
        ([1.5, -0.5, 0.0], "-0.5,"),
        ([math.nan, 0.0, 1.0], "a row of sum nan,"),
    ],
)
def test_targets_that_are_no_shares_are_refused(row, fault):
    targets = torch.tensor([[0.25, 0.75, 0.0], row])
    with pytest.raises(ConfigError, match=f"targets of shape .2, 3. hold {fault} but shares"):
        CoTrainingLoss()(torch.zeros(2, 2, 3), targets)


@pytest.mark.usefixtures("unchecked")
def test_labels_of_several_classes_are_refused_in_integers_too():
    with pytest.raises(ConfigError, match=r"give class indices of shape \(2,\)"):
        CoTrainingLoss()(torch.zeros(2, 2, 3), torch.tensor([[1, 1, 0], [0, 1, 0]]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_shares_of_half_precision_are_shares(dtype):
    shares = torch.rand(64, 1000, generator=torch.Generator().manual_seed(0)).softmax(-1)
    mixed = torch.lerp(torch.eye(9)[0], torch.eye(9)[4], 0.3)[None]
    for targets in (shares, mixed):
        logits = torch.zeros(2, *targets.shape)
        loss = CoTrainingLoss()(logits, targets.to(dtype))
        expected = 2 * math.log(targets.shape[1])  # of two networks that answer all alike
        assert loss.cross_entropy.item() == pytest.approx(expected, rel=1e-2)


def test_on_a_device_only_the_first_batch_is_looked_at():
    """Looking is reading a value, which the device called meta has none to give for."""
    loss, logits = CoTrainingLoss(), torch.zeros(2, 4, 3, device="meta")
    targets = torch.zeros(4, 3, device="meta")
    with pytest.raises(RuntimeError, match="meta"):
        loss(logits, targets)
    assert loss(logits, targets).total.shape == ()
    assert loss == CoTrainingLoss()


def weighted_cross_entropy(logits: Tensor, shares: Tensor, weights: Tensor, smoothing: float):
    """Written again: of every network, smoothed shares, and the mean of the images' products."""
    smoothed = (1 - smoothing) * shares + smoothing / shares.shape[1]
    each = -(smoothed * logits.log_softmax(-1)).sum(-1)
    return sum((each[i] * (shares * weights).sum(-1)).mean() for i in range(len(logits)))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("mixed", [False, True])
def test_class_weights_multiply_what_an_image_counts(smoothing, mixed):
    logits, weights = random_logits(3, 6, 4), torch.tensor([0.5, 1, 2, 4], dtype=torch.float64)
    targets = torch.tensor([0, 1, 2, 3, 3, 1])
    hot = F.one_hot(targets, 4).double()
    shares = 0.3 * hot + 0.7 * hot.flip(0) if mixed else hot
    loss = CoTrainingLoss("js", smoothing, tuple(weights.tolist()))
    terms = loss(logits, shares if mixed else targets, weight=0.5)
    expected = weighted_cross_entropy(logits, shares, weights, smoothing)
    torch.testing.assert_close(terms.cross_entropy, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(terms.divergence, textbook_js(logits), rtol=1e-12, atol=0)
    torch.testing.assert_close(terms.total, expected + 0.5 * textbook_js(logits))


def test_class_weights_are_those_of_torch_but_for_the_sum_of_the_weights():
    logits, weights = random_logits(1, 5, 3), (0.5, 1.0, 3.0)
    targets, column = torch.tensor([0, 1, 2, 2, 1]), torch.tensor(weights, dtype=torch.float64)
    ours = CoTrainingLoss(class_weights=weights)(logits, targets).cross_entropy
    theirs = F.cross_entropy(logits[0], targets, weight=column, reduction="sum") / 5
    torch.testing.assert_close(ours, theirs)
    even = CoTrainingLoss(class_weights=(1.0,) * 3)(logits, targets).cross_entropy
    torch.testing.assert_close(even, CoTrainingLoss()(logits, targets).cross_entropy)


def test_impossible_class_weights_are_refused():
    with pytest.raises(ConfigError, match="finite numbers above 0"):
        CoTrainingLoss(class_weights=(1.0, 0.0))
    with pytest.raises(ConfigError, match="class_weights has 2 numbers, but logits has 3 classes"):
        CoTrainingLoss(class_weights=(1.0, 2.0))(torch.zeros(1, 2, 3), torch.tensor([0, 1]))
