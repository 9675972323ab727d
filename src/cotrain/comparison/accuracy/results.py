"""What the finished runs of a comparison show: read, calibrated, timed and judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cotrain.comparison.accuracy.answers import read_answers
from cotrain.comparison.accuracy.candidate_result import CandidateResult
from cotrain.comparison.accuracy.candidates import Candidate
from cotrain.comparison.accuracy.fitting import Fits, fit_runs
from cotrain.comparison.accuracy.in_words import Setting, verdict_in_words
from cotrain.comparison.accuracy.run import Run
from cotrain.comparison.accuracy.verdicts import judge
from cotrain.ensemble.cost import cost_of
from cotrain.ensemble.peers.peer import load_any
from cotrain.execution.timing import measure_latency


@dataclass(frozen=True, kw_only=True)
class Results:
    """What runs show.

    Args:
        verdict: In plain sentences.
        candidates: One result each.
        images: N test images.
        fits: What the answers were calibrated by.
    """

    verdict: tuple[str, ...]
    candidates: tuple[CandidateResult, ...]
    images: int
    fits: Fits


def results_of(
    candidates: Sequence[Candidate], runs: Mapping[str, Sequence[Run]], *, device: str
) -> Results:
    """What the runs of every candidate show, by its name.

    Args:
        candidates: The large network first, where it is among them, or what it is divided into.
        runs: One for every seed, all finished.
        device: Where to calibrate and to take times.

    Raises:
        ConfigError: A run is damaged, or was tested on other images.
    """
    folders = {name: [run.folder for run in each] for name, each in runs.items()}
    batch_size = candidates[0].experiment.batch_size
    fits = fit_runs(folders, batch_size=batch_size, device=device)
    answers = read_answers(folders, fits.of)
    ensembles = {name: load_any(each[0].ensemble).to(device) for name, each in folders.items()}
    first_spec = ensembles[candidates[0].name].spec
    results = judge(
        candidates,
        answers,
        latencies=measure_latency(ensembles, first_spec.image_shape),
        costs={name: cost_of(each.cpu(), first_spec.large) for name, each in ensembles.items()},
        seconds={
            name: [run.seconds for run in each if run.seconds is not None]
            for name, each in runs.items()
        },
    )
    first = answers[candidates[0].name]
    setting = Setting(
        seeds=len(first.single_errors),
        images=len(first.targets),
        calibrated_on=fits.images,
        device=device,
    )
    return Results(
        verdict=verdict_in_words(results, setting),
        candidates=results,
        images=setting.images,
        fits=fits,
    )
