"""Checkpoints of timm's list whose networks cost a share of what the large network costs."""

from collections.abc import Container, Iterator
from functools import lru_cache

from cotrain.basics.errors import ConfigError
from cotrain.basics.watching import at_work
from cotrain.networks import spec_for_images
from cotrain.planning.alternative import Kept, MeasuredNetwork, measured
from cotrain.planning.checkpoints import Checkpoint, published_checkpoints

# Of what is asked for, the listed costs of networks that are measured at all: timm's counts leave
# some operations out. The MACs of five networks are more than 30 % off (docs/plan.md).
_MEASURED = (0.7, 1.3)
_HEAD = 4.1  # million params more than with few classes: the largest head, 4,096 features by 1,000


class Checkpoints:
    """Checkpoints of the large network's image size, with heads for the user's classes.

    Args:
        large: The large network, of ``timm:``, with or without the tag of its weights.
        by: The cost that counts.

    Raises:
        ConfigError: timm's list does not have the network at this size.
    """

    def __init__(self, large: MeasuredNetwork, by: Kept) -> None:
        self.image_size = large.spec.image_size
        self.by: Kept = by
        self._classes = large.spec.num_classes
        self.large = self._measured(_own(large.name, self.image_size))

    def best(
        self, count: int, least: float, most: float, *, apart_from: Container[str] = ()
    ) -> list[MeasuredNetwork]:
        """The most accurate ones, each another network of another upstream.

        Where these are too few, others follow.

        Args:
            count: How many at most.
            least: Smallest cost of each, as a share of the large network's.
            most: Largest; of the cost that is not kept, too.
            apart_from: Upstreams that are not taken at all.
        """
        found: list[MeasuredNetwork] = []
        others: list[MeasuredNetwork] = []
        for each in self._of_cost(least, most):
            if each.upstream in apart_from:
                continue
            (others if any(may_share(each, one) for one in found) else found).append(each)
            if len(found) == count:
                break
        return [*found, *others[: count - len(found)]]

    def _of_cost(self, least: float, most: float) -> Iterator[MeasuredNetwork]:
        """Those between these shares of the large network's cost, the most accurate first."""
        cost, other = self.large.cost(self.by), self.large.cost(_other(self.by))
        for checkpoint in published_checkpoints():
            if checkpoint.image_size != self.image_size:
                continue
            if not self._may_fit(checkpoint, least * cost, most * cost):
                continue
            try:
                network = self._measured(checkpoint)
            except ConfigError:  # not in the installed timm, or of a fixed size
                continue
            kept = least <= network.cost(self.by) / cost <= most
            if kept and network.cost(_other(self.by)) / other <= most:
                yield network

    def _may_fit(self, checkpoint: Checkpoint, least: float, most: float) -> bool:
        """By the listed cost, so that few networks are measured."""
        listed, more = checkpoint.listed_gmacs * 1e9, 0.0
        if self.by == "params":
            listed, more = checkpoint.listed_params * 1e6, _HEAD * 1e6
        return _MEASURED[0] * least <= listed <= _MEASURED[1] * most + more

    def _measured(self, checkpoint: Checkpoint) -> MeasuredNetwork:
        return _measure(checkpoint, self._classes)


def _other(cost: Kept) -> Kept:
    return "macs" if cost == "params" else "params"


def may_share(one: MeasuredNetwork, other: MeasuredNetwork) -> bool:
    """Whether two may come from one start, or have learnt from the same."""
    return one.upstream == other.upstream or one.spec == other.spec


@lru_cache(maxsize=1024)
def _measure(checkpoint: Checkpoint, classes: int) -> MeasuredNetwork:
    with at_work(f"measuring {checkpoint.name}"):
        spec = spec_for_images(
            checkpoint.network,
            num_classes=classes,
            in_channels=3,
            image_size=checkpoint.image_size,
        )
        return measured(f"timm:{checkpoint.name}", spec, checkpoint)


def _own(network: str, image_size: int) -> Checkpoint:
    """The checkpoint that the name means; of a name without a tag the most accurate."""
    source, _, name = network.partition(":")
    listed = [
        each
        for each in published_checkpoints()
        if source == "timm" and name in (each.name, each.name.partition(".")[0])
    ]
    found = next((each for each in listed if each.image_size == image_size), None)
    if found is not None:
        return found
    if listed:
        sizes = sorted({each.image_size for each in listed})
        raise ConfigError(
            f"timm's list has {network} at {', '.join(map(str, sizes))} pixels, not at "
            f"{image_size}: give --image-size {sizes[0]}"
        )
    raise ConfigError(
        f"network={network!r} has no pretrained weights in timm's list of results: leave out "
        "--pretrained, or give a network of timm with its checkpoint, such as "
        "timm:convnext_small.fb_in1k"
    )
