"""Fit a cascade: which networks to ask first, and where their answer is sure enough."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Bool, Float, Int
from cotrain.config.cascade import CascadeSignal
from cotrain.config.combining import Combine
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.cascade import Cascade
from cotrain.ensemble.combining import log_probabilities
from cotrain.evaluation.calibration.fitting import fitted
from cotrain.evaluation.cascade.plans import AskingPlan, KnownAnswers, Wish, best_plan, frontier
from cotrain.evaluation.cascade.prefixes import answered, orders
from cotrain.evaluation.scores import check_answers

TOLERANCE = 0.1  # points of accuracy
_FOLDS = 5
_LEAST = 20  # images; with fewer a fold has less than four
_POINTS = 100  # of a curve


@dataclass(frozen=True, kw_only=True)
class CascadePoint:
    """What one way to ask the networks gives.

    Args:
        share: Of the MACs of all networks, mean over the images.
        accuracy: Share of the images that are answered right.
    """

    share: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class CascadeFit:
    """A cascade, and what it gives on the images that it was fitted to.

    Args:
        cascade: What was chosen.
        tolerance: Points of accuracy that it may lose; None where its work is bounded.
        budget: Share of the MACs that it may take; None where its loss is bounded.
        full: Accuracy of the full ensemble.
        alone: Of each network.
        prefixes: Of the first networks of the order, answering all images.
        fitted: Of the cascade on the images that it was fitted to.
        cross_fitted: Of cascades fitted to the other folds of the images.
        left: Share of the images that leaves at each stage, the last one too.
        curve: The best that is expected of any cascade with this signal, by rising share.
    """

    cascade: Cascade
    tolerance: float | None
    budget: float | None
    full: float
    alone: tuple[float, ...]
    prefixes: tuple[CascadePoint, ...]
    fitted: CascadePoint
    cross_fitted: CascadePoint
    left: tuple[float, ...]
    curve: tuple[CascadePoint, ...]

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON-able values."""
        return asdict(self)


def fit_cascade(
    logits: Float[Tensor, "S N C"],
    targets: Int[Tensor, " N"],
    combine: Combine = "mean_logits",
    calibration: Calibration | None = None,
    *,
    tolerance: float | None = None,
    budget: float | None = None,
    signal: CascadeSignal | None = None,
    macs: Sequence[int] | None = None,
) -> CascadeFit:
    """Fit order, signal, stages and thresholds.

    Args:
        logits: Of images that did not train.
        targets: Their classes.
        combine: How the answers of some networks, and of all, become one.
        calibration: Of the full ensemble.
        tolerance: Points of accuracy that may be lost for the least work; 0.1 if neither this nor
            a budget is given.
        budget: Share of the MACs that may be taken, for the best accuracy.
        signal: What tells how sure an answer is; the best if None.
        macs: Multiply-accumulates of each network; all are taken to cost the same if None.

    Raises:
        ConfigError: One network, too few images, logits and targets that do not fit, or wishes
            that cannot be met.
    """
    check_answers(logits, targets)
    differ = macs is not None and len(set(macs)) > 1
    work = _work(macs if differ else None, len(logits))
    _check(logits, tolerance, budget, work)
    if budget is not None:
        wish = Wish(bounds="share", most=budget)
    else:
        tolerance = TOLERANCE if tolerance is None else tolerance
        wish = Wish(bounds="loss", most=tolerance / 100)
    known, right = _known(logits, targets, combine, calibration, work)
    everything = torch.arange(known.images)
    signals = get_args(CascadeSignal) if signal is None else (signal,)
    plan = best_plan(known, wish, signals, everything)
    asked, hit = _followed(known, plan, targets, right)
    full = right.double().mean().item()
    losses, shares = frontier(known, plan.signal)
    chosen = torch.linspace(0, len(losses) - 1, min(_POINTS, len(losses))).round().long()
    counts = [*(stage.networks for stage in plan.stages), known.into]
    return CascadeFit(
        cascade=Cascade(
            combine=combine,
            order=plan.order,
            signal=plan.signal,
            stages=plan.stages,
            images=known.images,
            accuracy=max(full - plan.loss, 0.0),
            share=min(plan.share, 1.0),
            costs=tuple(each / len(work) for each in work) if differ else (),
        ),
        tolerance=tolerance,
        budget=budget,
        full=full,
        alone=tuple(_accuracy(each, targets) for each in logits.argmax(-1)),
        prefixes=_prefixes(known, plan, targets, full),
        fitted=_point(_shares(known, plan)[asked], hit),
        cross_fitted=_cross_fitted(known, wish, plan.signal, targets, right),
        left=tuple((asked == each).double().mean().item() for each in counts),
        curve=tuple(
            CascadePoint(share=share, accuracy=full - loss)
            for loss, share in zip(losses[chosen].tolist(), shares[chosen].tolist(), strict=True)
        ),
    )


def _work(macs: Sequence[int] | None, into: int) -> list[float]:
    """What each network takes, as a multiple of the mean of all."""
    return [1.0] * into if macs is None else [each * into / sum(macs) for each in macs]


def _check(
    logits: Tensor, tolerance: float | None, budget: float | None, work: Sequence[float]
) -> None:
    """Raise ConfigError where there is nothing to skip, or the wish has no sense."""
    into, images = logits.shape[:2]
    if into == 1:
        raise ConfigError("a cascade asks some of S networks, and this is one: take a run of S > 1")
    if images < _LEAST:
        raise ConfigError(
            f"{images} images are too few to fit a cascade: give at least {_LEAST}, by a larger "
            "--data.calibration"
        )
    if tolerance is not None and budget is not None:
        raise ConfigError(
            f"tolerance={tolerance} and budget={budget}: bound the loss or the work, not both"
        )
    if tolerance is not None and not 0 <= tolerance < 100:
        raise ConfigError(f"tolerance={tolerance} is not in [0, 100): give points of accuracy")
    least = min(work) / into
    if budget is not None and not least <= budget <= 1:
        raise ConfigError(
            f"budget={budget} is not in [{least:.3g}, 1], from one of S={into} networks to all: "
            "give a share in it"
        )


def _known(
    logits: Tensor,
    targets: Tensor,
    combine: Combine,
    calibration: Calibration | None,
    work: Sequence[float],
) -> tuple[KnownAnswers, Bool[Tensor, " N"]]:
    """What is known of the answers, and which of the full ensemble's are right."""
    calibration = calibration or fitted("temperature", logits, targets, combine)
    full = log_probabilities(logits, combine, calibration).exp()
    tried = list(orders(logits, targets, combine, work))
    firsts = {frozenset(order[:count]) for order in tried for count in range(1, len(order))}
    known = KnownAnswers(
        images=len(targets),
        into=len(logits),
        orders=tried,
        of={who: answered(logits[sorted(who)], targets, combine, full) for who in firsts},
        work=work,
    )
    return known, full.argmax(-1) == targets


def _followed(
    known: KnownAnswers, plan: AskingPlan, targets: Tensor, right: Tensor
) -> tuple[Int[Tensor, " N"], Bool[Tensor, " N"]]:
    """How many networks are asked about each image by the plan, and whether the answer is right."""
    asked, hit = torch.full_like(targets, known.into), right.clone()
    for stage in reversed(plan.stages):
        own = known.of[frozenset(plan.order[: stage.networks])]
        leaves = own.sure[plan.signal] >= stage.threshold
        asked[leaves] = stage.networks
        hit[leaves] = (own.classes == targets)[leaves]
    return asked, hit


def _cross_fitted(
    known: KnownAnswers, wish: Wish, signal: CascadeSignal, targets: Tensor, right: Tensor
) -> CascadePoint:
    """Each image answered by a plan that was fitted to the other folds."""
    order = torch.randperm(known.images, generator=torch.Generator().manual_seed(0))
    share, hit = torch.empty(known.images, dtype=torch.float64), torch.empty_like(right)
    for fold in order.tensor_split(_FOLDS):
        others = order[~torch.isin(order, fold)]
        plan = best_plan(known, wish, [signal], others)
        asked, found = _followed(known, plan, targets, right)
        share[fold], hit[fold] = _shares(known, plan)[asked[fold]], found[fold]
    return _point(share, hit)


def _shares(known: KnownAnswers, plan: AskingPlan) -> Float[Tensor, " S_and_1"]:
    """Of the MACs of all networks, by how many are asked."""
    works = [known.work_of(plan.order[:count]) for count in range(known.into + 1)]
    return torch.tensor(works, dtype=torch.float64) / known.into


def _point(share: Float[Tensor, " N"], hit: Bool[Tensor, " N"]) -> CascadePoint:
    return CascadePoint(share=share.mean().item(), accuracy=hit.double().mean().item())


def _prefixes(
    known: KnownAnswers, plan: AskingPlan, targets: Tensor, full: float
) -> tuple[CascadePoint, ...]:
    firsts = [known.of[frozenset(plan.order[:count])] for count in range(1, known.into)]
    accuracies = [*(_accuracy(each.classes, targets) for each in firsts), full]
    shares = _shares(known, plan)[1:].tolist()
    return tuple(
        CascadePoint(share=share, accuracy=accuracy)
        for share, accuracy in zip(shares, accuracies, strict=True)
    )


def _accuracy(classes: Int[Tensor, " N"], targets: Int[Tensor, " N"]) -> float:
    return (classes == targets).double().mean().item()
