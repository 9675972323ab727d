"""What the verbs of the command do; their arguments and docstrings are its help."""

import json as json_format
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import torch
from rich.console import Console

from cotrain.config import Data, Experiment
from cotrain.ensemble import Combine
from cotrain.errors import ConfigError
from cotrain.networks import spec as named_spec


def divide(
    network: str,
    *,
    into: int | str = 4,
    dataset: str = "cifar100",
    num_classes: int | None = None,
    in_channels: int = 3,
    image_size: int | None = None,
    weight_decay: float = 5e-4,
    json: bool = False,
) -> None:
    """Show what a network costs when it is divided, before anything is trained.

    Args:
        network: Name of the large network, such as wide_resnet28_10.
        into: S, or several such as 1,2,4.
        dataset: Layout and defaults: cifar10, cifar100, svhn or imagenet.
        num_classes: Classes; the data set's own if not given.
        in_channels: 3 for RGB, 1 for grey.
        image_size: Pixels; the data set's own if not given.
        weight_decay: Weight decay of the large network, to show it divided.
        json: Print JSON instead of tables.
    """
    from cotrain.division import describe_division
    from cotrain.report import division_table

    large = named_spec(
        network,
        dataset=dataset,
        num_classes=num_classes,
        in_channels=in_channels,
        image_size=image_size,
    )
    sizes = whole_numbers("into", into)
    divisions = [describe_division(large, s, weight_decay=weight_decay) for s in sizes]
    if json:
        print(json_format.dumps([asdict(division) for division in divisions], indent=2))
        return
    for division in divisions:
        Console().print(division_table(division))


def train(
    *,
    output: str | None = None,
    resume: str | None = None,
    progress: bool = True,
    **settings: Any,
) -> None:
    """Divide a network, co-train the S networks, and evaluate the ensemble.

    Args:
        output: Run folder to write: config.yaml, metrics.csv, tensorboard, checkpoints, ensemble,
            evaluation.json.
        resume: Run folder to go on with, from its newest whole checkpoint; its own settings hold.
        progress: Show a progress bar.
    """
    from cotrain.recipes import load_recipe
    from cotrain.report import evaluation_table
    from cotrain.run_folder import RunFolder
    from cotrain.training import fit

    experiment = Experiment(**settings)
    if (output is None) == (resume is None):
        raise ConfigError("train needs --output FOLDER for a new run, or --resume FOLDER")
    if resume is not None:
        if experiment != Experiment():
            raise ConfigError(f"--resume {resume} keeps the run's own settings: give no others")
        config = RunFolder(Path(resume)).config
        if not config.is_file():
            raise ConfigError(f"--resume {resume}: there is no run: it has no config.yaml")
        experiment = load_recipe(config)
    result = fit(experiment, output or resume or "", resume=resume is not None, progress=progress)
    if result.evaluation is not None:
        Console().print(evaluation_table(result.evaluation))
        print(f"ensemble: {RunFolder(result.folder).ensemble}")


def evaluate(
    path: str,
    *,
    data: Data | None = None,
    combine: Combine | None = None,
    batch_size: int = 64,
    device: str = "cpu",
    output: str | None = None,
    json: bool = False,
) -> None:
    """Evaluate every network and the ensemble: accuracy, calibration, diversity.

    Args:
        path: A run folder or an ensemble's folder.
        data: Images to test on; those of the run if not given.
        combine: How the answers are combined; the ensemble's own way if not given.
        batch_size: Images at once.
        device: cpu or cuda.
        output: JSON file to write.
        json: Print JSON instead of a table.
    """
    from cotrain.folder_evaluation import evaluate_folder
    from cotrain.report import evaluation_table

    result = evaluate_folder(
        Path(path),
        data=data,
        combine=combine,
        batch_size=batch_size,
        device=checked_device(device),
    )
    if output is not None:
        result.write_json(Path(output))
    if json:
        print(json_format.dumps(result.to_dict(), indent=2))
    else:
        Console().print(evaluation_table(result.evaluation))


def predict(
    ensemble: str,
    images: str,
    *,
    format: Literal["table", "csv", "jsonl"] = "table",
    combine: Combine | None = None,
    batch_size: int = 64,
    device: str = "cpu",
) -> None:
    """Answer for an image or a folder of images: label, probability, disagreement.

    Args:
        ensemble: An ensemble's folder, or a run folder.
        images: An image file, or a folder that is searched for images.
        format: A table, CSV or JSON lines.
        combine: How the answers are combined; the ensemble's own way if not given.
        batch_size: Images at once.
        device: cpu or cuda.
    """
    from cotrain.folder_evaluation import load_shipped
    from cotrain.prediction import find_images, predict_files, to_csv, to_jsonl
    from cotrain.report import prediction_table

    loaded = load_shipped(Path(ensemble))
    loaded.spec = replace(loaded.spec, combine=combine or loaded.spec.combine)
    paths = find_images(Path(images))
    rows = list(predict_files(loaded, paths, batch_size=batch_size, device=checked_device(device)))
    if format == "table":
        Console().print(prediction_table(rows))
    else:
        print({"csv": to_csv, "jsonl": to_jsonl}[format](rows), end="")
    if all(row.error for row in rows):
        raise ConfigError(f"{images}: none of {len(rows)} images could be read: {rows[0].error}")


def compare(
    *,
    output: str,
    sizes: int | str = "1,2,4",
    seeds: int | str = "0,1,2",
    independent: bool = True,
    jobs: int | None = None,
    **settings: Any,
) -> None:
    """Train the large network and S networks of the same cost, over several seeds, and compare.

    Args:
        output: Folder of the comparison; a comparison that was stopped is gone on with.
        sizes: The S to compare (--into is the same), 1 being the large network.
        seeds: One run for each.
        independent: Also train the largest S without the co-training loss.
        jobs: Runs at once; as many as there are cores, or one on a GPU, if not given.
    """
    from cotrain.comparison import compare as run_comparison
    from cotrain.report import comparison_table

    comparison = run_comparison(
        Experiment(**settings),
        Path(output),
        into=whole_numbers("into", sizes),
        seeds=whole_numbers("seeds", seeds),
        independent=independent,
        jobs=jobs,
    )
    Console().print(comparison_table(comparison))


def recipes() -> None:
    """List the recipes that come with cotrain, with the command that runs each."""
    from cotrain.recipes import list_recipes, recipe_path

    for name in list_recipes():
        print(recipe_path(name).read_text().splitlines()[0].removeprefix("# "))


def whole_numbers(name: str, text: int | str) -> tuple[int, ...]:
    """The numbers of a list such as ``1,2,4``.

    Raises:
        ConfigError: Something else.
    """
    try:
        numbers = tuple(int(part) for part in str(text).split(","))
    except ValueError:
        raise ConfigError(f"{name}={text!r} is not a list of whole numbers: try 1,2,4") from None
    if len(set(numbers)) < len(numbers):
        raise ConfigError(f"{name}={text!r} names a number twice: give each once")
    return numbers


def checked_device(device: str) -> str:
    """The device's name, if PyTorch has it.

    Raises:
        ConfigError: It has not.
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device={device!r}: {str(error).splitlines()[0]}: use cpu") from None
    return device
