"""The frozen, JSON-able description of a peer, as ``spec.json`` holds it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.basics.records import record_from
from cotrain.config.combining import Combine
from cotrain.config.peer import PeerKind
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.networks import NetworkSpec, image_shape_of, spec_from_dict, spec_to_dict


@dataclass(frozen=True, kw_only=True)
class PeerSpec:
    """Everything but the weights that a peer needs to answer.

    Args:
        peer: How one network gives S answers.
        into: S.
        large: Spec of the large network that it was made of.
        params: Trainable parameters.
        macs: Multiply-accumulates for one image (1 MAC = 2 FLOPs).
        combine: How the S answers become one.
        classes: Names of the classes in the order of the logits; empty when unknown.
        preprocessing: What an image goes through first; None when unknown.
    """

    peer: PeerKind
    into: int
    large: NetworkSpec
    params: int
    macs: int
    combine: Combine = "mean_logits"
    classes: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = None

    calibration = None  # what is fitted for a peer is not kept
    cascade = None  # its answers come all at once

    @property
    def arch(self) -> str:
        """Name of the large network that it was made of."""
        return self.large.arch

    @property
    def num_classes(self) -> int:
        """C."""
        return self.large.num_classes

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """[C, H, W] of an image."""
        return image_shape_of(self.large)

    def to_dict(self) -> dict[str, Any]:
        """All as JSON-able values; ``from_dict`` reads it back."""
        return {**asdict(self), "large": spec_to_dict(self.large), "classes": list(self.classes)}

    @staticmethod
    def from_dict(record: Mapping[str, Any]) -> "PeerSpec":
        """The spec that ``to_dict`` gave.

        Raises:
            ConfigError: Fields that are missing, of the wrong type, or impossible.
        """
        saved = record_from(_Saved, record)
        if saved.into < 2:
            raise ConfigError(f"into={saved.into} is below 2")
        return PeerSpec(**{**vars(saved), "large": spec_from_dict(saved.large)})


@dataclass(frozen=True, kw_only=True)
class _Saved:
    """The fields of a ``PeerSpec`` in a file."""

    peer: PeerKind
    into: int
    large: dict[str, Any]
    params: int
    macs: int
    combine: Combine
    classes: tuple[str, ...]
    preprocessing: Preprocessing | None
