"""What a comparison trains: the large network, S networks, ablations of these; and their cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.config import Experiment
from cotrain.config.limits import LARGEST_NUMBER

LARGE = "S=1"  # the candidate that the others are compared with


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One thing that is trained, with every seed.

    Args:
        name: As it is shown.
        slug: As its folders are called.
        experiment: Its settings, but for the seed.
    """

    name: str
    slug: str
    experiment: Experiment


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """What a candidate does differently from the co-trained ensemble.

    Args:
        label: As it is shown.
        settings: Parts of the experiment with the fields that change.
    """

    label: str
    settings: Mapping[str, Mapping[str, Any]]

    def of(self, experiment: Experiment) -> Experiment:
        """The changed experiment."""
        parts = {
            part: replace(getattr(experiment, part), **fields)
            for part, fields in self.settings.items()
        }
        return replace(experiment, **parts)


# Independent networks have no co-training loss, and views and initialisations of their own. They
# run through the same loop, so they share the order of the images and, if it is on, the draws of
# mixup and cutmix. Otherwise this equals S separate trainings: the losses are summed and no
# network's loss depends on another's weights. (With ``optimizer.clip`` the norm that is clipped is
# that of all networks.)
INDEPENDENT = Ablation(
    label="independent",
    settings={
        "co_training": {"weight": 0.0, "initialization": "fresh"},
        "views": {"same_view": False},
    },
)
# What the ablations of arXiv:2011.14660 take away, one at a time.
ABLATIONS: Mapping[str, Ablation] = {
    "views": Ablation(label="same view", settings={"views": {"same_view": True}}),
    "loss": Ablation(label="no co-training loss", settings={"co_training": {"weight": 0.0}}),
    "init": Ablation(
        label="identical init", settings={"co_training": {"initialization": "identical"}}
    ),
    "separate": Ablation(
        label="trained separately",
        settings={"co_training": {"together": False}, "hardware": {"execution": "loop"}},
    ),
}


def weighted(weight: float) -> Ablation:
    """A co-training loss of another weight."""
    label = f"weight {_short(weight)}"
    return Ablation(label=label, settings={"co_training": {"weight": weight}})


def list_candidates(
    experiment: Experiment,
    into: Sequence[int],
    independent: bool,
    ablations: Sequence[str] = (),
    sweep: Sequence[float] = (),
    varied: Sequence[int] = (),
) -> list[Candidate]:
    """The co-trained ensemble of every S, then those of ``varied`` with each change.

    Nothing is listed twice: changes that lead to the same settings are one candidate, which has
    the names of both. Taking the loss away is training independently, if nothing else is changed.

    Args:
        experiment: What all share.
        into: Each S.
        independent: Train independent networks too.
        ablations: Names of ``ABLATIONS``.
        sweep: Weights of the co-training loss.
        varied: The S that independent, ablations and sweep are for; the largest if empty.

    Raises:
        ConfigError: An unknown ablation, one that changes nothing, a weight that no loss can have,
            or an S to vary that is not trained or has no networks to change.
    """
    found = [
        Candidate(name=f"S={s}", slug=f"s{s}", experiment=replace(experiment, into=s))
        for s in sorted(into)
    ]
    _check_varied(into, varied)
    for s in sorted(varied) or [max(into)]:
        whole = found[sorted(into).index(s)]
        if independent and _differs(whole, INDEPENDENT):
            found.append(_changed(whole, INDEPENDENT, "independent"))
        for name in ablations:
            _check_ablation(whole, name)
            _add(found, _changed(whole, ABLATIONS[name], name), ABLATIONS[name].label)
        for weight in sweep:
            _check_weight(whole, weight)
            change = weighted(weight)
            _add(found, _changed(whole, change, f"weight{_short(weight)}"), change.label)
    return found


def _short(number: float) -> str:
    """The number as it is given: 2 rather than 2.0."""
    return repr(float(number)).removesuffix(".0")


def _changed(whole: Candidate, ablation: Ablation, slug: str) -> Candidate:
    return Candidate(
        name=f"{whole.name.partition(',')[0]} {ablation.label}",
        slug=f"{whole.slug}-{slug}",
        experiment=ablation.of(whole.experiment),
    )


def _differs(whole: Candidate, ablation: Ablation) -> bool:
    """Whether the change makes another ensemble; one network has no others to depend on."""
    experiment = whole.experiment
    return experiment.into > 1 and ablation.of(experiment) != experiment


def _add(found: list[Candidate], candidate: Candidate, label: str) -> None:
    """List the candidate, or give the one with its settings its label too."""
    for index, each in enumerate(found):
        if each.experiment == candidate.experiment:
            found[index] = replace(each, name=f"{each.name}, {label}")
            return
    found.append(candidate)


def _check_varied(into: Sequence[int], varied: Sequence[int]) -> None:
    for s in varied:
        if s == 1 or s not in into:
            raise ConfigError(
                f"varied={list(varied)}: S={s} is not varied: give some S above 1 of "
                f"into={sorted(into)}"
            )


def _check_ablation(whole: Candidate, name: str) -> None:
    if name not in ABLATIONS:
        raise ConfigError(f"ablation={name!r} is not known: use some of {', '.join(ABLATIONS)}")
    if not _differs(whole, ABLATIONS[name]):
        raise ConfigError(
            f"ablation={name!r} changes nothing: give --into an S above 1, "
            "and settings that do not have the ablation already"
        )


def _check_weight(whole: Candidate, weight: float) -> None:
    if not 0 <= weight <= LARGEST_NUMBER:  # nan is in no order
        raise ConfigError(f"sweep={weight:g} is no weight of a loss: give 0 or more")
    if whole.experiment.into == 1:
        raise ConfigError(f"sweep={weight:g}: S=1 has no co-training: give --into an S above 1")
