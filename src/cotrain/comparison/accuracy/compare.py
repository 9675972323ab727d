"""The large network against S small ones of the same cost: one schedule, several seeds."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from cotrain.basics.machine import Machine, hardware
from cotrain.comparison.accuracy.all_candidates import all_candidates
from cotrain.comparison.accuracy.all_runs import train_candidates
from cotrain.comparison.accuracy.candidate_result import CandidateResult
from cotrain.comparison.accuracy.cluster import RayCluster
from cotrain.comparison.accuracy.one_split import check_tests
from cotrain.comparison.accuracy.results import results_of
from cotrain.comparison.accuracy.trainings import Train
from cotrain.config import Experiment


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What ``comparison.json`` holds.

    Args:
        verdict: The result in plain sentences.
        candidates: One result each; the large network first, where it is among them.
        experiment: The settings that all share; its ``into`` and ``seed`` are not used.
        seeds: The K seeds that every candidate was trained with.
        left_out: Seeds that were asked for and did not fit into the time.
        images: N test images.
        calibrated_on: Images that each run's calibration was fitted on; 0 without.
        not_calibrated: Why there is no calibration; empty where there is.
        machine: What the times were measured on.
        device: Where the latency was measured: ``cpu`` or ``cuda``.
        threads: CPU threads of PyTorch while the latency was measured.
        jobs: Trainings that ran at once, which matters for their times.
        training_threads: CPU threads of PyTorch in the trainings; several where some were begun
            with another number, null where a run of an earlier version does not say.
    """

    verdict: tuple[str, ...]
    candidates: tuple[CandidateResult, ...]
    experiment: Experiment
    seeds: tuple[int, ...]
    left_out: tuple[int, ...]
    images: int
    calibrated_on: int
    not_calibrated: str
    machine: Machine
    device: str
    threads: int
    jobs: int
    training_threads: tuple[int | None, ...]

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-able values."""
        return asdict(self)


def compare(
    experiment: Experiment,
    output: Path | str,
    *,
    into: Sequence[int] = (1, 2, 4),
    seeds: Sequence[int] = (0, 1, 2),
    independent: bool = True,
    ablations: Sequence[str] = (),
    sweep: Sequence[float] = (),
    varied: Sequence[int] = (),
    peers: Sequence[str] = (),
    mixed: Sequence[str] = (),
    jobs: int | None = None,
    budget_minutes: float | None = None,
    cluster: RayCluster | None = None,
    train: Train | None = None,
) -> Comparison:
    """Train every candidate with every seed, and compare them with the large network (S=1).

    Runs stand in ``output`` as ``s4-seed0`` and so on. One that is finished is not trained again,
    and one that was begun is resumed: a comparison that was stopped goes on when it is started
    again. All are trained and tested on one split, which ``output`` remembers.
    ``cotrain.report.accuracy`` writes the result.

    Args:
        experiment: What all candidates share; ``into`` and ``seed`` come from here instead.
        output: Folder of the runs.
        into: Each S to train; without 1 there is no large network to compare with.
        seeds: Seeds of the training.
        independent: Train the largest S without co-training too, as independent networks.
        ablations: Train the largest S without each of these too: views, loss, init, separate.
        sweep: Train the largest S with each of these weights of the co-training loss too.
        varied: Each S for which independent, ablations and sweep hold, instead of the largest.
        peers: Train these too: ``packed`` and ``mimo``, the large network with several answers;
            with another number of them as ``packed:2``, mimo
            with an ``input_repetition`` as ``mimo:2:0.6``. They take the extra ``peers``.
        mixed: Train these too: networks that differ, such as ``basic_resnet14_8+basic_resnet8_8``.
        jobs: Trainings at once, in processes that share the cores; None is one a core on the CPU,
            and one a GPU. Each is on one GPU.
        budget_minutes: Train with the first of the seeds, as many as fit into this time.
        cluster: Train on a Ray cluster, instead of in processes of this machine.
        train: Importable function to train a run; ``cotrain.training.fit`` if None.

    Raises:
        ConfigError: Settings that do not fit, an ``output`` with runs of other settings or images,
            or images that are not those that it remembers.
        TrainingError: A run failed; the message names it.
        Interrupted: Ctrl-C; what was trained is kept.
    """
    candidates = all_candidates(
        experiment,
        into=into,
        seeds=seeds,
        independent=independent,
        ablations=ablations,
        sweep=sweep,
        varied=varied,
        peers=peers,
        mixed=mixed,
    )
    check_tests(Path(output))
    trained = train_candidates(
        experiment,
        candidates,
        seeds,
        output,
        jobs=jobs,
        train=train,
        budget_minutes=budget_minutes,
        cluster=cluster,
    )
    results = results_of(candidates, trained.runs, device=trained.device)
    return Comparison(
        verdict=results.verdict,
        candidates=results.candidates,
        experiment=experiment,
        seeds=trained.seeds,
        left_out=trained.left_out,
        images=results.images,
        calibrated_on=results.fits.images,
        not_calibrated=results.fits.problem,
        machine=hardware(),
        device=trained.device,
        threads=torch.get_num_threads(),
        jobs=trained.jobs,
        training_threads=trained.threads,
    )
