"""The rows of timm's pretrained checkpoints."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from statistics import mean

from cotrain.basics.errors import ConfigError
from cotrain.planning.alternative import Alternative, MeasuredNetwork, alternative
from cotrain.planning.commands import Commands
from cotrain.planning.evidence import Finding
from cotrain.planning.matching import Checkpoints, may_share

_COMPANION = (0.1, 0.2)  # cost of a duo's small network, as a share of the large one's


def kept_pretrained(checkpoints: Checkpoints, commands: Commands) -> Alternative:
    """The large network, from its weights."""
    large = checkpoints.large
    finding = Finding(evidence="published", text=f"{_top1(large):.2f} % on ImageNet")
    command = commands.pretrained([large], "large-pretrained")
    return alternative("large", "keep it, pretrained", [large], large, finding, [command])


def pretrained_of(checkpoints: Checkpoints, into: int, commands: Commands) -> Iterator[Alternative]:
    """S checkpoints, each of 1/S of the large network's cost within the tolerance.

    Raises:
        ConfigError: There are no S of them.
    """
    tolerance = commands.tolerance
    found = checkpoints.best(into, (1 - tolerance) / into, (1 + tolerance) / into)
    if len(found) < into:
        raise ConfigError(
            f"into={into}, pretrained: timm's list has {len(found)} checkpoints of "
            f"{checkpoints.image_size} pixels within {tolerance:.0%} of 1/{into} of the "
            f"{checkpoints.by}: give another S, --tolerance or --image-size"
        )
    finding = _to_win_back(found, checkpoints.large)
    command = commands.pretrained(found, f"s{into}-pretrained")
    name, large = f"{into} pretrained", checkpoints.large
    yield alternative("pretrained", name, found, large, finding, [command])


def duo_of(checkpoints: Checkpoints, commands: Commands) -> Iterator[Alternative]:
    """The large network and a small companion of another upstream.

    Raises:
        ConfigError: There is none.
    """
    large = checkpoints.large
    found = checkpoints.best(1, *_COMPANION, apart_from={large.upstream})
    if not found:
        raise ConfigError(
            f"a duo: timm's list has no other checkpoint of {checkpoints.image_size} pixels and "
            f"10 to 20 % of the {checkpoints.by}: give another --image-size"
        )
    text = (
        "nothing of this pair; others beat the large one (arXiv:2505.18636); here in likelihood, "
        "not clearly in error (docs/pretrained.md)"
    )
    finding = Finding(evidence="no evidence", text=text)
    both = [large, *found]
    runs = commands.duo_pretrained(both)
    yield alternative("duo", "a duo, pretrained", both, large, finding, runs)


def _to_win_back(found: Sequence[MeasuredNetwork], large: MeasuredNetwork) -> Finding:
    """How far the networks alone are from the large one: of the ensemble nothing is published."""
    alone = mean(map(_top1, found))
    points = _top1(large) - alone
    lost = (
        f"averaging must win back {points:.2f} points; two EfficientNet-Lite0 did not win back "
        "2.62 (docs/pretrained.md)"
        if points > 0
        else "there is nothing to win back"
    )
    same = any(may_share(one, other) for one, other in combinations(found, 2))
    shared = "; some share an upstream or a network, for want of others" if same else ""
    text = (
        f"nothing of the ensemble; published of its networks alone, on ImageNet, {alone:.2f} % on "
        f"the mean against {_top1(large):.2f} % of the large one: {lost}{shared}"
    )
    return Finding(evidence="no evidence", text=text)


def _top1(network: MeasuredNetwork) -> float:
    assert network.top1 is not None
    return network.top1
