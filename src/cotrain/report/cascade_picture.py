"""A run's cascade as a picture, beside fewer networks, all of them, and the large network."""

from pathlib import Path

from matplotlib.figure import Figure

from cotrain.basics.errors import ConfigError
from cotrain.data import read_record
from cotrain.data.split_record import PartRecord
from cotrain.report.page.answered import Answered, open_run
from cotrain.report.page.fewer import fewer_networks_picture


def cascade_picture(run: Path, large: Path | None = None) -> Figure:
    """Error on the test images against mean MACs; see ``fewer_networks_picture``.

    Args:
        run: Of S networks.
        large: A run of the large network, tested on the same images; None leaves it out.

    Raises:
        ConfigError: One of them has not ended or was not tested, or the runs do not fit each other.
    """
    opened = open_run(run)
    return fewer_networks_picture(opened, None if large is None else _beside(large, opened)).figure


def _beside(large: Path, opened: Answered) -> Answered:
    """The large network's answers, if they are to the same images."""
    found = open_run(large)
    into = found.ensemble.spec.into
    if into != 1:
        raise ConfigError(
            f"large={str(large)!r} is a run of S={into} networks: give one of the large network, "
            "S=1"
        )
    here, there = _tested(opened), _tested(found)
    known = here is not None and there is not None
    if not (here == there if known else found.targets.equal(opened.targets)):
        raise ConfigError(
            f"large={str(large)!r} was tested on other images than the ensemble: train both with "
            "the same data settings, as cotrain compare does"
        )
    return found


def _tested(answered: Answered) -> PartRecord | None:
    """The test images; None where the run has left no record of them."""
    assert answered.run is not None
    record = read_record(answered.run.folder.split)
    return None if record is None else record.tested
