"""Evaluating what answers, on test images: those of its run, or others."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.files import atomic_write, write_json
from cotrain.basics.run_folder import RunFolder
from cotrain.basics.shapes import Float, Int
from cotrain.basics.tensors import read_tensors
from cotrain.config.combining import Combine
from cotrain.config.dtype import Dtype
from cotrain.data import Images, Share, Splits, evaluation_loader
from cotrain.data.epoch_order import ALONE
from cotrain.data.worker_processes import dead_workers_named
from cotrain.ensemble.answering import Answering, logits_of_batches, prepared
from cotrain.ensemble.cascade import known_cascade
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.evaluation.cascade.scores import CascadeScores, cascade_scores
from cotrain.evaluation.file_answers import FileAnswer, answers_to_files, write_answers
from cotrain.evaluation.rounding import Rounding, rounding_of
from cotrain.evaluation.scores import Evaluation, check_classes, evaluate_logits
from cotrain.evaluation.sharing import gathered
from cotrain.execution.prepare import answering_in


@dataclass(frozen=True, kw_only=True)
class EvaluatedAnswers:
    """An ensemble's answers to the test images, and how good they are.

    Args:
        evaluation: How good they are.
        logits: Of every network.
        targets: The images' classes.
        tested_on: ``test``, or ``val`` if the images are those that selected the checkpoint.
        skipped: Images left out because they cannot be read.
        files: The ensemble's answer to each image; empty where they are no files.
        rounding: What half precision cost; None where the answers are exact.
        cascade: How good the answers of the ensemble's cascade are; None if it was not run.
    """

    evaluation: Evaluation
    logits: Float[Tensor, "S N C"]
    targets: Int[Tensor, " N"]
    tested_on: str
    skipped: int
    files: tuple[FileAnswer, ...] = ()
    rounding: Rounding | None = None
    cascade: CascadeScores | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON-able part, as ``evaluation.json`` holds it."""
        return {
            "tested_on": self.tested_on,
            "skipped": self.skipped,
            **self.evaluation.to_dict(),
            **({} if self.rounding is None else {"rounding": asdict(self.rounding)}),
            **({} if self.cascade is None else {"cascade": asdict(self.cascade)}),
        }

    def write(self, folder: RunFolder) -> None:
        """Write the predictions, then ``evaluation.json``, whose presence ends a run."""
        tensors = {"logits": self.logits, "targets": self.targets}
        atomic_write(folder.predictions, safetensors.torch.save(tensors))
        if self.files:
            write_answers(folder.answers, self.files)
        self.write_json(folder.evaluation)

    def write_json(self, path: Path) -> None:
        """Write the JSON-able part."""
        write_json(path, self.to_dict())


def read_predictions(
    folder: RunFolder,
) -> tuple[Float[Tensor, "S N C"], Int[Tensor, " N"]]:
    """Logits and classes of a run's test images, as ``write`` left them.

    Raises:
        ConfigError: They are missing or damaged.
    """
    path, again = folder.predictions, f"test again with cotrain train --resume {folder.root}"
    stored = read_tensors(path, again)
    logits, targets = (stored.get(name, torch.empty(0)) for name in ("logits", "targets"))
    if (
        logits.dim() != 3
        or targets.shape != logits.shape[1:2]
        or (logits.is_floating_point(), targets.dtype) != (True, torch.int64)
        or not logits.isfinite().all()
        or not (targets.numel() and targets.min() >= 0 and targets.max() < logits.shape[-1])
    ):
        raise ConfigError(f"{path} holds no finite logits [S, N, C] and classes [N]: {again}")
    return logits, targets


def evaluate_ensemble(
    ensemble: Answering,
    splits: Splits,
    *,
    batch_size: int,
    combine: Combine | None = None,
    calibrated: bool = True,
    cascade: bool = False,
    workers: int = 0,
    dtype: Dtype = "fp32",
    share: Share = ALONE,
) -> EvaluatedAnswers:
    """Evaluate on the test images.

    Args:
        ensemble: An ensemble, an execution of one, or an exported file.
        splits: Their test images; how they are normalised where the ensemble does not say.
        batch_size: Images at once.
        combine: How the answers become one; the ensemble's own way if None.
        calibrated: Use the ensemble's calibration, if it has one.
        cascade: Answer once more by the ensemble's cascade.
        workers: Processes that load images.
        dtype: What the networks compute in; in half precision the exact answers are found, too.
        share: This process, the first of several that answer together; see ``collect_logits``.

    Raises:
        ConfigError: There are none, their classes are not the ensemble's, a file's answers are
            asked for in half precision, or there is no cascade for this way of combining.
    """
    if batch_size < 1:
        raise ConfigError(f"batch_size={batch_size} is below 1: give at least 1")
    check_classes(ensemble, splits.classes)
    if splits.test is None:
        raise ConfigError("the data have no test images: give data.test a share such as 0.2")
    combine = combine or ensemble.spec.combine
    if cascade:
        known_cascade(ensemble.spec.cascade).check_fits(ensemble.spec.into, combine)
    answering = answering_in(ensemble, dtype)
    images: dict[str, Any] = {
        "images": splits.test,
        "otherwise": splits.preprocessing,
        "batch_size": batch_size,
        "workers": workers,
    }
    logits, targets = collect_logits(answering, **images, share=share)
    calibration = ensemble.spec.calibration if calibrated else None
    files: tuple[FileAnswer, ...] = ()
    if splits.test_files:
        answered = (splits.test_files, logits, targets, splits.classes)
        files = answers_to_files(*answered, combine=combine, calibration=calibration)
    rounding = None
    if dtype != "fp32":
        exact, _ = collect_logits(ensemble, **images)
        way: Any = {"combine": combine, "calibration": calibration}
        rounding = rounding_of(logits, exact, targets, dtype, **way)
    return EvaluatedAnswers(
        rounding=rounding,
        evaluation=evaluate_logits(logits, targets, combine, calibration, splits.classes),
        files=files,
        logits=logits,
        targets=targets,
        tested_on=splits.tested_on,
        skipped=len(splits.unreadable),
        cascade=(
            cascade_scores(answering, batches_of(answering, **images), calibrated=calibrated)
            if cascade
            else None
        ),
    )


def collect_logits(
    ensemble: Answering,
    images: Images,
    otherwise: Preprocessing,
    *,
    batch_size: int,
    workers: int = 0,
    share: Share = ALONE,
) -> tuple[Float[Tensor, "S N C"], Int[Tensor, " N"]]:
    """Logits (float32) and classes of all images, on the CPU.

    Args:
        ensemble: Who answers, in evaluation mode.
        images: N images.
        otherwise: How pixels are normalised where the ensemble does not say.
        batch_size: Images at once.
        workers: Processes that load images.
        share: Which of several processes this is that answer together, each some of the batches
            of one process. All must call it, and the first one has all logits, the others none.

    Raises:
        ConfigError: There are no images.
    """
    loading: Any = {"batch_size": batch_size, "workers": workers, "share": share}
    batches = batches_of(ensemble, images, otherwise, **loading)
    answers = logits_of_batches(ensemble, (some for some, _ in batches))
    shape = (ensemble.spec.into, ensemble.spec.num_classes)
    if share.world_size > 1:
        sizes = [min(batch_size, len(images) - at) for at in range(0, len(images), batch_size)]
        answers = gathered(answers, sizes, shape, share, ensemble.device)
    none = torch.empty(shape[0], 0, shape[1])
    return torch.cat([none, *answers], dim=1), images.targets.clone()


def batches_of(
    ensemble: Answering,
    images: Images,
    otherwise: Preprocessing,
    *,
    batch_size: int,
    workers: int = 0,
    share: Share = ALONE,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Prepared images, and their classes; see ``collect_logits``."""
    if not len(images):
        raise ConfigError("there are no images to evaluate: give a data set with a test split")
    loader = evaluation_loader(
        images,
        preprocessing=None,
        batch_size=batch_size,
        workers=workers,
        share=share,
        pin=ensemble.device.type == "cuda",
    )
    with dead_workers_named("try fewer data.workers"):
        for pixels, classes in loader:
            there = pixels.to(ensemble.device, non_blocking=True)
            yield prepared(ensemble, there, otherwise), classes
