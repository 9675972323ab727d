"""The frozen, JSON-able description of an ensemble, as ``spec.json`` holds it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.basics.records import record_from
from cotrain.config.combining import Combine
from cotrain.config.limits import MOST_NETWORKS
from cotrain.dividing.division import NetworkCost, network_cost
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.cascade import Cascade
from cotrain.ensemble.member import Member, refuse_other_images
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.networks import NetworkSpec, image_shape_of, spec_from_dict, spec_to_dict


@dataclass(frozen=True, kw_only=True)
class EnsembleSpec:
    """Everything but the weights that an ensemble needs to answer.

    Args:
        members: The S networks.
        divided: Spec of the large network that was divided; None where networks were assembled.
        combine: How the S answers become one.
        classes: Names of the classes in the order of the logits; empty when unknown.
        preprocessing: What an image goes through first; None when unknown.
        calibration: What makes the combined probabilities right as often as they say; None where
            it was not fitted. It has a file of its own.
        cascade: How only some of the networks are asked about an image; likewise.

    Raises:
        ConfigError: Networks that do not take the same images, or do not give the same classes.
    """

    members: tuple[Member, ...]
    divided: NetworkSpec | None
    combine: Combine = "mean_logits"
    classes: tuple[str, ...] = ()
    preprocessing: Preprocessing | None = None
    calibration: Calibration | None = None
    cascade: Cascade | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.members) <= MOST_NETWORKS:
            raise ConfigError(f"{len(self.members)} networks: an ensemble has 1 to {MOST_NETWORKS}")
        for index, member, _ in self._runs():
            try:
                refuse_other_images(member.network, self.members[0].network)
                member.check_fits(self.preprocessing, self.classes)
            except ConfigError as problem:
                raise ConfigError(f"network {index}: {problem}") from None

    @classmethod
    def of_equal(
        cls, network: NetworkSpec, into: int, *, large: NetworkSpec, **others: Any
    ) -> "EnsembleSpec":
        """That of S networks of one spec, into which a large network was divided.

        Raises:
            ConfigError: ``into`` is no number that an ensemble has.
        """
        return cls(members=_repeated(Member(network=network), into), divided=large, **others)

    @property
    def into(self) -> int:
        """S."""
        return len(self.members)

    @property
    def are_equal(self) -> bool:
        """Whether all S networks are of one spec, and take and give the same."""
        return len(self._runs()) == 1

    @property
    def network(self) -> NetworkSpec:
        """Spec of each of the S networks.

        Raises:
            ConfigError: They differ.
        """
        if not self.are_equal:
            raise ConfigError("the networks of the ensemble differ: ask for spec.members")
        return self.members[0].network

    @property
    def large(self) -> NetworkSpec:
        """Spec of the large network that was divided.

        Raises:
            ConfigError: None was: networks were assembled.
        """
        if self.divided is None:
            raise ConfigError(
                "the ensemble was assembled: there is no large network that was divided into it"
            )
        return self.divided

    @property
    def is_large(self) -> bool:
        """Whether it is the large network itself, and not one small one alone."""
        return self.into == 1 and self.members[0].network == self.divided

    @property
    def arch(self) -> str:
        """Name of the large network that was divided, or of those that were assembled."""
        if self.divided is not None:
            return self.divided.arch
        return " + ".join(dict.fromkeys(each.network.arch for each in self.members))

    @property
    def num_classes(self) -> int:
        """C."""
        return self.members[0].network.num_classes

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """[C, H, W] of an image."""
        return image_shape_of(self.members[0].network)

    @property
    def params(self) -> int:
        """Trainable parameters of all S networks."""
        return sum(each.params for each in self.costs())

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all S networks for one image (1 MAC = 2 FLOPs)."""
        return sum(each.macs for each in self.costs())

    def costs(self) -> tuple[NetworkCost, ...]:
        """Of each network."""
        counted = [(network_cost(member.network), count) for _, member, count in self._runs()]
        return tuple(cost for cost, count in counted for _ in range(count))

    def _runs(self) -> list[tuple[int, Member, int]]:
        """Equal members beside each other: the index of the first, one of them, how many."""
        index, found = 0, []
        for member, equal in groupby(self.members):
            found.append((index, member, sum(1 for _ in equal)))
            index += found[-1][2]
        return found

    def unfitted(self) -> "EnsembleSpec":
        """Without what was fitted to the answers of certain weights: for other weights."""
        return replace(self, calibration=None, cascade=None)

    def to_dict(self) -> dict[str, Any]:
        """All that is not fitted as JSON-able values; ``from_dict`` reads it back."""
        first, networks = self.members[0], {}
        if self.are_equal and self.divided is not None and not first.prefix:
            networks |= {"network": spec_to_dict(first.network), "into": self.into}
        else:
            counted = [{**each.to_dict(), "count": count} for _, each, count in self._runs()]
            networks |= {"members": counted}
        return {
            **networks,
            "large": None if self.divided is None else spec_to_dict(self.divided),
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
        saved = record_from(_SavedMembers if "members" in record else _SavedEqual, record)
        spec = cls(
            members=saved.read(),
            divided=None if saved.large is None else spec_from_dict(saved.large),
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
    """The fields of an ``EnsembleSpec`` in a file that all have."""

    large: dict[str, Any] | None
    combine: Combine
    classes: tuple[str, ...]
    preprocessing: Preprocessing | None


@dataclass(frozen=True, kw_only=True)
class _SavedEqual(_Saved):
    """Of networks that were divided alike."""

    network: dict[str, Any]
    large: dict[str, Any]
    into: int

    def read(self) -> tuple[Member, ...]:
        return _repeated(Member(network=spec_from_dict(self.network)), self.into)


@dataclass(frozen=True, kw_only=True)
class _SavedMembers(_Saved):
    """Of any networks; equal ones beside each other are one record with their number."""

    members: tuple[dict[str, Any], ...]

    def read(self) -> tuple[Member, ...]:
        each = [{**record} for record in self.members]
        counts = [record.pop("count", None) for record in each]
        found = [Member.from_dict(record) for record in each]
        return tuple(one for pair in zip(found, counts, strict=True) for one in _repeated(*pair))


def _repeated(member: Member, count: object) -> tuple[Member, ...]:
    """Raise ConfigError where it is not so many as an ensemble has."""
    if type(count) is not int or not 1 <= count <= MOST_NETWORKS:
        raise ConfigError(f"{count!r} networks: an ensemble has 1 to {MOST_NETWORKS}")
    return (member,) * count
