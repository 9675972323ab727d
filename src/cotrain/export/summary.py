"""What is told of an exported file."""

from dataclasses import dataclass
from pathlib import Path

from cotrain.export.checking import Distance, PrecisionCost
from cotrain.export.description import Description


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was exported.

    Args:
        path: The file or folder.
        size: Bytes of all networks' files.
        spec: What it says about itself.
        distance: How far it is from PyTorch in float32.
        cost: What its precision costs; None for fp32.
    """

    path: Path
    size: int
    spec: Description
    distance: Distance
    cost: PrecisionCost | None

    def summary(self) -> str:
        """A few lines for the terminal."""
        spec, off = self.spec, self.distance
        takes = "pixels in 0..255" if spec.normalize else "normalised images"
        lines = [
            f"{self.path}: {self.size / 1e6:.1f} MB, {spec.format}, {spec.precision}, "
            f"S={spec.into}, takes {takes} [batch, {', '.join(map(str, spec.image_shape))}]",
            f"max difference from PyTorch: probabilities {off.probabilities:.1e}, "
            f"mutual information {off.mutual_information:.1e}, logits {off.logits:.1e}",
        ]
        if self.cost is not None:
            (top1, after), (nll, nll_after) = self.cost.top1, self.cost.nll
            lines.append(
                f"on {self.cost.images} {self.cost.split} images: accuracy {top1:.2%} -> "
                f"{after:.2%}, NLL {nll:.4f} -> {nll_after:.4f}"
            )
        return "\n".join(lines)
