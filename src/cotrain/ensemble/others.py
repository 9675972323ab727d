"""What networks that are trained elsewhere say of a batch, as far as it is known."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from cotrain.basics.shapes import Float


@dataclass(frozen=True, kw_only=True, eq=False)
class Others:
    """Predictions of T other networks, which are held constant.

    Args:
        logits: [T, B, C], or log-probabilities; of images that are not known, anything.
        known: Which networks are known to have said something of which images, bool [T, B], on
            the CPU.
    """

    logits: Float[Tensor, "T B C"]
    known: Tensor

    def mixed(self, permutation: Tensor, share: float) -> "Others":
        """What they say where ``share`` of every image is mixed with the rest of another.

        It is taken for what they say of both, by their shares; both must be known.

        Args:
            permutation: The other images, int64 [B], on the CPU.
            share: Of the image itself.
        """
        probabilities = self.logits.softmax(-1)
        both = torch.lerp(probabilities[:, permutation], probabilities, share)
        return Others(
            logits=both.clamp(min=torch.finfo(both.dtype).tiny).log(),
            known=self.known & self.known[:, permutation],
        )

    def beside(self, own: Float[Tensor, "N B C"]) -> Iterator[tuple[float, Float[Tensor, "_ _ C"]]]:
        """Own logits with the others' beneath, apart for images of which other networks are known.

        Each comes with its share of the images, to take the mean over all of them.
        """
        device = own.device
        for pattern in self.known.unique(dim=1).unbind(1):
            images = (self.known == pattern[:, None]).all(0).nonzero().flatten()
            share = len(images) / own.shape[1]
            networks, images = pattern.nonzero().flatten().to(device), images.to(device)
            others = self.logits.index_select(0, networks).index_select(1, images)
            yield share, torch.cat([own.index_select(1, images), others])
