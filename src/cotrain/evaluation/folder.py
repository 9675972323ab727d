"""Evaluating what a folder holds, a run or a shipped ensemble, on its test images."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from cotrain.basics.errors import ConfigError
from cotrain.basics.files import atomic_write, write_json
from cotrain.basics.run_folder import RunFolder, possible_runs
from cotrain.config import Data
from cotrain.config.recipes import load_recipe
from cotrain.data import Splits, evaluation_loader, load_splits
from cotrain.ensemble.combining import Combine
from cotrain.ensemble.ensemble import Ensemble, load_shipped
from cotrain.evaluation.scores import Evaluation, check_classes, collect_logits, evaluate_logits


@dataclass(frozen=True, kw_only=True)
class FolderEvaluation:
    """An ensemble's answers on the test images.

    Args:
        evaluation: How good they are.
        logits: [S, N, C].
        targets: Classes [N].
        tested_on: ``test``, or ``val`` if the images are those that selected the checkpoint.
        skipped: Images left out because they cannot be read.
    """

    evaluation: Evaluation
    logits: torch.Tensor
    targets: torch.Tensor
    tested_on: str
    skipped: int

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able part, as ``evaluation.json`` holds it."""
        return {
            "tested_on": self.tested_on,
            "skipped": self.skipped,
            **self.evaluation.to_dict(),
        }

    def write(self, folder: RunFolder) -> None:
        """Write the predictions, then ``evaluation.json``, whose presence ends a run."""
        tensors = {"logits": self.logits, "targets": self.targets}
        atomic_write(folder.predictions, safetensors.torch.save(tensors))
        self.write_json(folder.evaluation)

    def write_json(self, path: Path) -> None:
        """Write the JSON-able part."""
        write_json(path, self.to_dict())


def evaluate_ensemble(
    ensemble: Ensemble,
    splits: Splits,
    *,
    batch_size: int,
    workers: int = 0,
    device: str | torch.device = "cpu",
) -> FolderEvaluation:
    """Evaluate on the test images.

    Raises:
        ConfigError: There are none, or their classes are not the ensemble's.
    """
    check_classes(ensemble, splits.classes)
    if splits.test is None:
        raise ConfigError("the data have no test images: give data.test a share such as 0.2")
    loader = evaluation_loader(
        splits.test,
        preprocessing=ensemble.spec.preprocessing or splits.preprocessing,
        batch_size=batch_size,
        workers=workers,
    )
    logits, targets = collect_logits(ensemble, loader, device)
    return FolderEvaluation(
        evaluation=evaluate_logits(logits, targets, ensemble.spec.combine),
        logits=logits,
        targets=targets,
        tested_on=splits.tested_on,
        skipped=len(splits.unreadable),
    )


def evaluate_folder(
    path: Path,
    *,
    data: Data | None = None,
    combine: Combine | None = None,
    batch_size: int = 64,
    device: str = "cpu",
) -> FolderEvaluation:
    """Evaluate a run, or a shipped ensemble, on ``data`` or on the images of the run.

    Raises:
        ConfigError: There is no ensemble, no data to test on, or their classes differ.
    """
    ensemble = load_shipped(path)
    data = data or data_of(path)
    splits = splits_for(ensemble, data)
    ensemble.spec = replace(ensemble.spec, combine=combine or ensemble.spec.combine)
    return evaluate_ensemble(
        ensemble, splits, batch_size=batch_size, workers=data.workers, device=device
    )


def data_of(path: Path) -> Data:
    """The images of a run, also when its ``ensemble/`` is named.

    Raises:
        ConfigError: It is no run.
    """
    for run in possible_runs(path):
        if run.config.is_file():
            return load_recipe(run.config).data
    raise ConfigError(
        f"{path} does not say which images to test on: give --data.dataset and --data.root"
    )


def splits_for(ensemble: Ensemble, data: Data) -> Splits:
    """The images as the ensemble takes them.

    Raises:
        ConfigError: Images are missing, too few or unreadable.
    """
    shape = ensemble.spec.preprocessing
    if shape is not None:
        data = replace(data, image_size=shape.image_size, in_channels=shape.in_channels)
    return load_splits(data, keep_files=shape is not None and shape.margin > 1)
