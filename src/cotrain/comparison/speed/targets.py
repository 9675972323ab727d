"""From what a user names to what can be timed: networks, runs, ensembles, exported files."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.reading import read_json
from cotrain.basics.run_folder import runs_shipping
from cotrain.comparison.speed.records import Facts
from cotrain.comparison.speed.staged import cascade_top1, sample_of
from cotrain.ensemble.answering import Answering, AnsweringSpec
from cotrain.ensemble.divide import divide
from cotrain.ensemble.ensemble import Ensemble
from cotrain.export import is_exported, open_answering
from cotrain.networks import NetworkSpec
from cotrain.networks.fitting import weightless
from cotrain.networks.registry import named_spec


@dataclass(frozen=True, kw_only=True, eq=False)
class BenchmarkTarget:
    """One that is timed.

    Args:
        facts: Who it is.
        source: An ensemble, which is timed in many ways; an execution of one, or an exported file.
        sample: Prepared images on which its cascade is timed; None where there is none.
    """

    facts: Facts
    source: Answering
    sample: Tensor | None = None


def find_targets(
    texts: Sequence[str],
    *,
    into: Sequence[int] = (1, 2, 4),
    dataset: str | None = None,
    image_size: int | None = None,
    trust: bool = False,
) -> list[BenchmarkTarget]:
    """What the texts name, the large network of each first; nobody twice.

    Args:
        texts: Names of networks; folders of runs, ensembles or comparisons; exported files.
        into: Each S that a named network is divided into; the network itself is timed anyway.
        dataset: Layout and classes of named networks; ``cifar100`` if None.
        image_size: Pixels of named networks; the data set's own if None.
        trust: Whether exported files that can run code (.pt2) are opened.

    Raises:
        ConfigError: Nothing is named, or something that is unknown, damaged or not finished.
    """
    if not texts:
        raise ConfigError("nothing to measure: name a network, a run folder or an exported file")
    given: list[BenchmarkTarget] = []
    for text in texts:
        if is_exported(text) or _is_folder(text):
            given += [_opened(path, trust) for path in _members(Path(text))]
        else:
            large = named_spec(text, dataset=dataset, image_size=image_size)
            given += [_fresh(large, s) for s in dict.fromkeys([1, *into])]
    return _ordered([*given, *_large_networks(given)])


def _is_folder(text: str) -> bool:
    """Whether a text that names no file is meant as a folder: names of networks have no slash,
    but for those of other libraries after their colon."""
    return Path(text).is_dir() or "/" in text.partition(":")[0]


def _opened(path: Path, trust: bool) -> BenchmarkTarget:
    found = open_answering(path, trust=trust)
    if not isinstance(found, Ensemble):  # a file may be of lower precision than what was evaluated
        return benchmark_target(str(path), found)
    target = benchmark_target(str(path), found, _top1(path))
    facts = replace(target.facts, cascade_top1=cascade_top1(path, found))
    return replace(target, facts=facts, sample=sample_of(path, found))


def benchmark_target(name: str, source: Answering, top1: float | None = None) -> BenchmarkTarget:
    """What answers as something to be timed.

    Args:
        name: As it is shown.
        source: Who answers.
        top1: Its accuracy, if it is known.
    """
    spec = source.spec
    facts = Facts(
        name=name,
        large=_name(spec),
        into=spec.into,
        image_shape=spec.image_shape,
        params=spec.params,
        macs=spec.macs,
        top1=top1,
    )
    return BenchmarkTarget(facts=facts, source=source)


def _large_networks(given: Sequence[BenchmarkTarget]) -> Iterator[BenchmarkTarget]:
    """The large network that each was divided from, untrained, unless it is given."""
    ensembles = [
        (target.facts, target.source)
        for target in given
        if isinstance(target.source, Ensemble) and target.source.spec.divided is not None
    ]
    known = {facts.large for facts, ensemble in ensembles if ensemble.spec.is_large}
    for facts, ensemble in ensembles:
        if facts.large not in known:
            weightless(ensemble.spec.large, ensemble.state_dict())  # a file may name any other
            yield _fresh(ensemble.spec.large, 1)


def _members(folder: Path) -> list[Path]:
    """The ensembles of a comparison's first seed; of other folders, the folder itself."""
    record = folder / "comparison.json"
    if not record.is_file():
        return [folder]
    content = read_json(record)
    seeds = content.get("seeds") if isinstance(content, dict) else None
    if not isinstance(seeds, list) or not seeds or type(seeds[0]) is not int:
        raise ConfigError(f"{record} is damaged: it has no seeds: compare again")
    seed = seeds[0]
    return sorted(folder.glob(f"s*-seed{seed}"))


def _top1(path: Path) -> float | None:
    """The accuracy that a run has left, also when its ``ensemble/`` is named."""
    outcomes = (run.outcome() for run in runs_shipping(path))
    return next((outcome.top1 for outcome in outcomes if outcome), None)


def _fresh(large: NetworkSpec, into: int) -> BenchmarkTarget:
    """An untrained ensemble: how fast it is does not depend on its weights."""
    ensemble = divide(large, into, seed=0)
    return benchmark_target(f"{_name(ensemble.spec)}, S={into}", ensemble)


def _name(spec: AnsweringSpec) -> str:
    """What tells large networks apart, also in a file that does not hold their spec."""
    return f"{spec.arch} {'x'.join(map(str, spec.image_shape))}, {spec.num_classes} classes"


def _ordered(targets: Iterable[BenchmarkTarget]) -> list[BenchmarkTarget]:
    """By large network in the order given, then by S; nobody twice."""
    unique = {target.facts.name: target for target in targets}
    groups = list(dict.fromkeys(target.facts.large for target in unique.values()))
    return sorted(unique.values(), key=lambda t: (groups.index(t.facts.large), t.facts.into))
