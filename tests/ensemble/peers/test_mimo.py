"""A MIMO network answers S images at once; its answers are sorted by image again."""

import pytest
import torch
from torch import Tensor, nn

from cotrain import networks
from cotrain.ensemble.peers.mimo import BATCH_REPETITION, Mimo, wide_spec

pytest.importorskip("torch_uncertainty")

PLACES, CLASSES, BATCH = 2, 3, 8


class Telling(nn.Module):
    """Answers with the first pixels of the image in each place, and remembers what it was given."""

    def forward(self, images: Tensor) -> Tensor:
        self.given = images
        return images[:, :, 0, :CLASSES].flatten(1)


def test_an_answer_is_that_of_one_image_in_all_places():
    spec = networks.spec("basic_resnet8_4", num_classes=CLASSES, in_channels=1, image_size=8)
    wide = wide_spec(spec, PLACES)
    assert (wide.in_channels, wide.num_classes) == (2, 6)
    network = networks.build(wide).eval()
    images = torch.randn(BATCH, 1, 8, 8)
    logits = network(torch.cat([images, images], dim=1))
    expected = torch.stack([logits[:, :CLASSES], logits[:, CLASSES:]])
    torch.testing.assert_close(Mimo(network, PLACES).eval()(images), expected)


def test_in_training_every_image_is_several_times_in_every_place_beside_others():
    network = Telling()
    images = torch.arange(BATCH)[:, None, None, None].expand(BATCH, 1, 4, 4).float()
    torch.manual_seed(0)
    logits = Mimo(network, PLACES).train()(images)
    beside = network.given[:, :, 0, 0]
    assert beside.shape == (BATCH_REPETITION * BATCH, PLACES)
    for place in range(PLACES):
        assert beside[:, place].long().bincount().tolist() == [BATCH_REPETITION] * BATCH
    assert (beside[:, 0] == beside[:, 1]).float().mean() < 0.5
    expected = torch.arange(BATCH).repeat_interleave(BATCH_REPETITION).float()
    assert torch.equal(logits, expected[None, :, None].expand(PLACES, -1, CLASSES))


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_share_of_the_inputs_has_one_image_in_all_places(share):
    network = Telling()
    images = torch.arange(BATCH)[:, None, None, None].expand(BATCH, 1, 4, 4).float()
    torch.manual_seed(0)
    Mimo(network, PLACES, share).train()(images)
    beside = network.given[:, :, 0, 0]
    same = (beside[:, 0] == beside[:, 1]).sum().item()
    assert same >= share * len(beside)
    assert (same == len(beside)) is (share == 1)
