"""Which image is trained on, selects the checkpoint, or tests: indices only, nothing is decoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import derive_seed
from cotrain.config import Data
from cotrain.data.sources import Source


@dataclass(frozen=True, kw_only=True, eq=False)
class Partition:
    """Indices of the images of each part.

    Args:
        train: Images trained on.
        val: Images that select the checkpoint; None if nothing is selected.
        test: Images tested on; None if there are none.
        tested_on: ``val`` if the test images are the ones that selected, else ``test``.
    """

    train: Tensor
    val: Tensor | None
    test: Tensor | None
    tested_on: Literal["test", "val"]


def partition(source: Source, data: Data) -> Partition:
    """Split as the data set is split, and by ratio where it is not; see ``config.Data``.

    ``train_images`` counts the images that validation is taken from. Without a test split,
    ``train_images`` leaves all other images to the test.

    Raises:
        ConfigError: Fewer images than asked for, or too few in a class.
    """
    given = _hold_out_test(source, data) if "all" in source.parts else source.parts
    train, val, test = given["train"], given.get("val"), given.get("test")
    selects = data.validation not in ("none", 0)
    tested_on = "test"
    if test is None and val is not None:
        test, tested_on = val, "val" if selects else "test"
    if data.train_images is not None:
        train, _ = _draw("train_images", data.train_images, train, source, data.split_seed)
    if not selects:
        val = None
    elif val is None:
        val, train = _hold_out("validation", float(data.validation), train, source, data.split_seed)
    if data.test_images is not None:
        if test is None:
            raise ConfigError(f"data.test_images={data.test_images}, but data.test=0 leaves none")
        test, _ = _draw("test_images", data.test_images, test, source, data.split_seed)
    return Partition(train=train, val=val, test=test, tested_on=tested_on)


def _hold_out_test(source: Source, data: Data) -> dict[str, Tensor]:
    everything = source.parts["all"]
    if data.train_images is not None:
        train, test = _draw("train_images", data.train_images, everything, source, data.split_seed)
        if not len(test):
            raise ConfigError(
                f"data.train_images={data.train_images} are all images, which leaves none to "
                "test on: give fewer"
            )
        return {"train": train, "test": test}
    if not data.test:
        return {"train": everything}
    test, train = _hold_out("test", data.test, everything, source, data.split_seed)
    return {"train": train, "test": test}


def _draw(name: str, count: int, pool: Tensor, source: Source, seed: int) -> tuple[Tensor, Tensor]:
    """Exactly ``count`` images of ``pool``, stratified, and the others."""
    if not len(source.classes) <= count <= len(pool):
        raise ConfigError(
            f"data.{name}={count}, but there are {len(pool)} images of {len(source.classes)} "
            "classes: give at least one a class and at most all"
        )
    targets = source.targets[pool]
    quotas = allocate(targets.bincount(minlength=len(source.classes)).tolist(), count)
    return _take(quotas, pool, targets, derive_seed(seed, name))


def _hold_out(
    name: str, share: float, pool: Tensor, source: Source, seed: int
) -> tuple[Tensor, Tensor]:
    """About ``share`` of ``pool``, stratified, and the others; both have every class."""
    targets = source.targets[pool]
    sizes = targets.bincount(minlength=len(source.classes)).tolist()
    if min(sizes) < 2:
        small = source.classes[sizes.index(min(sizes))]
        raise ConfigError(
            f"data.{name}={share}, but class {small!r} has only {min(sizes)} image to divide: "
            "add images" + (", or use --data.validation none" if name == "validation" else "")
        )
    count = min(max(round(share * len(pool)), len(sizes)), len(pool) - len(sizes))
    quotas = [
        min(quota, size - 1) for quota, size in zip(allocate(sizes, count), sizes, strict=True)
    ]
    return _take(quotas, pool, targets, derive_seed(seed, name))


def allocate(sizes: Sequence[int], count: int) -> list[int]:
    """``count`` places shared out in proportion to ``sizes``, at least one each.

    The largest remainders round up, ties in order; the sum is ``count`` exactly.
    """
    ideal = [count * size / sum(sizes) for size in sizes]
    quotas = [max(int(exact), 1) for exact in ideal]
    while (step := count - sum(quotas)) != 0:
        step = 1 if step > 0 else -1
        open_places = [
            i for i, size in enumerate(sizes) if (quotas[i] < size if step > 0 else quotas[i] > 1)
        ]
        quotas[max(open_places, key=lambda i: step * (ideal[i] - quotas[i]))] += step
    return quotas


def _take(quotas: Sequence[int], pool: Tensor, targets: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """A random ``quotas[c]`` images of every class c, and the others, both in order."""
    order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(seed))
    order = order[targets[order].argsort(stable=True)]  # random within a class, class by class
    sizes = targets.bincount(minlength=len(quotas))
    rank = torch.arange(len(pool)) - (sizes.cumsum(0) - sizes)[targets[order]]
    taken = rank < torch.tensor(quotas)[targets[order]]
    return pool[order[taken]].sort().values, pool[order[~taken]].sort().values
