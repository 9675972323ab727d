"""What became of a candidate, as ``comparison.json`` holds it."""

from collections.abc import Mapping
from dataclasses import dataclass

from cotrain.comparison.accuracy.power import Power
from cotrain.comparison.accuracy.statistics import Difference, Spread
from cotrain.config.peer import PeerSetting
from cotrain.ensemble.cost import Cost
from cotrain.execution.timing import Latency

METRICS = ("error", "nll", "ece", "aurc")  # of which differences are tested


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How good a candidate's answers are.

    Args:
        error: Error of the ensemble in percent.
        nll: Negative log-likelihood in nats.
        brier: Squared distance of the probabilities to the one-hot class, from 0 to 2.
        ece: Expected calibration error, over 15 bins.
        aurc: Mean error among the surest images, in percent (area under risk and coverage).
        coverage: Share of the images that can be answered with 5 % of them wrong, in percent.
    """

    error: Spread
    nll: Spread
    brier: Spread
    ece: Spread
    aurc: Spread
    coverage: Spread


@dataclass(frozen=True, kw_only=True)
class Staged:
    """What a cascade gives, that may lose 0.1 points of accuracy on the images it was fitted to.

    Args:
        error: Error in percent.
        macs: Multiply-accumulates of an image, mean over the images, in percent of the ensemble's.
    """

    error: Spread
    macs: Spread


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """One candidate less another, each calibrated where that was possible.

    Args:
        name: The other candidate.
        calibrated: Whether they are calibrated.
        differences: Of ``METRICS``, by name.
        power: What these runs can show of each; null of one seed.
    """

    name: str
    calibrated: bool
    differences: Mapping[str, Difference]
    power: Mapping[str, Power | None]

    @property
    def error(self) -> Difference:
        """That in error."""
        return self.differences["error"]


@dataclass(frozen=True, kw_only=True)
class CandidateResult:
    """What became of one candidate.

    Args:
        name: The candidate.
        slug: Its runs are in ``slug-seed0`` and so on.
        into: S, or the answers of a peer.
        weight: Of its co-training loss.
        cost: Params and MACs.
        given: How good its answers are, as they are.
        calibrated: The same, calibrated; None where there are no images for it.
        single_error: Error of one of its networks alone in percent, mean over the networks.
        disagreement: On how many images two networks differ, in percent; None of one network.
        cascade: Where only as many networks are asked as an image needs; None of one network, and
            where there are no images to fit it on.
        errors: The ensemble's error of every seed.
        nlls: The ensemble's negative log-likelihood of every seed.
        to_large: Less the large network; None of itself, and where it was not trained.
        to_independent: Less the same networks without the co-training loss; None where that is
            what they are, and where these were not trained.
        latencies: Time to answer, one for every batch size.
        seconds: Median time of a training; None where none was trained without interruption.
        peer: How one network gives its answers, if they are not of S networks.
        to_ensemble: Of a peer, less the co-trained ensemble of the most networks.
        mixed: Whether it is of networks that differ, instead of a large one that is divided.
    """

    name: str
    slug: str
    into: int
    weight: float
    cost: Cost
    given: Quality
    calibrated: Quality | None
    single_error: Spread
    disagreement: Spread | None
    cascade: Staged | None
    errors: tuple[float, ...]
    nlls: tuple[float, ...]
    to_large: Contrast | None
    to_independent: Contrast | None
    latencies: tuple[Latency, ...]
    seconds: float | None
    peer: PeerSetting = "none"
    mixed: bool = False
    to_ensemble: Contrast | None = None

    @property
    def best(self) -> Quality:
        """Calibrated where that was possible."""
        return self.calibrated or self.given

    @property
    def disagreement_ratio(self) -> float | None:
        """How often two networks differ, divided by how often one is wrong (arXiv:2305.12313).

        None of one network, and where no network is wrong.
        """
        if self.disagreement is None or not self.single_error.mean:
            return None
        return self.disagreement.mean / self.single_error.mean
