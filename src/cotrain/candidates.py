"""What a comparison trains: the large network, S networks, S independent ones; and their cost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cotrain.config import Experiment
from cotrain.division import is_equal_cost, network_cost
from cotrain.ensemble import Ensemble

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


def list_candidates(
    experiment: Experiment, into: Sequence[int], independent: bool
) -> list[Candidate]:
    """The co-trained ensemble of every S, then the largest S trained independently.

    Independent networks have no co-training loss, and views and initialisations of their own.
    They run through the same loop, so they share the order of the images and, if it is on, the
    draws of mixup and cutmix. Otherwise this equals S separate trainings: the losses are summed
    and no network's loss depends on another's weights. (With ``optimizer.clip`` the norm that is
    clipped is that of all networks.)
    """
    found = [
        Candidate(name=f"S={s}", slug=f"s{s}", experiment=replace(experiment, into=s))
        for s in sorted(into)
    ]
    largest = found[-1]
    alone = _independent(largest.experiment)
    if independent and alone.into > 1 and alone != largest.experiment:
        name, slug = f"{largest.name} independent", f"{largest.slug}-independent"
        found.append(Candidate(name=name, slug=slug, experiment=alone))
    return found


def _independent(experiment: Experiment) -> Experiment:
    return replace(
        experiment,
        co_training=replace(experiment.co_training, weight=0.0, initialization="independent"),
        views=replace(experiment.views, same_view=False),
    )


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What an ensemble costs, and as a multiple of its large network.

    Args:
        params: Trainable parameters of all S networks.
        macs: Multiply-accumulates of all S networks for one image (1 MAC = 2 FLOPs).
        params_ratio: ``params`` divided by the large network's.
        macs_ratio: ``macs`` divided by the large network's.
        equal: Both ratios are from 0.85 to 1.15.
    """

    params: int
    macs: int
    params_ratio: float
    macs_ratio: float
    equal: bool


def cost_of(ensemble: Ensemble) -> Cost:
    """The cost of an ensemble beside that of the large network that was divided."""
    large = network_cost(ensemble.spec.large)
    params, macs = ensemble.params, ensemble.macs(image_shape(ensemble))
    ratios = params / large.params, macs / large.macs
    return Cost(
        params=params,
        macs=macs,
        params_ratio=ratios[0],
        macs_ratio=ratios[1],
        equal=all(is_equal_cost(ratio) for ratio in ratios),
    )


def image_shape(ensemble: Ensemble) -> tuple[int, int, int]:
    """[C, H, W] of the images that the ensemble takes."""
    spec = ensemble.spec.network
    return spec.in_channels, spec.image_size, spec.image_size
