"""All candidates of a comparison: large and divided, varied, mixed, and peers."""

from collections.abc import Mapping, Sequence

from cotrain.basics.errors import ConfigError
from cotrain.comparison.accuracy.candidates import Candidate, list_candidates
from cotrain.comparison.accuracy.mixed import list_mixed
from cotrain.comparison.accuracy.peers import list_peers
from cotrain.config import Experiment


def all_candidates(
    experiment: Experiment,
    *,
    into: Sequence[int] = (1, 2, 4),
    seeds: Sequence[int] = (0, 1, 2),
    independent: bool = True,
    ablations: Sequence[str] = (),
    sweep: Sequence[float] = (),
    varied: Sequence[int] = (),
    peers: Sequence[str] = (),
    mixed: Sequence[str] = (),
) -> list[Candidate]:
    """What ``compare`` with these arguments trains with every seed.

    Raises:
        ConfigError: An argument that is empty, repeats itself or is not known.
    """
    lists = {"into": into, "seeds": seeds, "ablation": ablations, "sweep": sweep, "varied": varied}
    _check(lists)
    candidates = list_candidates(experiment, into, independent, ablations, sweep, varied)
    return [*candidates, *list_mixed(experiment, mixed), *list_peers(experiment, peers)]


def _check(lists: Mapping[str, Sequence[object]]) -> None:
    for name, values in lists.items():
        if not values and name in ("into", "seeds"):
            raise ConfigError(f"{name}=[] is empty: give at least one")
        if len(set(values)) < len(values):
            raise ConfigError(f"{name}={list(values)} repeats a value: give each once")
