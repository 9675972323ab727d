"""A MIMO network: S images go in beside each other, S answers come out.

Source: arXiv:2010.06610. The network is the large one with S times the channels of an image and
S times the classes; how a training batch is made of images is torch-uncertainty's.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from cotrain.basics.shapes import Float
from cotrain.ensemble.peers.library import of_library
from cotrain.networks import NetworkSpec

# As its authors train it on small images (arXiv:2010.06610, section 4; the code is in
# google/uncertainty-baselines): every image is in a batch so many times, beside others each time.
BATCH_REPETITION = 4


class Mimo(nn.Module):
    """In training every place sees other images; an answer is asked for with one image in all.

    Args:
        network: Of ``wide_spec``.
        into: S.
        input_repetition: Share of the inputs in training that have one image in all places.
    """

    def __init__(self, network: nn.Module, into: int, input_repetition: float = 0.0) -> None:
        super().__init__()
        self.network = network
        self.into = into
        self.format = of_library("transforms", "mimo").MIMOBatchFormat(
            into, rho=input_repetition, batch_repeat=BATCH_REPETITION
        )

    def forward(self, images: Float[Tensor, "B channels H W"]) -> Float[Tensor, "S N C"]:
        """Logits of every place: of B images, or in training of every image several times.

        Those of one image stand beside each other, in the images' order, whatever they shared an
        input with.
        """
        if not self.training:
            return self._answers(images.expand(self.into, *images.shape))
        places = torch.arange(len(images), device=images.device)
        shuffled, index = self.format((images, places))
        logits = self._answers(shuffled.unflatten(0, (self.into, -1)))
        order = index.unflatten(0, (self.into, -1)).argsort(dim=1, stable=True)
        return logits.gather(1, order[..., None].expand_as(logits))

    def _answers(self, images: Float[Tensor, "S N channels H W"]) -> Float[Tensor, "S N C"]:
        logits = self.network(images.transpose(0, 1).flatten(1, 2))
        return logits.unflatten(1, (self.into, -1)).transpose(0, 1)


def wide_spec(large: NetworkSpec, into: int) -> NetworkSpec:
    """The large network for S images at once."""
    sizes = {"in_channels": into * large.in_channels, "num_classes": into * large.num_classes}
    return replace(large, **sizes)  # type: ignore[type-var]
