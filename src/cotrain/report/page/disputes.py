"""Images that the large network answers right and the divided one wrong, and the other way."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float
from cotrain.comparison.accuracy.candidates import LARGE
from cotrain.data import Splits
from cotrain.evaluation.images import images_to_test
from cotrain.report.page.answered import Answered
from cotrain.report.page.contents import Exhibit, Gallery, Section
from cotrain.report.page.gallery import SHOWN, exhibit_of

_SEEDS = 4  # of each of the two, whose votes are listed

Runs = Mapping[str, Sequence[Answered]]


def disputes(runs: Runs) -> Section | None:
    """What the large network and the best co-trained networks answer otherwise, image by image.

    None where the one or the other was not trained.

    Args:
        runs: Of every candidate, a run a seed.
    """
    divided = _best_divided(runs)
    if divided is None or LARGE not in runs:
        return None
    right = {name: _right(runs[name]) for name in (LARGE, divided)}
    only = {
        f"{LARGE} right, {divided} wrong": _ranked(right[LARGE], right[divided]),
        f"{divided} right, {LARGE} wrong": _ranked(right[divided], right[LARGE]),
    }
    says = [
        f"Of {len(right[LARGE]):,} test images {LARGE}, the large network, alone answers "
        f"{len(only[f'{LARGE} right, {divided} wrong']):,} right, and {divided} alone "
        f"{len(only[f'{divided} right, {LARGE} wrong']):,}, in more than half of the seeds."
    ]
    shown: list[Gallery] = []
    try:
        images = _images(runs[LARGE][0])
        voters = {name: runs[name][:_SEEDS] for name in (LARGE, divided)}
        for title, places in only.items():
            exhibits = [_exhibit(voters, images, place) for place in places[:SHOWN]]
            shown += [Gallery(title=title, exhibits=exhibits)] if exhibits else []
    except ConfigError as error:
        says.append(f"The images cannot be shown: {error}.")
    return Section(title="Where they differ", says=says, galleries=shown)


def _best_divided(runs: Runs) -> str | None:
    """The co-trained networks of the fewest errors; what is done otherwise has a longer name.

    A sweep adds the weight that they have anyway: ``S=4, weight 0.5``.
    """
    plain = [name for name in runs if name != LARGE and " " not in name.partition(",")[0]]
    return max(plain, key=lambda name: _right(runs[name]).sum().item(), default=None)


def _right(runs: Sequence[Answered]) -> Float[Tensor, " N"]:
    """The share of the seeds that answer each image right."""
    found = [(run.log_p.argmax(-1) == run.targets).double() for run in runs]
    return torch.stack(found).mean(0)


def _ranked(one: Tensor, other: Tensor) -> list[int]:
    """Images that most seeds of the one answer right and of the other wrong, the clearest first."""
    order = (other - one).argsort(stable=True)
    return order[(one[order] > 0.5) & (other[order] < 0.5)].tolist()


def _images(run: Answered) -> Splits:
    assert run.run is not None
    images = images_to_test(run.run.folder.root, run.ensemble)
    run.check_same(images)
    return images


def _exhibit(voters: Runs, images: Splits, place: int) -> Exhibit:
    heard = [
        (f"{name}, seed {run.run.experiment.seed}", run.log_p[place])
        for name, each in voters.items()
        for run in each
        if run.run is not None
    ]
    first = voters[LARGE][0]
    return exhibit_of(images, place, int(first.targets[place]), first.labels, heard)
