"""What a comparison trains: the large network, S networks, ablations of these; and their cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cotrain.basics.errors import ConfigError
from cotrain.config import Experiment

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
    "separate": Ablation(label="trained separately", settings={"co_training": {"together": False}}),
}


def list_candidates(
    experiment: Experiment,
    into: Sequence[int],
    independent: bool,
    ablations: Sequence[str] = (),
) -> list[Candidate]:
    """The co-trained ensemble of every S, then the largest S with each ablation.

    Nothing is listed twice: ablations that lead to the same settings are one candidate, which has
    the names of both. Taking the loss away is training independently, if nothing else is changed.

    Args:
        experiment: What all share.
        into: Each S.
        independent: Train the largest S as independent networks too.
        ablations: Names of ``ABLATIONS``.

    Raises:
        ConfigError: An unknown ablation, or one that changes nothing.
    """
    found = [
        Candidate(name=f"S={s}", slug=f"s{s}", experiment=replace(experiment, into=s))
        for s in sorted(into)
    ]
    largest = found[-1]
    alone = INDEPENDENT.of(largest.experiment)
    if independent and alone.into > 1 and alone != largest.experiment:
        found.append(_changed(largest, INDEPENDENT, "independent"))
    for name in ablations:
        candidate = _ablated(largest, name)
        same = [i for i, each in enumerate(found) if each.experiment == candidate.experiment]
        for index in same:
            label = f"{found[index].name}, {ABLATIONS[name].label}"
            found[index] = replace(found[index], name=label)
        if not same:
            found.append(candidate)
    return found


def _changed(largest: Candidate, ablation: Ablation, slug: str) -> Candidate:
    return Candidate(
        name=f"{largest.name} {ablation.label}",
        slug=f"{largest.slug}-{slug}",
        experiment=ablation.of(largest.experiment),
    )


def _ablated(largest: Candidate, name: str) -> Candidate:
    """The largest ensemble without what an ablation takes away."""
    if name not in ABLATIONS:
        raise ConfigError(f"ablation={name!r} is not known: use some of {', '.join(ABLATIONS)}")
    candidate = _changed(largest, ABLATIONS[name], name)
    if largest.experiment.into == 1 or candidate.experiment == largest.experiment:
        raise ConfigError(
            f"ablation={name!r} changes nothing: give --into an S above 1, "
            "and settings that do not have the ablation already"
        )
    return candidate
