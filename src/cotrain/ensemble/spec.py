"""The frozen, JSON-able description of an ensemble, as ``spec.json`` holds it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.basics.records import record_from
from cotrain.config.combining import Combine
from cotrain.dividing.division import network_cost
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.cascade import Cascade
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.networks import NetworkSpec, image_shape_of, spec_from_dict, spec_to_dict


@dataclass(frozen=True, kw_only=True)
class EnsembleSpec:
    """Everything but the weights that an ensemble needs to answer.

    Args:
        network: Spec of each of the S networks.
        into: S.
        large: Spec of the large network that was divided.
        combine: How the S answers become one.
        classes: Names of the classes in the order of the logits; empty when unknown.
        preprocessing: What an image goes through first; None when unknown.
        calibration: What makes the combined probabilities right as often as they say; None where
            it was not fitted. It has a file of its own.
        cascade: How only some of the networks are asked about an image; likewise.
    """

    network: NetworkSpec
    into: int
    large: NetworkSpec
    combine: Combine = "mean_logits"
    classes: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = None
    calibration: Calibration | None = None
    cascade: Cascade | None = None

    @property
    def is_large(self) -> bool:
        """Whether it is the large network itself, and not one small one alone."""
        return self.into == 1 and self.network == self.large

    @property
    def arch(self) -> str:
        """Name of the large network that was divided."""
        return self.large.arch

    @property
    def num_classes(self) -> int:
        """C."""
        return self.network.num_classes

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """[C, H, W] of an image."""
        return image_shape_of(self.network)

    @property
    def params(self) -> int:
        """Trainable parameters of all S networks."""
        return self.into * network_cost(self.network).params

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all S networks for one image (1 MAC = 2 FLOPs)."""
        return self.into * network_cost(self.network).macs

    def unfitted(self) -> "EnsembleSpec":
        """Without what was fitted to the answers of certain weights: for other weights."""
        return replace(self, calibration=None, cascade=None)

    def to_dict(self) -> dict[str, Any]:
        """All that is not fitted as JSON-able values; ``from_dict`` reads it back."""
        return {
            "network": spec_to_dict(self.network),
            "into": self.into,
            "large": spec_to_dict(self.large),
            "combine": self.combine,
            "classes": list(self.classes),
            "preprocessing": asdict(self.preprocessing) if self.preprocessing else None,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "EnsembleSpec":
        """The spec that ``to_dict`` gave.

        Raises:
            ConfigError: Fields that are missing, of the wrong type, or impossible, or that this
                version does not know.
        """
        saved = record_from(_Saved, record)
        spec = cls(
            network=spec_from_dict(saved.network),
            into=saved.into,
            large=spec_from_dict(saved.large),
            combine=saved.combine,
            classes=saved.classes,
            preprocessing=saved.preprocessing,
        )
        if spec.classes and len(spec.classes) != spec.num_classes:
            raise ConfigError(
                f"classes are {len(spec.classes)} names for {spec.num_classes} logits: "
                "give one for each"
            )
        return spec


@dataclass(frozen=True, kw_only=True)
class _Saved:
    """The fields of an ``EnsembleSpec`` in a file."""

    network: dict[str, Any]
    into: int
    large: dict[str, Any]
    combine: Combine
    classes: tuple[str, ...]
    preprocessing: Preprocessing | None
