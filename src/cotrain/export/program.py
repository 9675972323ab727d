"""What is put into a file: networks between pixels and answers, as one module to be traced.

Input ``images`` is float32 [B, C, H, W]: pixels in 0..255 where the file normalises them, else
normalised images. Combining is done in float32 whatever the networks compute in.
"""

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from cotrain.config.combining import Combine
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.combining import outputs_of
from cotrain.ensemble.preprocessing import Preprocessing


class NetworkProgram(nn.Module):
    """Some of the networks; gives their ``logits`` [B, C] if it is one, else [S, B, C].

    Args:
        networks: Are copied where they are to compute in half precision.
        normalization: How pixels in 0..255 become images; None takes normalised images.
        half: Compute in float16; images and logits stay float32.
    """

    def __init__(
        self,
        networks: Iterable[nn.Module],
        *,
        normalization: Preprocessing | None = None,
        half: bool = False,
    ) -> None:
        super().__init__()
        branches = nn.ModuleList(networks)
        self.networks = copy.deepcopy(branches).half() if half else branches
        self.normalization = normalization
        self.half_precision = half
        self.eval()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        logits = self._logits(images)
        return {"logits": logits[0] if len(logits) == 1 else torch.stack(logits)}

    def _logits(self, images: Tensor) -> list[Tensor]:
        """Logits [B, C] of every network, in float32."""
        if self.normalization is not None:
            images = self.normalization.normalize(images)
        if self.half_precision:
            images = images.half()
        return [network(images).float() for network in self.networks]


class EnsembleProgram(NetworkProgram):
    """All S networks as parallel branches, and their combined answer: see ``outputs_of``."""

    def __init__(
        self,
        networks: Iterable[nn.Module],
        *,
        combine: Combine,
        calibration: Calibration | None = None,
        normalization: Preprocessing | None = None,
        half: bool = False,
    ) -> None:
        super().__init__(networks, normalization=normalization, half=half)
        self.combine: Combine = combine
        self.calibration = calibration

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return outputs_of(torch.stack(self._logits(images)), self.combine, self.calibration)
