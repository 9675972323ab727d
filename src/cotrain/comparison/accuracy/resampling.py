"""How far ECE and AURC move with other images: they are no means of images, hence the bootstrap.

All runs are computed on the same draws, so that differences of them are paired. Seeds are not
drawn: of the few that there are, draws say too little (``benchmarks/intervals.py``).

Shapes: K seeds, N images, R replicates.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from cotrain.comparison.accuracy.answers import Answers
from cotrain.comparison.accuracy.statistics import Difference, difference
from cotrain.evaluation.scores import BINS

REPLICATES = 1000
_AT_ONCE = 2_000_000  # counts that are held at once

Statistic = Callable[[np.ndarray], np.ndarray]  # of counts [R, N], how often each image is drawn


def resampled(
    answers: Mapping[str, Answers], replicates: int = REPLICATES
) -> dict[str, dict[str, np.ndarray]]:
    """ECE and AURC of every candidate's runs on images drawn anew.

    Args:
        answers: Of every candidate, to the same images.
        replicates: R.

    Returns:
        ``ece`` and ``aurc`` [R, K] of every candidate, by its name.
    """
    images = next(iter(answers.values())).errors.shape[1]
    drawn = list(draws(images, replicates))
    return {
        name: {"ece": _each(ece_on, each, drawn), "aurc": _each(aurc_on, each, drawn)}
        for name, each in answers.items()
    }


def resampled_difference(values: np.ndarray, moved: np.ndarray, images: int) -> Difference:
    """The difference of two candidates, with the interval that the draws give.

    Args:
        values: First candidate less second, for every seed [K].
        moved: The same on images drawn anew [R, K].
        images: N.
    """
    return difference(values, np.atleast_2d(np.cov(moved, rowvar=False)), images)


def draws(images: int, replicates: int) -> Iterator[np.ndarray]:
    """Counts [R, N] of a draw of N images with replacement, some replicates at a time."""
    generator, rows = np.random.default_rng(0), max(1, _AT_ONCE // images)
    for start in range(0, replicates, rows):
        size = min(rows, replicates - start)
        yield generator.multinomial(images, np.full(images, 1 / images), size).astype(np.int32)


def _each(
    make: Callable[[np.ndarray, np.ndarray], Statistic], answers: Answers, drawn: list[np.ndarray]
) -> np.ndarray:
    """The statistic [R, K] of every seed."""
    columns = []
    for confidences, errors in zip(answers.confidences, answers.errors, strict=True):
        statistic = make(confidences, errors > 0)
        columns.append(np.concatenate([statistic(counts) for counts in drawn]))
    return np.stack(columns, axis=1)


def ece_on(confidences: np.ndarray, wrong: np.ndarray) -> Statistic:
    """The expected calibration error of one run, as a function of the draw."""
    images = len(confidences)
    gaps = np.zeros((images, BINS))
    bins = np.minimum((confidences * BINS).astype(int), BINS - 1)
    gaps[np.arange(images), bins] = confidences - ~wrong
    return lambda counts: np.abs(counts @ gaps).sum(1) / images


def aurc_on(confidences: np.ndarray, wrong: np.ndarray) -> Statistic:
    """The mean error among the surest images of one run in percent, as a function of the draw.

    The k-th surest image adds 1 / N of the error among the k surest, so that one wrong image at
    place i adds ``H_N - H_(i - 1)`` of it, with the harmonic numbers H; ``areas`` is their sum up
    to a place. Images of equal confidence share their places.
    """
    images = len(confidences)
    order = np.argsort(-confidences, kind="stable")
    starts = np.flatnonzero(np.diff(confidences[order], prepend=np.inf))
    harmonic = np.concatenate([[0], np.cumsum(1 / np.arange(1, images + 1))])
    areas = np.arange(images + 1) * (harmonic[-1] - harmonic + 1)

    def statistic(counts: np.ndarray) -> np.ndarray:
        ranked = counts[:, order]
        drawn = np.add.reduceat(ranked, starts, axis=1)
        failed = np.add.reduceat(ranked * wrong[order], starts, axis=1)
        shares = failed / np.maximum(drawn, 1)
        return 100 * (shares * np.diff(areas[drawn.cumsum(1)], prepend=0)).sum(1) / images

    return statistic
