"""A packed network is S thin networks that do not see each other, in the large one's shape."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cotrain import ConfigError, networks
from cotrain.ensemble.losses import CoTrainingLoss
from cotrain.ensemble.peers.packed import Packed, pack
from cotrain.networks.costs import count_macs, count_params

pytest.importorskip("torch_uncertainty")

SHAPE = (1, 8, 8)
LARGE = networks.spec("basic_resnet8_8", num_classes=3, in_channels=1, image_size=8)
# Twice as wide as the large network of 8 channels, cut into 4.
THIN = networks.spec("basic_resnet8_4", num_classes=3, in_channels=1, image_size=8)


@pytest.fixture
def packed() -> Packed:
    return Packed(pack(networks.build(LARGE), 4, SHAPE), 4).double().eval()


def estimator(packed: Packed, index: int) -> nn.Module:
    """One estimator as a network of its own."""
    alone = networks.build(THIN)
    parts = [
        value.chunk(4)[index] if value.dim() else value
        for value in packed.network.state_dict().values()
    ]
    own = alone.state_dict()
    pairs = zip(own.items(), parts, strict=True)
    alone.load_state_dict({name: part.reshape(value.shape) for (name, value), part in pairs})
    return alone.double().eval()


def test_four_estimators_answer_as_four_networks_of_half_the_width(packed):
    images = torch.randn(5, *SHAPE, dtype=torch.float64)
    expected = torch.stack([estimator(packed, index)(images) for index in range(4)])
    torch.testing.assert_close(packed(images), expected)
    assert packed(images).shape == (4, 5, 3)


def test_four_estimators_cost_what_four_such_networks_cost(packed):
    thin = networks.build(THIN)
    assert count_params(packed) == 4 * count_params(thin)
    assert count_macs(packed.float(), SHAPE) == 4 * count_macs(thin, SHAPE)


def test_an_estimator_learns_as_if_it_were_trained_alone(packed):
    images, targets = torch.randn(6, *SHAPE, dtype=torch.float64), torch.arange(6) % 3
    packed.train()
    CoTrainingLoss()(packed(images), targets, weight=0.0).total.backward()
    for index in range(4):
        alone = estimator(packed, index).train()
        F.cross_entropy(alone(images), targets).backward()
        pairs = zip(packed.network.parameters(), alone.parameters(), strict=True)
        for together, own in pairs:
            assert together.grad is not None
            part = together.grad.chunk(4)[index].reshape(own.shape)
            torch.testing.assert_close(part, own.grad)


def test_norms_begin_as_those_of_the_network():
    spec = networks.spec("wide_resnet16_1", num_classes=3, image_size=8)
    packed = pack(networks.build(spec), 4, (3, 8, 8))
    firsts = {
        name: layer.weight.unique().tolist()
        for name, layer in packed.named_modules()
        if isinstance(layer, nn.BatchNorm2d)
    }
    zeros = [name for name, values in firsts.items() if values == [0.0]]
    assert len(zeros) == 6  # blocks, each of which starts as the identity
    assert {name.rpartition(".")[2] for name in zeros} == {"bn2"}
    assert all(values == [1.0] for name, values in firsts.items() if name not in zeros)


@pytest.mark.parametrize(
    ("name", "into", "said"),
    [
        (
            "basic_resnet8_8",
            3,
            r": 3 estimators cannot share 2 times the channels of layer0\.0, Conv2d\(3, 8",
        ),
        ("efficientnetb0", 4, r"share 2 times the channels of layer1\.0\..*depthwise.*groups=32"),
        ("timm:convnext_atto", 4, r"stem\.1 is a LayerNorm2d, which cannot be packed: use"),
    ],
)
def test_what_cannot_be_packed_is_refused(name, into, said):
    spec = networks.spec(name, num_classes=3, image_size=32)
    with pytest.raises(ConfigError, match=f"^peer=packed.*{said}"):
        pack(networks.build(spec), into, (3, 32, 32))


class Joining(nn.Module):
    """Joins two maps, each of all estimators."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 1)
        self.classes = nn.Linear(16, 3)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.one(images)
        return self.classes(torch.cat([maps, self.two(maps)], dim=1).mean((2, 3)))


def test_estimators_that_would_see_each_other_are_refused():
    with pytest.raises(ConfigError, match=r"joins or moves its channels, .* such as a ResNet$"):
        pack(Joining(), 2, SHAPE)


def test_a_network_begins_with_a_convolution():
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    with pytest.raises(ConfigError, match=r"begins with a convolution .* not Linear and Linear$"):
        pack(network, 2, SHAPE)
