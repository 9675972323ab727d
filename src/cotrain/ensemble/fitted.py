"""What is fitted to the answers of certain weights, and is refused beside others.

A calibration and a cascade stand beside the weights, each in a JSON file with the digest of those
that it was fitted for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from cotrain.basics.errors import ConfigError
from cotrain.basics.files import write_json
from cotrain.basics.machine import __version__
from cotrain.basics.reading import read_json
from cotrain.basics.records import record_from
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.cascade import Cascade
from cotrain.ensemble.peers.spec import PeerSpec
from cotrain.ensemble.spec import EnsembleSpec

Fitted = Calibration | Cascade

# By the field of an ensemble's spec; the file is called alike.
_KINDS: Mapping[str, type[Fitted]] = {"calibration": Calibration, "cascade": Cascade}
_VERBS: Mapping[str, str] = {"calibration": "calibrate", "cascade": "cascade"}
_FORMAT = 1
_HEADING: Sequence[str] = ("format", "cotrain", "weights_sha256")


def write_beside(folder: Path, fitted: Fitted, weights_sha256: str) -> Path:
    """Write what was fitted for the weights with this digest; where it is now."""
    name = next(name for name, kind in _KINDS.items() if isinstance(fitted, kind))
    path = folder / f"{name}.json"
    record = {"format": _FORMAT, "cotrain": __version__, "weights_sha256": weights_sha256}
    write_json(path, {**record, **asdict(fitted)})
    return path


def write_all_beside(folder: Path, spec: EnsembleSpec | PeerSpec, weights_sha256: str) -> None:
    """Write all that a spec has."""
    for name in _KINDS:
        fitted = getattr(spec, name)
        if fitted is not None:
            write_beside(folder, fitted, weights_sha256)


def remove_beside(folder: Path) -> None:
    """Remove what was fitted for other weights, perhaps."""
    for name in _KINDS:
        if (folder / f"{name}.json").is_file():
            (folder / f"{name}.json").unlink()


def read_beside(folder: Path, spec: EnsembleSpec, weights_sha256: str) -> dict[str, Fitted]:
    """What was fitted, by the field of the spec.

    Raises:
        ConfigError: It is damaged, of another version, or was fitted for other weights.
    """
    paths = {name: folder / f"{name}.json" for name in _KINDS}
    return {
        name: _read(path, name, spec, weights_sha256)
        for name, path in paths.items()
        if path.exists()
    }


def _read(path: Path, name: str, spec: EnsembleSpec, weights_sha256: str) -> Fitted:
    try:
        fitted = _from_record(read_json(path), name, weights_sha256)
        fitted.check_fits(spec.into, spec.combine)
    except ConfigError as error:
        raise ConfigError(
            f"{path} does not fit the ensemble ({error}): remove it, then fit another with "
            f"cotrain {_VERBS[name]}"
        ) from None
    return fitted


def _from_record(record: object, name: str, weights_sha256: str) -> Fitted:
    if not isinstance(record, Mapping):
        raise ConfigError("it is no map")
    values = {key: value for key, value in record.items() if key not in _HEADING}
    if record.get("format") != _FORMAT:
        raise ConfigError(f"its format is not {_FORMAT}")
    if record.get("weights_sha256") != weights_sha256:
        raise ConfigError("it was fitted for other weights")
    return record_from(_KINDS[name], values, name)
