"""The commands that run what a plan lists; each works as it is printed, on images of one's own."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cotrain.config import DivideOptions
from cotrain.networks import ForeignSpec, NetworkSpec
from cotrain.planning.alternative import Kept

PHOTOS = "PHOTOS"  # stands for the user's folder of images
_DEFAULT = DivideOptions()


@dataclass(frozen=True, kw_only=True)
class Commands:
    """``cotrain train``, for the large network and what it is divided into.

    Args:
        network: Name of the large network.
        spec: The large network's.
        by: The cost that is kept.
        tolerance: How far S networks may be from it, as a share.
    """

    network: str
    spec: NetworkSpec
    by: Kept
    tolerance: float

    @property
    def options(self) -> DivideOptions:
        """How a network of another library is divided."""
        return DivideOptions(budget=self.by, tolerance=self.tolerance)

    def large(self) -> str:
        """Train the large network."""
        return self._train(1, "large")

    def large_pretrained(self, checkpoint: str) -> str:
        """Train the large network from the weights of this name."""
        named = replace(self, network=checkpoint)
        return named._train(1, "large-pretrained", "--pretrained", "true")

    def divided(self, into: int) -> str:
        """Train S networks from fresh weights."""
        return self._train(into, f"s{into}")

    def inherited(self, into: int) -> tuple[str, str]:
        """Train the large network, then S networks that start from its weights."""
        heirs = self._train(into, f"s{into}-inherited", "--inherit", "runs/large")
        return self.large(), heirs

    def taught(self, into: int) -> tuple[str, str]:
        """Train the large network, then S networks that it teaches."""
        taught = self._train(into, f"s{into}-taught", "--teacher", "runs/large")
        return self.large(), taught

    def _train(self, into: int, name: str, *more: str) -> str:
        words = ["cotrain", "train", "--config", "imagefolder", "--data.root", PHOTOS]
        words += ["--data.image_size", str(self.spec.image_size), "--network", self.network]
        words += ["--into", str(into), *self._dividing(into), *more, "--output", f"runs/{name}"]
        return shlex.join(words)

    def _dividing(self, into: int) -> Sequence[str]:
        if into == 1 or not isinstance(self.spec, ForeignSpec):
            return ()
        words: list[str] = []
        for name, value in (("budget", self.by), ("tolerance", self.tolerance)):
            if value != getattr(_DEFAULT, name):
                words += [f"--dividing.{name}", str(value)]
        return words
