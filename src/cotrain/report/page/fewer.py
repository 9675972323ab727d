"""What fewer networks would answer, and what a cascade saves."""

import torch

from cotrain.ensemble.combining import log_probabilities
from cotrain.ensemble.stages import answer_in_stages
from cotrain.report.page.contents import Picture
from cotrain.report.page.opened_run import OpenedRun
from cotrain.report.page.tradeoff import Offer, tradeoff_picture

_POINTS = 8  # numbers of networks, at most


def fewer_networks_picture(run: OpenedRun) -> Picture:
    """Error against MACs: of the first network, the first two, ..., all, and of the cascade.

    The order is that of the cascade, where there is one.
    """
    cascade, into = run.ensemble.spec.cascade, len(run.logits)
    order = range(into) if cascade is None else cascade.order
    macs = run.ensemble.spec.macs / 1e6
    counts = sorted({round(1 + place * (into - 1) / (_POINTS - 1)) for place in range(_POINTS)})
    offers = [
        Offer(
            name=f"{count} of {into}" if count < into else f"all {into}",
            cost=macs * count / into,
            error=_error(
                run, log_probabilities(run.logits[list(order[:count])], run.ensemble.spec.combine)
            ),
        )
        for count in counts
    ]
    if cascade is not None:
        found = answer_in_stages(
            lambda network, images: run.logits[network, images],
            torch.arange(len(run.targets)),
            run.logits.shape[-1],
            cascade,
            run.ensemble.spec.calibration,
        )
        share = found.asked.double().mean().item() / into
        offers.append(Offer(name="cascade", cost=macs * share, error=_error(run, found.log_p)))
    return tradeoff_picture("fewer-networks", "MACs per image, millions", offers)


def _error(run: OpenedRun, log_p: torch.Tensor) -> float:
    return 100 * (log_p.argmax(-1) != run.targets).double().mean().item()
