"""Greedy soups: weights of trained runs are averaged as long as the validation does not fall.

Source: arXiv:2203.05482, Recipe 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch.optim.swa_utils import update_bn

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.basics.seeds import seeded
from cotrain.config import Experiment
from cotrain.config.recipes import load_recipe
from cotrain.data import Splits, TrainingBatches, read_record, training_loader
from cotrain.data.shared_split import shared_split
from cotrain.ensemble.combining import log_probabilities
from cotrain.ensemble.ensemble import Ensemble, load_shipped
from cotrain.ensemble.soup import average, check_alike
from cotrain.evaluation.evaluate import collect_logits
from cotrain.evaluation.images import images_of_parts
from cotrain.evaluation.scores import Scores, scores_of

# An average that answers so much less of the validation images right than the worse of what it
# is made of lies between two minima of the loss, not in one: a share of the images.
COLLAPSE = 0.1


@dataclass(frozen=True, kw_only=True)
class Ingredient:
    """What was tried in a soup.

    Args:
        name: Whose weights.
        alone: Scores of these weights on the validation images.
        together: Scores of the soup with them; None of the first, which is not averaged.
        taken: Whether they are in the soup.
        collapsed: Whether the average answers far worse than what it is made of.
    """

    name: str
    alone: Scores
    together: Scores | None
    taken: bool
    collapsed: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Soup:
    """A mean of weights.

    Args:
        ensemble: Who has them, in evaluation mode.
        ingredients: What was tried, the best alone first.
        start: What all started from; None where it is not known that they share a start.
        scores: Of the soup on the validation images.
        splits: The images that all were trained, selected and tested on.
        experiment: The settings of the best run.
    """

    ensemble: Ensemble
    ingredients: tuple[Ingredient, ...]
    start: str | None
    scores: Scores
    splits: Splits
    experiment: Experiment

    def to_dict(self) -> dict[str, Any]:
        """What ``soup.json`` holds."""
        return {
            "start": self.start,
            "validation": asdict(self.scores),
            "ingredients": [asdict(each) for each in self.ingredients],
        }


def soup_of_runs(runs: Sequence[Path | str], *, device: str = "cpu") -> Soup:
    """The greedy soup of runs of one network, trained and validated on the same images.

    Raises:
        ConfigError: Fewer than two runs, runs that are not alike, no validation images, or weights
            that share no start, so that every average collapses.
    """
    paths = [Path(run) for run in runs]
    if len(set(paths)) < max(2, len(paths)):
        raise ConfigError(f"{len(paths)} runs: give two or more, each once, or --networks with one")
    ensembles = {str(path): load_shipped(path).to(device) for path in paths}
    check_alike(ensembles)
    experiments = {str(path): _settings(path) for path in paths}
    shared_split({str(path): read_record(RunFolder(path).split) for path in paths})
    starts = {_start(each) for each in experiments.values()}
    start = starts.pop() if len(starts) == 1 else None
    return _greedy(paths[0], ensembles, experiments, start)


def soup_of_networks(run: Path | str, *, device: str = "cpu") -> Soup:
    """One network from the S of a run, which must have begun as the same one.

    Raises:
        ConfigError: As ``soup_of_runs``; networks that began with weights of their own collapse.
    """
    path = Path(run)
    ensemble, experiment = load_shipped(path).to(device), _settings(path)
    if ensemble.spec.into == 1:
        raise ConfigError(f"--networks {path}: it has one network: give a run of several")
    if not ensemble.spec.are_equal:
        raise ConfigError(f"--networks {path}: its networks differ: only equal ones have a mean")
    spec = replace(ensemble.spec.unfitted(), members=ensemble.spec.members[:1])
    members = {
        f"{path} network {index}": Ensemble([network], spec).eval()
        for index, network in enumerate(ensemble.networks)
    }
    identical = experiment.co_training.initialization == "identical"
    start = "co_training.initialization=identical" if identical else None
    return _greedy(path, members, dict.fromkeys(members, replace(experiment, into=1)), start)


def _settings(path: Path) -> Experiment:
    run = RunFolder(path)
    run.check_begun()
    return load_recipe(run.config)


def _start(experiment: Experiment) -> str:
    """What weights a run began with; of two runs of one network, equal ones began alike."""
    if experiment.inherit is not None:
        return f"inherit={experiment.inherit}"
    if experiment.pretrained is not False:
        return f"pretrained={experiment.pretrained}, seed={experiment.seed}"
    return f"seed={experiment.seed}, initialization={experiment.co_training.initialization}"


def _greedy(
    run: Path,
    members: Mapping[str, Ensemble],
    experiments: Mapping[str, Experiment],
    start: str | None,
) -> Soup:
    """The soup of members with their settings, on the images of a run."""
    splits = images_of_parts(run, next(iter(members.values())))
    settings = next(iter(experiments.values()))
    alone = {name: _validated(each, splits, settings) for name, each in members.items()}
    first, *rest = sorted(members, key=lambda name: _order(alone[name]), reverse=True)
    taken, soup, best = [first], members[first], alone[first]
    tried = [_ingredient(first, alone[first])]
    for name in rest:
        trial = average([members[each] for each in (*taken, name)])
        if not _keep_statistics([(members[each], experiments[each]) for each in (*taken, name)]):
            _renew_statistics(trial, splits, experiments[name])
        scores = _validated(trial, splits, settings)
        worst = min(alone[each].top1 for each in (*taken, name))
        collapsed = scores.top1 < worst - COLLAPSE
        takes = not collapsed and _order(scores) >= _order(best)
        tried.append(_ingredient(name, alone[name], scores, takes, collapsed))
        if takes:
            taken, soup, best = [*taken, name], trial, scores
    _refuse_collapse(tried, start)
    return Soup(
        ensemble=soup,
        ingredients=tuple(tried),
        start=start,
        scores=best,
        splits=splits,
        experiment=experiments[first],
    )


def _ingredient(
    name: str,
    alone: Scores,
    together: Scores | None = None,
    taken: bool = True,
    collapsed: bool = False,
) -> Ingredient:
    return Ingredient(name=name, alone=alone, together=together, taken=taken, collapsed=collapsed)


def _order(scores: Scores) -> tuple[float, float]:
    """By accuracy, and of equal ones by NLL, as the epochs of a run are selected."""
    return scores.top1, -scores.nll


def _validated(ensemble: Ensemble, splits: Splits, experiment: Experiment) -> Scores:
    if splits.val is None:
        raise ConfigError(
            "the runs have no validation images, by which a soup is judged: train with "
            "data.validation such as 0.2"
        )
    logits, targets = collect_logits(
        ensemble, splits.val, splits.preprocessing, batch_size=experiment.batch_size
    )
    return scores_of(log_probabilities(logits, ensemble.spec.combine), targets)


def _keep_statistics(runs: Sequence[tuple[Ensemble, Experiment]]) -> bool:
    """Whether BatchNorm's statistics are those of the start, as these weights were trained by them.

    They were frozen in all epochs, or up to the one that is shipped.
    """
    if all(experiment.fine_tuning.frozen_batch_norm for _, experiment in runs):
        return True
    first, *others = (dict(ensemble.named_buffers()) for ensemble, _ in runs)
    return all(tensor.equal(each[name]) for each in others for name, tensor in first.items())


def _renew_statistics(ensemble: Ensemble, splits: Splits, experiment: Experiment) -> None:
    """BatchNorm's statistics anew, over one epoch of the views that a run is trained on."""
    batches = TrainingBatches(
        images=splits.train,
        views=experiment.views,
        preprocessing=splits.preprocessing,
        num_classes=len(splits.classes),
        into=ensemble.spec.into,
        seed=experiment.seed,
    )
    loader = training_loader(batches, batch_size=experiment.batch_size)
    with seeded(experiment.seed):  # dropout
        update_bn(loader, ensemble, ensemble.device)  # takes the views of each batch


def _refuse_collapse(tried: Sequence[Ingredient], start: str | None) -> None:
    """Raise ConfigError where nothing could be averaged."""
    first, *others = tried
    if not all(each.collapsed for each in others):
        return
    nearest = max(others, key=lambda each: each.together.top1 if each.together else 0)
    assert nearest.together is not None
    began = f"all began with {start}" if start else "it is not known that they began alike"
    raise ConfigError(
        f"the mean of {first.name} and {nearest.name} is right on {nearest.together.top1:.1%} of "
        f"the validation images, they alone on {first.alone.top1:.1%} and "
        f"{nearest.alone.top1:.1%}: they have come to different minima, between which there is "
        f"none ({began}): give runs with one --inherit, or of one seed, or keep their ensemble"
    )
