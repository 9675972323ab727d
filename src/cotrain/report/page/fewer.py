"""What fewer networks would answer, and what a cascade saves."""

import torch

from cotrain.ensemble.combining import log_probabilities
from cotrain.evaluation.cascade.scores import staged_by_logits
from cotrain.report.page.answered import Answered
from cotrain.report.page.contents import Picture
from cotrain.report.page.tradeoff import Offer, tradeoff_picture

_POINTS = 8  # numbers of networks, at most


def fewer_networks_picture(answered: Answered, large: Answered | None = None) -> Picture:
    """Error against MACs: of the first network, the first two, ..., all, and of the cascade.

    Args:
        answered: The order is that of its cascade, where there is one.
        large: The large network's answers to the same images, drawn beside; None leaves it out.
    """
    spec, logits, targets = answered.networks.spec, answered.logits, answered.targets
    cascade, into, macs = spec.cascade, len(logits), [each.macs / 1e6 for each in spec.costs()]
    order = range(into) if cascade is None else cascade.order
    counts = sorted({round(1 + place * (into - 1) / (_POINTS - 1)) for place in range(_POINTS)})
    first = {
        count: log_probabilities(logits[list(order[:count])], spec.combine) for count in counts
    }
    first[into] = answered.log_p  # calibrated: networks may have weights
    offers = [
        Offer(
            name=f"{count} of {into}" if count < into else f"all {into}",
            cost=sum(macs[each] for each in order[:count]),
            error=_error(log_p, targets),
        )
        for count, log_p in first.items()
    ]
    if cascade is not None:
        found = staged_by_logits(logits, spec)
        error = _error(found.log_p, targets)
        offers.append(Offer(name="cascade", cost=sum(macs) * found.share, error=error))
    if large is not None:
        error = _error(large.log_p, targets)
        offers.append(Offer(name="large network", cost=large.ensemble.spec.macs / 1e6, error=error))
    return tradeoff_picture("fewer-networks", "MACs per image, millions", offers)


def _error(log_p: torch.Tensor, targets: torch.Tensor) -> float:
    return 100 * (log_p.argmax(-1) != targets).double().mean().item()
