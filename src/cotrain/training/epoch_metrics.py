"""Counts of an epoch: how often the networks are right and disagree, and the mean losses."""

from collections.abc import Sequence

import torch
from pytorch_lightning.strategies import Strategy
from torch import Tensor

from cotrain.evaluation.scores import differing_labels, ordered_pairs


class Tally:
    """Sums over the images of an epoch, in float64; on a GPU they stay there until they are read.

    Attributes:
        names: What is counted: ``accuracy`` of the ensemble, ``accuracy_0`` and so on of the
            networks, the losses, and the networks' ``disagreement``.
        sums: [2, names]: images counted, and the sum over them.

    Args:
        into: S.
        losses: Names of the losses.
    """

    def __init__(self, into: int, losses: Sequence[str]) -> None:
        self.into = into
        networks = [f"accuracy_{index}" for index in range(into)]
        self.names = ("accuracy", *networks, *losses, "disagreement")
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.sums = torch.zeros(2, len(self.names), dtype=torch.float64)

    def add(
        self, logits: Tensor, targets: Tensor, losses: Sequence[Tensor], network: int | None = None
    ) -> None:
        """Count one batch.

        Args:
            logits: [S, B, C], or [1, B, C] of the one network that is being trained.
            targets: Classes [B], or soft targets [B, C] whose largest entry counts.
            losses: Means over the batch, in the order of their names.
            network: Which network the logits are of, when they are of one.
        """
        classes = targets if targets.dim() == 1 else targets.argmax(-1)
        images = len(classes)
        answers = torch.cat([logits.mean(0, keepdim=True), logits]).argmax(-1)
        right = (answers == classes).sum(-1).float()
        differing = differing_labels(answers[1:]).float()
        values = torch.cat([right, torch.stack([*losses, differing]).float()]).detach()
        # Other devices have no float64.
        self.sums = self.sums.to(logits.device if logits.is_cuda else "cpu")
        values = values.to(self.sums.device).double()
        values[len(right) : -1] *= images
        values[-1] /= ordered_pairs(self.into)
        first = 1 + (network or 0)
        # Slices, as an index made of a list would have to be sent to the device.
        self._add(slice(0, 1), images, values[:1])
        self._add(slice(first, first + len(logits)), images, values[1 : len(right)])
        self._add(slice(1 + self.into, -1), images, values[len(right) : -1])
        if len(logits) == self.into:  # one of several has none to disagree with
            self._add(slice(-1, None), images, values[-1:])

    def _add(self, columns: slice, images: int, values: Tensor) -> None:
        self.sums[0, columns] += images
        self.sums[1, columns] += values

    def means(self, sums: Tensor) -> dict[str, float]:
        """The mean of everything over the images counted; NaN where there are none."""
        return dict(zip(self.names, (sums[1] / sums[0]).tolist(), strict=True))

    def summed(self, strategy: Strategy) -> Tensor:
        """The sums over all processes; every process must call it."""
        # Reduced in place where there are several, hence the copy.
        sums = self.sums.to(strategy.root_device, copy=True)
        return strategy.reduce(sums, reduce_op="sum").cpu()  # type: ignore[union-attr]

    def load(self, sums: Tensor, *, first: bool) -> None:
        """Go on from ``summed``; the first process carries the sums of all.

        What an earlier version did not count, which stands last, is counted from here on.
        """
        self.clear()
        if first:
            self.sums[:, : sums.shape[1]] = sums
