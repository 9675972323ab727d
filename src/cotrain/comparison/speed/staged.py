"""The time of a cascade, which depends on the images: it is taken on real ones, that were held out.

A pass answers several batches, each time the next ones, and its time is that of a batch on average:
of one image alone, most rounds would see the first network answer, and few what the others cost.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from cotrain.basics.run_folder import tested_run
from cotrain.comparison.speed.records import Case
from cotrain.config import Data
from cotrain.data.settings import has_files
from cotrain.ensemble.answering import Answering, prepared, staged_answers_of
from cotrain.evaluation.cascade.scores import staged_by_logits
from cotrain.evaluation.evaluate import read_predictions
from cotrain.evaluation.images import experiment_of, images_to_test, record_at
from cotrain.execution import Execution
from cotrain.execution.timing import seconds_of

_SAMPLE = 512  # images
_PASS = 64  # images of a pass, or one batch where that is larger


def sample_of(path: Path, ensemble: Answering) -> Tensor | None:
    """Prepared test images of a run, drawn at random; None where there is no cascade, or none.

    Args:
        path: The run, or its ``ensemble/``.
        ensemble: Its ensemble.
    """
    experiment = experiment_of(path)
    if ensemble.spec.cascade is None or experiment is None:
        return None
    found = images_to_test(path, ensemble, _fewer(path, experiment.data))
    if found.test is None:
        return None
    order = torch.randperm(len(found.test), generator=torch.Generator().manual_seed(0))
    return prepared(ensemble, found.test.pixels(order[:_SAMPLE].tolist()), found.preprocessing)


def _fewer(path: Path, data: Data) -> Data | None:
    """Settings with which no more files are read than are timed; None where there are no more."""
    record = record_at(path)
    if record is None or not has_files(record.origin.dataset):
        return None
    few = len(record.tested.names) <= _SAMPLE
    return None if few else replace(data, test_images=_SAMPLE)


def cascade_top1(path: Path, ensemble: Answering) -> float | None:
    """The accuracy of a run's cascade on its test images; None where there is none, or none.

    Args:
        path: The run, or its ``ensemble/``.
        ensemble: Its ensemble.
    """
    tested = tested_run(path)
    if ensemble.spec.cascade is None or tested is None:
        return None
    logits, targets = read_predictions(tested)
    answers = staged_by_logits(logits, ensemble.spec)
    return (answers.log_p.argmax(-1) == targets).double().mean().item()


def staged_cases(
    cases: Iterable[Case], ensemble: Answering, sample: Tensor | None
) -> Iterator[Case]:
    """The ensemble's cascade at every level at which its networks answer in turn."""
    if sample is None:
        return
    share = staged_answers_of(ensemble, sample).share
    for case in cases:
        if case.strategy == "loop":
            yield replace(case, role="cascade", reason="", share=share)


def staged_seconds(execution: Execution, sample: Tensor, batch_size: int) -> Callable[[], float]:
    """What answers the next images at each call, and gives the seconds of a batch.

    Args:
        execution: Of an ensemble with a cascade.
        sample: Prepared images, where they are answered.
        batch_size: B.
    """
    batches = max(1, _PASS // batch_size)
    rows = _in_turn(len(sample), batch_size)

    def once() -> float:
        parts = [sample[next(rows)] for _ in range(batches)]
        work = partial(_answer, execution, parts)
        return seconds_of(work, execution.device) / batches

    return once


def _answer(execution: Execution, parts: list[Tensor]) -> None:
    for part in parts:
        execution.answer_in_stages(part)


def _in_turn(count: int, batch_size: int) -> Iterator[Tensor]:
    """The indices of the next batch, from the first again after the last."""
    begin = 0
    while True:
        yield torch.arange(begin, begin + batch_size) % count
        begin = (begin + batch_size) % count
