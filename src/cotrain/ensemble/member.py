"""One of the S networks, and how it takes the images and gives the classes of its ensemble."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.basics.records import record_from
from cotrain.basics.shapes import Float
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.networks import NetworkSpec, image_shape_of, spec_from_dict, spec_to_dict


@dataclass(frozen=True, kw_only=True)
class Member:
    """One of the S networks.

    Args:
        network: Its spec.
        mean: Of each channel, by which the images are normalised that it takes; empty where that
            is the ensemble's.
        std: Likewise.
        classes: Names of the classes in the order of its own logits; empty where that is the
            ensemble's.
    """

    network: NetworkSpec
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    classes: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        """What stands before the names of the network's tensors."""
        return "network." if self.mean or self.classes else ""

    def images(self, of_ensemble: Preprocessing | None) -> Preprocessing | None:
        """How the images are made that it takes, and normalised by its own mean and std."""
        if of_ensemble is None or not self.mean:
            return of_ensemble
        return replace(of_ensemble, mean=self.mean, std=self.std)

    def check_fits(self, images: Preprocessing | None, classes: tuple[str, ...]) -> None:
        """Raise ConfigError unless it can take these images, and give these classes."""
        if (self.mean or self.std) and images is None:
            raise ConfigError("it has a mean and std beside those of images that are not known")
        if len(self.mean) != len(self.std):
            raise ConfigError(f"its mean {self.mean} and std {self.std} do not go together")
        self.images(images)  # raises
        if self.classes and (
            sorted(self.classes) != sorted(classes) or len(set(classes)) < len(classes)
        ):
            raise ConfigError("its classes are not those of the ensemble in another order")

    def adapted(
        self, network: nn.Module, images: Preprocessing | None, classes: tuple[str, ...]
    ) -> nn.Module:
        """The network as one of an ensemble: itself where nothing differs.

        Args:
            network: Of this spec.
            images: How the ensemble's images are normalised.
            classes: In the order of the ensemble's logits.
        """
        if not self.prefix:
            return network
        own, order = self.images(images), None
        if self.classes:
            order = torch.tensor([self.classes.index(name) for name in classes])
        return AdaptedNetwork(network, images and own and images.change_to(own), order)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able values; ``from_dict`` reads them back."""
        return {
            "network": spec_to_dict(self.network),
            "mean": list(self.mean),
            "std": list(self.std),
            "classes": list(self.classes),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Member":
        """The member that ``to_dict`` gave.

        Raises:
            ConfigError: It is damaged.
        """
        saved = record_from(_Saved, record, "members")
        return cls(**{**vars(saved), "network": spec_from_dict(saved.network)})


@dataclass(frozen=True, kw_only=True)
class _Saved:
    """The fields of a ``Member`` in a file."""

    network: dict[str, Any]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    classes: tuple[str, ...]


def refuse_other_images(network: NetworkSpec, first: NetworkSpec) -> None:
    """Raise ConfigError unless a network takes the images, and gives the classes, of the first."""
    for what, own, others in (
        ("images [C, H, W]", image_shape_of(network), image_shape_of(first)),
        ("number of classes", network.num_classes, first.num_classes),
    ):
        if own != others:
            raise ConfigError(
                f"its {what} is {own}, that of the first network {others}: all networks of an "
                "ensemble take the same images and give the same classes"
            )


class AdaptedNetwork(nn.Module):
    """A network that takes images as its ensemble has them, and gives logits in its order.

    Args:
        network: Takes images of its own mean and std.
        change: Scale and shift from the ensemble's images to its own; None where they are.
        order: For each class of the ensemble the index of its logit; None where that is its own.
    """

    scale: Tensor
    shift: Tensor
    order: Tensor

    def __init__(
        self,
        network: nn.Module,
        change: tuple[Float[Tensor, "C 1 1"], Float[Tensor, "C 1 1"]] | None,
        order: Tensor | None,
    ) -> None:
        super().__init__()
        self.network = network
        self.changes, self.orders = change is not None, order is not None
        # Not saved: the ensemble's description says them.
        for name, value in zip(("scale", "shift"), change or (None, None), strict=True):
            self.register_buffer(name, value, persistent=False)
        self.register_buffer("order", order, persistent=False)

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B classes"]:
        if self.changes:
            images = images * self.scale + self.shift
        logits = self.network(images)
        return logits.index_select(-1, self.order) if self.orders else logits


def inner(network: nn.Module) -> nn.Module:
    """One of an ensemble's networks without what adapts it to the ensemble."""
    return network.network if isinstance(network, AdaptedNetwork) else network
