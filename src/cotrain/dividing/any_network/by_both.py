"""Where a constructor narrows all but a few layers, those are narrowed by the structure.

Such as a stem that is 64 wide in the code, whatever the arguments say.
"""

from collections.abc import Callable
from dataclasses import replace
from statistics import median

from torch import nn

from cotrain.dividing.any_network.by_structure.search import divide_by_structure
from cotrain.dividing.any_network.target import Candidate, Target, stage_ratios, unevenness
from cotrain.networks.foreign.narrow.arguments import build_with_arguments
from cotrain.networks.stages import stages

# A stage that keeps this share of its width was not narrowed.
_KEPT = 0.95


def complete_by_structure(
    build: Callable[[], nn.Module], target: Target, candidate: Candidate
) -> Candidate | None:
    """The constructor's candidate with the stages that it left as they were narrowed too.

    Args:
        build: Makes the large network.
        target: What the candidate must keep to.
        candidate: Of the constructor, near to the budget, but uneven.

    Raises:
        ConfigError: The narrowed stages do not fit the others.
    """
    ratios = stage_ratios(target.large, candidate.network)
    kept = [stage for stage, ratio in ratios.items() if ratio >= _KEPT]
    if not kept or len(kept) > len(ratios) / 2:
        return None
    common = median(ratio for stage, ratio in ratios.items() if stage not in kept)
    layers = [weight for stage in kept for weight in stages(candidate.network)[stage].values()]
    narrow = {each.shape[0]: max(1, round(common * each.shape[0])) for each in layers}
    completed = divide_by_structure(
        lambda: build_with_arguments(build, candidate.changes["arguments"]),
        replace(target, large=candidate.network),
        widths=lambda width: narrow.get(width, width),
    )
    return replace(
        completed,
        changes={**candidate.changes, **completed.changes},
        ratios=target.ratios(completed.network),
        unevenness=unevenness(target.large, completed.network),
    )
