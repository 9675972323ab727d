"""Where a constructor narrows all but a few layers, those are narrowed by the structure.

Such as a stem that is 64 wide in the code, whatever the arguments say.
"""

from dataclasses import replace
from statistics import median

from cotrain.dividing.any_network.by_structure.search import divide_by_structure
from cotrain.dividing.any_network.goal import Attempt, Goal, stage_ratios, unevenness
from cotrain.networks.stages import stages

# A stage that keeps this share of its width was not narrowed.
_KEPT = 0.95


def complete_by_structure(goal: Goal, attempt: Attempt) -> Attempt | None:
    """The constructor's attempt with the stages that it left as they were narrowed too.

    Args:
        goal: What the attempt must keep to.
        attempt: Of the constructor, near to the budget, but uneven.

    Raises:
        ConfigError: The narrowed stages do not fit the others.
    """
    ratios = stage_ratios(goal.large, attempt.network, goal.classes)
    kept = [stage for stage, ratio in ratios.items() if ratio >= _KEPT]
    if not kept or len(kept) > len(ratios) / 2:
        return None
    common = median(ratio for stage, ratio in ratios.items() if stage not in kept)
    layers = [weight for stage in kept for weight in stages(attempt.network)[stage].values()]
    narrow = {each.shape[0]: max(1, round(common * each.shape[0])) for each in layers}
    completed = divide_by_structure(
        replace(goal, large=attempt.network), widths=lambda width: narrow.get(width, width)
    )
    return replace(
        completed,
        changes={**attempt.changes, **completed.changes},
        ratios=goal.ratios(completed.network),
        unevenness=unevenness(goal.large, completed.network, goal.classes),
    )
