"""Before a narrowed network is taken: does it still do what the large one does?

No shape shows a number that went stale, such as an attention's scale. What is cheap is always
looked at, on the ``meta`` device; ``full`` computes outputs in float64 on the CPU.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import partial

from torch import nn

from cotrain.basics.errors import ConfigError
from cotrain.config.dividing import Check
from cotrain.dividing.any_network import guards
from cotrain.dividing.any_network.by_structure.stale_scales import check_scales
from cotrain.dividing.any_network.goal import Attempt, Goal
from cotrain.dividing.any_network.halving import check_halves
from cotrain.dividing.divided import Checks
from cotrain.networks.foreign.narrow.arguments import build_with_arguments
from cotrain.networks.foreign.narrow.reshaping import apply_record

# By what is told of it; each raises ConfigError where it fails.
_Guards = dict[str, Callable[[], None]]


def check_attempt(
    attempt: Attempt, build: Callable[[], nn.Module], goal: Goal, level: Check
) -> Checks:
    """Look at everything that ``level`` asks for.

    Args:
        attempt: What may become one of the S networks.
        build: Makes the large network.
        goal: The large network.
        level: ``none``, ``quick`` or ``full``.

    Raises:
        ConfigError: The network does something else; the error says where.
    """
    if level == "none":
        return Checks(none="check=none")
    found = _quick(attempt, build, goal)
    if level == "full":
        found |= _full(attempt, build, goal)
    passed, skipped = [], []
    for name, guard in found.items():
        try:
            guard()
        except ConfigError:
            raise
        except Exception as reason:  # a network's own code may fail in any way
            skipped.append(f"{name} ({guards.reason_of(reason)})")
        else:
            passed.append(name)
    return Checks(passed=tuple(passed), skipped=tuple(skipped))


def _quick(attempt: Attempt, build: Callable[[], nn.Module], goal: Goal) -> _Guards:
    found: _Guards = {}
    network = attempt.network
    if "arguments" in attempt.changes:
        arguments = attempt.changes["arguments"]
        found["the same arguments give the same network"] = partial(
            guards.check_same_arguments, build, arguments
        )
    if attempt.survey is not None:
        network = apply_record(deepcopy(attempt.survey.large), attempt.changes)
        found["no scale is stale"] = partial(check_scales, attempt.survey, network)
        found["at scale 1 nothing changes"] = partial(guards.check_scale_one, attempt.survey)
    found["a training step reaches every parameter"] = partial(
        guards.check_training_step, network, goal.large, goal.image_shape
    )
    return found


def _full(attempt: Attempt, build: Callable[[], nn.Module], goal: Goal) -> _Guards:
    found: _Guards = {}
    if "arguments" in attempt.changes:
        arguments = attempt.changes["arguments"]
        found["the same arguments give the same outputs"] = partial(
            guards.check_same_outputs, build, arguments, goal.image_shape
        )
        build = partial(build_with_arguments, build, arguments)
    if attempt.survey is not None:
        found["with every channel twice it gives what it gives with half of them"] = partial(
            check_halves, build, attempt.survey
        )
    return found
