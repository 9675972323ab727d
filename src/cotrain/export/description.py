"""What a file says about itself: all that is needed to use it, without the ensemble's folder."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from cotrain.basics.errors import ConfigError
from cotrain.basics.reading import parse_json
from cotrain.basics.records import record_from
from cotrain.config.combining import Combine
from cotrain.config.export import Format, Precision
from cotrain.config.limits import (
    LARGEST_IMAGE,
    MOST_NETWORKS,
    at_least,
    between,
    check_settings,
    required,
)
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.cascade import Cascade
from cotrain.ensemble.preprocessing import Preprocessing

KEY = "cotrain"  # where a file keeps the record: ONNX metadata, or extra/cotrain.json in a .pt2
RECORD = f"{KEY}.json"


@dataclass(frozen=True, kw_only=True)
class Description:
    """The record that is embedded in an exported file.

    Args:
        format: Kind of the file.
        precision: What the networks compute in.
        arch: Name of the large network that was divided, or of those that were assembled.
        into: S.
        num_classes: C.
        in_channels: Channels of an image.
        image_size: Height and width in pixels.
        normalize: Whether the file takes pixels in 0..255; else it takes normalised images.
        combine: How the S answers become one.
        classes: Names of the classes in the order of the logits; empty when unknown.
        preprocessing: What an image goes through first; None when unknown.
        calibration: What the file's probabilities are calibrated by; None where they are not.
        cascade: How only some of the files of a split folder are asked; None where all are.
        params: Parameters of all S networks.
        macs: Multiply-accumulates of all S networks for one image.
        cotrain: Version that wrote the file.
        torch: Version that traced the networks.
    """

    format: Format
    precision: Precision
    arch: str
    into: int = required(between(1, MOST_NETWORKS))
    num_classes: int = required(at_least(1))
    in_channels: int = required(between(1, LARGEST_IMAGE))
    image_size: int = required(between(1, LARGEST_IMAGE))
    normalize: bool
    combine: Combine
    classes: tuple[str, ...]
    preprocessing: Preprocessing | None
    params: int
    macs: int
    cotrain: str
    torch: str
    calibration: Calibration | None = None
    cascade: Cascade | None = None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """[C, H, W] of an image."""
        return (self.in_channels, self.image_size, self.image_size)

    @property
    def normalization(self) -> Preprocessing | None:
        """How the file makes images of pixels; None if it takes normalised images."""
        return self.preprocessing if self.normalize else None

    def to_json(self) -> str:
        """The record as JSON; ``from_json`` reads it back."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes, path: Path) -> "Description":
        """The record that ``path`` holds; fields of later versions are left out.

        Raises:
            ConfigError: The record is damaged.
        """
        record = parse_json(text, str(path))
        names = {field.name for field in fields(cls)}
        try:
            if isinstance(record, dict):
                record = {name: value for name, value in record.items() if name in names}
            description = record_from(cls, record)
            check_settings(description)
            if description.classes and len(description.classes) != description.num_classes:
                raise ConfigError(f"{len(description.classes)} names of classes for its logits")
            for fitted in (description.calibration, description.cascade):
                if fitted is not None:
                    fitted.check_fits(description.into, description.combine)
        except ConfigError as error:
            raise ConfigError(
                f"{path}: what it says about itself is damaged ({error}): export it again"
            ) from None
        return description
