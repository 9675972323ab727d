"""The commands that run what a plan lists; each works as it is printed, on images of one's own."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cotrain.config import DivideOptions
from cotrain.networks import ForeignSpec, NetworkSpec, build
from cotrain.networks.heads import logit_layers
from cotrain.networks.meta import on_meta
from cotrain.planning.alternative import Kept, MeasuredNetwork

PHOTOS = "PHOTOS"  # stands for the user's folder of images
_PRETRAINED = ("--pretrained", "true")
_DEFAULT = DivideOptions()


@dataclass(frozen=True, kw_only=True)
class Commands:
    """``cotrain train``, for the large network and what could stand in its place.

    Args:
        network: Name of the large network.
        spec: The large network's.
        by: The cost that is kept.
        tolerance: How far S networks may be from it, as a share.
        checkpoint: Its name with that of its pretrained weights; None where they are not asked for.
    """

    network: str
    spec: NetworkSpec
    by: Kept
    tolerance: float
    checkpoint: str | None = None

    @property
    def options(self) -> DivideOptions:
        """How a network of another library is divided."""
        return DivideOptions(budget=self.by, tolerance=self.tolerance)

    def large(self) -> str:
        """Train the large network."""
        return self._train(1, "large")

    def inherited_pretrained(self, into: int, checkpoint: str) -> str:
        """Train S networks that start from the large network's weights of this name."""
        more = (*self._dividing(), *_PRETRAINED)
        return replace(self, network=checkpoint)._train(into, f"s{into}-from-pretrained", *more)

    def pretrained(self, networks: Sequence[MeasuredNetwork], name: str, *more: str) -> str:
        """Fine-tune whole networks together, each from the weights of its name.

        Args:
            networks: One, or several.
            name: What the run's folder is called.
            more: Further words.
        """
        named = replace(self, network=",".join(each.name for each in networks))
        words = (*_PRETRAINED, *_tuning(networks), *more)
        return named._train(len(networks), name, *words, recipe="finetune")

    def duo_pretrained(self, networks: Sequence[MeasuredNetwork]) -> tuple[str, str]:
        """Fine-tune two networks together, and fit what each counts."""
        train = self.pretrained(networks, "duo", "--data.calibration", "0.1")
        return train, "cotrain calibrate runs/duo"

    def divided(self, into: int) -> str:
        """Train S networks from fresh weights."""
        return self._train(into, f"s{into}", *self._dividing())

    def inherited(self, into: int) -> tuple[str, str]:
        """Train the large network, then S networks that start from its weights."""
        return self.large(), self._of_large(into, "inherited", "--inherit")

    def taught(self, into: int) -> tuple[str, str]:
        """Train the large network, then S networks that it teaches."""
        return self.large(), self._of_large(into, "taught", "--teacher")

    def _of_large(self, into: int, how: str, flag: str) -> str:
        return self._train(into, f"s{into}-{how}", *self._dividing(), flag, "runs/large")

    def _train(self, into: int, name: str, *more: str, recipe: str = "imagefolder") -> str:
        words = ["cotrain", "train", "--config", recipe, "--data.root", PHOTOS]
        words += ["--data.image_size", str(self.spec.image_size), "--network", self.network]
        words += ["--into", str(into), *more, "--output", f"runs/{name}"]
        return shlex.join(words)

    def _dividing(self) -> Sequence[str]:
        if not isinstance(self.spec, ForeignSpec):
            return ()
        words: list[str] = []
        for name, value in (("budget", self.by), ("tolerance", self.tolerance)):
            if value != getattr(_DEFAULT, name):
                words += [f"--dividing.{name}", str(value)]
        return words


def _tuning(networks: Sequence[MeasuredNetwork]) -> Sequence[str]:
    """What the recipe says that does not suit these networks."""
    modules = [on_meta(lambda spec=each.spec: build(spec)) for each in networks]
    two_heads = any(len(logit_layers(each)) > 1 for each in modules)
    return ("--fine_tuning.cached_views", "0") if two_heads else ()
