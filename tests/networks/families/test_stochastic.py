"""Random regularisation against its definitions: means, gradients, shapes, seeds, precision."""

import pytest
import torch
from of_networks import gradient_of
from torch import nn
from torch.nn import functional as F

from cotrain.networks.families.stochastic import DropBlock, DropPath, ShakeDrop, ShakeShake, scale

IMAGES = 4000


class Both(nn.Module):
    """Shake-Shake as a function of one map."""

    def __init__(self) -> None:
        super().__init__()
        self.shake = ShakeShake()

    def forward(self, x):
        return self.shake(x, -x)


ALL = {
    "ShakeDrop": lambda: ShakeDrop(0.5),
    "ShakeShake": Both,
    "DropBlock": lambda: DropBlock(0.3, 2),
    "DropPath": lambda: DropPath(0.5),
}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_scale_has_one_factor_forward_and_another_backward():
    x = torch.randn(3, 2, 4, 4, requires_grad=True)
    forward, backward = torch.randn(3, 1, 1, 1), torch.randn(3, 1, 1, 1)
    y = scale(x, forward, backward)
    assert torch.equal(y, x * forward)
    weights = torch.randn_like(x)
    (y * weights).sum().backward()
    assert torch.equal(gradient_of(x), weights * backward)


@pytest.mark.parametrize("name", ALL)
def test_a_seed_repeats_the_draw(name):
    module, x = ALL[name]().train(), torch.randn(6, 3, 8, 8)
    torch.manual_seed(5)
    first = module(x)
    torch.manual_seed(5)
    assert torch.equal(module(x), first)
    assert not torch.equal(torch.stack([module(x) for _ in range(5)]), first.expand(5, *x.shape))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", ALL)
def test_precision_is_kept_and_nothing_overflows(name, dtype):
    """A map of more than 65,504 pixels, the largest number of float16."""
    x = torch.randn(2, 8, 80, 80, dtype=dtype)
    for module in (ALL[name]().train(), ALL[name]().eval()):
        y = module(x)
        assert y.dtype == dtype
        assert y.isfinite().all()


@pytest.mark.parametrize("name", ALL)
def test_compiles_whole_with_the_same_answers_and_gradients(name):
    module, results = ALL[name]().train(), []
    for function in (module, torch.compile(module, backend="aot_eager", fullgraph=True)):
        torch.manual_seed(5)
        x = torch.linspace(-1, 1, 6 * 3 * 8 * 8).reshape(6, 3, 8, 8).requires_grad_()
        y = function(x)
        y.square().sum().backward()
        results.append((y, gradient_of(x)))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


def test_shake_drop_keeps_a_whole_batch_or_disturbs_it():
    """Of 2000 batches of 2 images the fraction that is kept is 1 - p within 5 deviations."""
    drop, ones, kept = ShakeDrop(0.3).train(), torch.ones(2, 1, 1, 1), 0
    for _ in range(2000):
        y = drop(ones)
        kept += torch.equal(y, ones)
        assert torch.equal(y, ones) or (y != ones).all()
    assert kept / 2000 == pytest.approx(0.7, abs=5 * (0.21 / 2000) ** 0.5)


def test_disturbed_images_have_alpha_forward_and_beta_backward():
    x = torch.ones(IMAGES, 2, 3, 3, requires_grad=True)
    y = ShakeDrop(1 - 1e-9).train()(x)
    y.sum().backward()
    alpha, beta = y[:, 0, 0, 0], gradient_of(x)[:, 0, 0, 0]
    assert torch.equal(y, alpha[:, None, None, None].expand_as(y))
    assert torch.equal(gradient_of(x), beta[:, None, None, None].expand_as(y))
    assert -1 <= alpha.min() < -0.99
    assert 0.99 < alpha.max() <= 1
    assert 0 <= beta.min() < 0.01
    assert 0.99 < beta.max() <= 1
    assert alpha.mean().item() == pytest.approx(0, abs=5 / (3 * IMAGES) ** 0.5)
    assert beta.mean().item() == pytest.approx(0.5, abs=5 / (12 * IMAGES) ** 0.5)
    assert torch.corrcoef(torch.stack([alpha, beta]))[0, 1].abs() < 5 / IMAGES**0.5


def test_shake_drop_in_evaluation_is_its_mean():
    x = torch.randn(3, 2, 4, 4)
    assert torch.equal(ShakeDrop(0.25).eval()(x), x * 0.75)
    assert torch.equal(ShakeDrop(0.0).train()(x), x)


def test_shake_shake_mixes_each_image_and_draws_anew_going_backward():
    first = torch.ones(IMAGES, 2, 3, 3, requires_grad=True)
    second = torch.zeros(IMAGES, 2, 3, 3, requires_grad=True)
    mixed = ShakeShake().train()(first, second)
    mixed.sum().backward()
    alpha, beta = mixed[:, 0, 0, 0], gradient_of(first)[:, 0, 0, 0]
    assert torch.equal(mixed, alpha[:, None, None, None].expand_as(mixed))
    assert torch.allclose(gradient_of(first) + gradient_of(second), torch.ones_like(mixed))
    for draw in (alpha, beta):
        assert 0 <= draw.min() < 0.01
        assert 0.99 < draw.max() <= 1
        assert draw.mean().item() == pytest.approx(0.5, abs=5 / (12 * IMAGES) ** 0.5)
    assert torch.corrcoef(torch.stack([alpha, beta]))[0, 1].abs() < 5 / IMAGES**0.5


def test_shake_shake_shares_sum_to_1():
    x = torch.randn(5, 2, 3, 3, dtype=torch.float64)
    assert torch.allclose(ShakeShake().train()(x, x), x)


def test_shake_shake_in_evaluation_is_the_mean():
    first, second = torch.randn(2, 3, 2, 4, 4, dtype=torch.float64)
    assert torch.allclose(ShakeShake().eval()(first, second), (first + second) / 2)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("shape", [(7, 7), (10, 13), (2, 9)])
def test_drop_block_zeroes_squares_around_its_seeds(size, shape):
    """The same seeds, dilated pixel by pixel."""
    p, (H, W) = 0.3, shape
    torch.manual_seed(1)
    y = DropBlock(p, size).train()(torch.ones(2, 3, H, W))
    b = min(size, H, W)
    torch.manual_seed(1)
    gamma = p * H * W / b**2 / ((W - b + 1) * (H - b + 1))
    kept = torch.ones(2, 3, H, W)
    for image, channel, row, column in (torch.rand(2, 3, H, W) < gamma).nonzero().tolist():
        rows = slice(max(0, row - (b - 1) // 2), row + b // 2 + 1)
        columns = slice(max(0, column - (b - 1) // 2), column + b // 2 + 1)
        kept[image, channel, rows, columns] = 0
    assert torch.allclose(y, kept * kept.numel() / kept.sum().clamp(min=1))


@pytest.mark.parametrize("size", [1, 3, 4])
def test_drop_block_keeps_the_mean_and_drops_by_the_number_of_seeds_around(size):
    """Away from the edges a pixel is kept if none of the size x size pixels around is a seed."""
    y = DropBlock(0.1, size).train()(torch.ones(64, 16, 14, 14))
    assert y.mean().item() == pytest.approx(1, abs=1e-5)
    seed_probability = 0.1 * 14**2 / size**2 / (15 - size) ** 2
    dropped = (y[..., 4:10, 4:10] == 0).float().mean().item()
    assert dropped == pytest.approx(1 - (1 - seed_probability) ** (size**2), abs=0.01)


def test_drop_block_that_drops_everything_gives_zeros():
    assert not DropBlock(0.999, 8).train()(torch.ones(1, 1, 1, 1)).isnan().any()


def test_drop_block_does_nothing_in_evaluation_or_at_0():
    x = torch.randn(2, 3, 8, 8)
    assert DropBlock(0.5, 3).eval()(x) is x
    assert DropBlock(0.0, 3).train()(x) is x


def test_drop_path_drops_images_and_keeps_the_mean():
    y = DropPath(0.2).train()(torch.ones(IMAGES, 2, 3, 3))
    assert y.unique().tolist() == [0, 1.25]
    assert torch.equal(y, y[:, :1, :1, :1].expand_as(y))
    assert y.mean().item() == pytest.approx(1, abs=5 * (0.25 / IMAGES) ** 0.5)
    x = torch.randn(2, 3, 4, 4)
    assert DropPath(0.2).eval()(x) is x


def test_gradients_of_dropped_pixels_are_zero():
    x = torch.randn(8, 4, 9, 9, requires_grad=True)
    y = DropBlock(0.3, 3).train()(x)
    F.relu(y + 10).sum().backward()
    assert torch.equal(gradient_of(x) == 0, y == 0)
