"""Counts of an epoch: how often each network and the ensemble are right, and the mean losses."""


import torch
from pytorch_lightning.strategies import Strategy
from torch import Tensor

from cotrain.losses import CoTrainingLossTerms


class Tally:
    """Sums over the images of an epoch, kept on the device, in float64, without synchronising.

    Args:
        into: S.
    """

    def __init__(self, into: int) -> None:
        self.into = into
        self.sums: Tensor | None = None

    def clear(self) -> None:
        """Forget everything."""
        self.sums = None

    def add(
        self,
        logits: Tensor,
        targets: Tensor,
        terms: CoTrainingLossTerms | None = None,
        network: int | None = None,
    ) -> None:
        """Count one batch.

        Args:
            logits: [S, B, C], or [1, B, C] of the one network that is being trained.
            targets: Classes [B], or soft targets [B, C] whose largest entry counts.
            terms: The losses of the batch, if it was a training step.
            network: Which network the logits are of, when they are of one.
        """
        classes = targets if targets.dim() == 1 else targets.argmax(-1)
        images = len(classes)
        right = logits.new_zeros(self.into + 1, dtype=torch.float64)
        first = network or 0
        right[first : first + len(logits)] = _right(logits, classes)
        right[-1] = _right(logits.mean(0), classes)
        losses = [terms.total, terms.cross_entropy, terms.divergence] if terms else [_nll(logits, classes)]
        means = torch.stack([loss.detach().double() for loss in losses]) * images
        batch = torch.cat([right.new_tensor([images]), right, means.to(right.device)])
        self.sums = batch if self.sums is None else self.sums + batch

    def means(self, strategy: Strategy) -> dict[str, float]:
        """Mean of everything over the images of all devices."""
        sums = self.state(strategy)
        if sums is None:
            return {}
        images, right, losses = sums[0], sums[1 : self.into + 2], sums[self.into + 2 :]
        names = ["loss", "cross_entropy", "divergence"] if len(losses) == 3 else ["nll"]
        values = {"accuracy": right[-1] / images}
        values |= {f"accuracy_{i}": right[i] / images for i in range(self.into)}
        values |= {name: loss / images for name, loss in zip(names, losses, strict=True)}
        return {name: value.item() for name, value in values.items()}

    def state(self, strategy: Strategy) -> Tensor | None:
        """The sums over all devices; every process must call it."""
        if self.sums is None or strategy.world_size == 1:
            return None if self.sums is None else self.sums.cpu()
        return strategy.reduce(self.sums.clone(), reduce_op="sum").cpu()  # type: ignore[union-attr]

    def load(self, state: Tensor | None, *, first: bool) -> None:
        """Go on from :meth:`state`; the first process carries the sums of all."""
        self.sums = state if first else None


def _right(logits: Tensor, classes: Tensor) -> Tensor:
    """How many of the B images [..., B, C] are classified right."""
    return (logits.argmax(-1) == classes).sum(-1).double()


def _nll(logits: Tensor, classes: Tensor) -> Tensor:
    """Negative log-likelihood of the mean of logits."""
    return torch.nn.functional.cross_entropy(logits.mean(0).float(), classes)


