"""What a run starts from or learns from: its trained network, and which images it held out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import possible_runs
from cotrain.config import Data, Experiment
from cotrain.data import SplitRecord, read_record
from cotrain.data.same_images import is_same
from cotrain.data.sources import Source
from cotrain.data.split_record import splitting
from cotrain.ensemble.ensemble import Ensemble, load_shipped, shipped_folder
from cotrain.ensemble.folder import read_spec
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.evaluation.scores import check_classes
from cotrain.networks import ForeignSpec, NetworkSpec


def parents_split(experiment: Experiment, source: Source | None) -> SplitRecord | None:
    """How the run that is inherited from, or learnt from, split the same images."""
    parents = {"inherit": experiment.inherit, "teacher.run": experiment.teacher.run}
    found: SplitRecord | None = None
    for name, path in parents.items():
        record = None if path is None else _split_of(Path(path), name, experiment.data, source)
        if record is not None and found is not None and record.digest != found.digest:
            raise ConfigError(
                f"inherit={experiment.inherit} and {name}={path} held out different images, of "
                "which one has seen the other's: give runs of the same split"
            )
        found = found or record
    return found


def _split_of(parent: Path, name: str, data: Data, source: Source | None) -> SplitRecord | None:
    records = (read_record(run.split) for run in possible_runs(parent))
    record = next((each for each in records if each is not None), None)
    if record is None or not is_same(record, data, source):
        return None
    for setting, value in splitting(data).items():
        own = record.origin.settings.get(setting)
        if own != value:
            raise ConfigError(
                f"{name}={parent}: it was trained with data.{setting}={own}, not {value}: give the "
                "same, so that what it held out stays held out"
            )
    return record


def parents_images(experiment: Experiment) -> Preprocessing | None:
    """How the images are made that the inherited weights know; None if they are not known.

    Raises:
        ConfigError: There is no ensemble to inherit from.
    """
    if experiment.inherit is None:
        return None
    return read_spec(shipped_folder(Path(experiment.inherit))).preprocessing


def _unversioned(spec: NetworkSpec) -> NetworkSpec:
    """Without the versions of its library, of which loading the weights has told already."""
    return replace(spec, versions={}) if isinstance(spec, ForeignSpec) else spec


def trained_network(experiment: Experiment, large: NetworkSpec, classes: Sequence[str]) -> Ensemble:
    """The trained large network that the S networks start from.

    Raises:
        ConfigError: It is another one, or answers other classes, or in another order.
    """
    trained = load_shipped(Path(str(experiment.inherit)))
    found = trained.spec
    if not found.is_large or _unversioned(found.large) != _unversioned(large):
        what = found.arch if found.divided is None else f"{found.arch} divided into {found.into}"
        size = found.members[0].network.image_size
        raise ConfigError(
            f"inherit={experiment.inherit}: it holds {what}, for {found.num_classes} classes and "
            f"images of {size} pixels: give a run of {large.arch} with --into 1 on the same "
            "classes and image size, with the same network_options"
        )
    try:
        check_classes(trained, classes)
    except ConfigError as error:
        raise ConfigError(f"inherit={experiment.inherit}: {error}") from None
    return trained
