"""S networks that answer as one: made by dividing a large network, combined by averaging."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from cotrain.combining import Combine, combine_logits
from cotrain.costs import count_macs, count_params
from cotrain.dividing import divide_spec
from cotrain.ensemble_spec import EnsembleSpec
from cotrain.errors import ConfigError
from cotrain.modes import evaluating
from cotrain.networks import NetworkSpec, build
from cotrain.networks import spec as named_spec
from cotrain.seeds import derive_seed, seeded
from cotrain.shipping import read_folder, write_folder

Initialization = Literal["independent", "identical"]


class Ensemble(nn.Module):
    """S networks side by side; make one with :func:`divide` or :meth:`load`.

    Args:
        networks: S networks that take the same images and give the same classes.
        spec: Their description.
    """

    def __init__(self, networks: Iterable[nn.Module], spec: EnsembleSpec) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.spec = spec
        if len(self.networks) != spec.into:
            raise ConfigError(
                f"networks: {len(self.networks)} given, but spec.into={spec.into}: give S networks"
            )

    def forward(self, images: Tensor) -> Tensor:
        """Logits [S, B, C] of every network.

        Args:
            images: [B, C, H, W], the same for all networks, or [S, B, C, H, W], one view each.
        """
        views = self._views(images)
        return torch.stack([network(x) for network, x in zip(self.networks, views, strict=True)])

    def _views(self, images: Tensor) -> Sequence[Tensor]:
        if images.dim() == 4:
            return [images] * len(self.networks)
        if images.dim() == 5 and len(images) == len(self.networks):
            return images.unbind()
        raise ConfigError(
            f"images of shape {list(images.shape)}: give [B, C, H, W], or one view for each of "
            f"the S={len(self.networks)} networks as [S, B, C, H, W]"
        )

    def predict(self, images: Tensor, combine: Combine | None = None) -> Tensor:
        """Probabilities [B, C] of the ensemble, without gradients and in evaluation mode.

        Args:
            images: Preprocessed images [B, C, H, W], or views [S, B, C, H, W].
            combine: How to combine; the spec's own way if None.
        """
        with evaluating(self), torch.no_grad():
            return combine_logits(self(images), combine or self.spec.combine)

    @property
    def params(self) -> int:
        """Trainable parameters of all S networks."""
        return count_params(self)

    def macs(self, images: Tensor | Sequence[int]) -> int:
        """Multiply-accumulates of all S networks for one image (1 MAC = 2 FLOPs).

        Args:
            images: A batch [B, C, H, W], or the shape [C, H, W] of one image.
        """
        return sum(count_macs(network, images) for network in self.networks)

    def save(self, folder: Path | str) -> None:
        """Write ``spec.json`` and ``model.safetensors`` into ``folder``; nothing is pickled."""
        write_folder(Path(folder), self.spec, self.state_dict())

    @staticmethod
    def load(folder: Path | str) -> "Ensemble":
        """The ensemble that :meth:`save` wrote, in evaluation mode on the CPU.

        Raises:
            ConfigError: Files are missing, damaged, changed, or of another version.
        """
        spec, weights = read_folder(Path(folder))
        try:
            with torch.device("meta"):
                ensemble = Ensemble([build(spec.network) for _ in range(spec.into)], spec)
            ensemble.load_state_dict(weights, assign=True)
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise ConfigError(
                f"{folder}: model.safetensors does not fit spec.json ({reason}): "
                "save the ensemble again"
            ) from None
        return ensemble.eval()


def divide(
    network: str | NetworkSpec,
    into: int,
    *,
    seed: int | None = None,
    initialization: Initialization = "independent",
) -> Ensemble:
    """S freshly initialised networks that together cost about what ``network`` costs.

    Args:
        network: Name of the large network (as ``cotrain.networks.spec(name)``), or its spec.
        into: S; 1 is the large network itself.
        seed: Seed of the initialisation; drawn from torch's random state if None.
        initialization: ``independent``, or ``identical`` weights in all networks (an ablation).

    Raises:
        ConfigError: An unknown name, or a network that cannot be divided into S.
    """
    if initialization not in get_args(Initialization):
        raise ConfigError(
            f"initialization={initialization!r} is not known: "
            f"use one of {list(get_args(Initialization))}"
        )
    if callable(network):
        raise ConfigError(
            f"network={type(network).__name__}: only names and specs can be divided: "
            "use cotrain.networks.list_networks()"
        )
    large = named_spec(network) if isinstance(network, str) else network
    spec = EnsembleSpec(network=divide_spec(large, into), into=into, large=large)
    if seed is None:
        seed = int(torch.randint(2**62, ()))
    places = [0 if initialization == "identical" else index for index in range(into)]
    return Ensemble([_build(spec.network, derive_seed(seed, "init", i)) for i in places], spec)


def _build(spec: NetworkSpec, seed: int) -> nn.Module:
    with seeded(seed):
        return build(spec)
