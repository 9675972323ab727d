"""What tables call each of S networks."""

from cotrain.ensemble.answering import AnsweringSpec
from cotrain.ensemble.spec import EnsembleSpec


def network_names(spec: AnsweringSpec) -> list[str]:
    """The number of each network, and where they differ, its name."""
    numbers = [f"network {index}" for index in range(spec.into)]
    names = [each.network.arch for each in spec.members] if isinstance(spec, EnsembleSpec) else []
    if len(set(names)) < 2:
        return numbers
    return [f"{number}: {name}" for number, name in zip(numbers, names, strict=True)]
