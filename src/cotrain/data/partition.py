"""Which image trains, selects the checkpoint, calibrates or tests: indices only, none decoded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Literal

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import derive_seed
from cotrain.config import Data
from cotrain.data.settings import DEFAULTS
from cotrain.data.sources import PARTS, Source


@dataclass(frozen=True, kw_only=True, eq=False)
class Partition:
    """Indices of the images of each part.

    Args:
        train: Images trained on.
        val: Images that select the checkpoint; None if nothing is selected.
        calibration: Images that neither train nor select; None if none were kept.
        test: Images tested on; None if there are none.
        tested_on: ``val`` if the test images are the ones that selected, else ``test``.
        origins: In words, where the images of each part come from.
    """

    train: Tensor
    val: Tensor | None
    calibration: Tensor | None = None
    test: Tensor | None
    tested_on: Literal["test", "val"]
    origins: Mapping[str, str] = field(default_factory=dict)

    def named(self) -> dict[str, Tensor]:
        """The parts that there are."""
        parts = {name: getattr(self, name) for name in PARTS}
        return {name: part for name, part in parts.items() if part is not None}


def partition(source: Source, data: Data) -> Partition:
    """Split as the data set is split, and by ratio where it is not; see ``config.Data``.

    ``train_images`` counts the images that validation and calibration are taken from. Without a
    test split, ``train_images`` leaves all other images to the test.

    Raises:
        ConfigError: Fewer images than asked for, or too few in a class.
    """
    _refuse_ignored(source, data)
    given = _hold_out_test(source, data) if "all" in source.parts else source.parts
    train, val, test = given["train"], given.get("val"), given.get("test")
    selects, calibrates = (each not in ("none", 0) for each in (data.validation, data.calibration))
    tested_on = "test"
    if test is None and val is not None:
        test, tested_on = val, "val" if selects else "test"
    if data.train_images is not None:
        train, _ = _draw("train_images", data.train_images, train, source, data.split_seed)
    if not selects:
        val = None
    elif val is None:
        val, train = _hold_out("validation", float(data.validation), train, source, data.split_seed)
    calibration = None
    if calibrates:
        share = float(data.calibration)
        calibration, train = _hold_out("calibration", share, train, source, data.split_seed)
    if data.test_images is not None:
        if test is None:
            raise ConfigError(f"data.test_images={data.test_images}, but data.test=0 leaves none")
        test = draw_test(data.test_images, test, source, data.split_seed)
    return Partition(
        train=train,
        val=val,
        calibration=calibration,
        test=test,
        tested_on=tested_on,
        origins=_origins(source, data),
    )


def _refuse_ignored(source: Source, data: Data) -> None:
    """Raise ConfigError for a setting that draws nothing from a data set that has its parts."""
    val_given, test_given = "val" in source.parts, "all" not in source.parts
    ignored = {
        "validation": val_given and data.validation not in ("none", 0, DEFAULTS["validation"]),
        "test": (test_given or data.train_images is not None) and data.test != DEFAULTS["test"],
        "split_seed": data.split_seed != 0
        and test_given
        and (val_given or data.validation in ("none", 0))
        and data.calibration in ("none", 0)
        and data.train_images is None
        and data.test_images is None,
    }
    for name, is_ignored in ignored.items():
        if is_ignored:
            raise ConfigError(
                f"data.{name}={getattr(data, name)} would be ignored: "
                f"{' and '.join(map(source.title, source.parts))} are given"
                f"{'' if data.train_images is None else ', and train_images leaves the others'}: "
                f"give --data.{name} {DEFAULTS[name]}, or leave it out"
            )


def _origins(source: Source, data: Data) -> dict[str, str]:
    """Where each part comes from, in words."""
    given = "all" not in source.parts
    pool = source.title("train" if given else "all")
    origins = {"train": pool}
    if data.train_images is not None:
        origins["train"] = f"{data.train_images} drawn from {pool}"
    if "val" in source.parts:
        origins["val"] = source.title("val")
    else:
        origins["val"] = f"{data.validation} of the training images, drawn"
    if isinstance(data.calibration, float | int):
        origins["calibration"] = f"{data.calibration:g} of the images left to train on, drawn"
    if given:
        origins["test"] = source.title("test" if "test" in source.parts else "val")
    elif data.train_images is None:
        origins["test"] = f"{data.test} of {pool}, drawn"
    else:
        origins["test"] = f"the rest of {pool}"
    if data.test_images is not None:
        origins["test"] = f"{data.test_images} drawn from {origins['test']}"
    return origins


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
    targets = source.targets[pool]
    sizes = targets.bincount(minlength=len(source.classes))
    present = sizes.nonzero().flatten().tolist()
    if not len(present) <= count <= len(pool):
        raise ConfigError(
            f"data.{name}={count}, but there are {len(pool)} images of {len(present)} "
            "classes: give at least one a class and at most all"
        )
    quotas = [0] * len(source.classes)
    for target, quota in zip(present, allocate(sizes[present].tolist(), count), strict=True):
        quotas[target] = quota
    return _take(quotas, pool, targets, derive_seed(seed, name))


def draw_test(count: int, pool: Tensor, source: Source, seed: int) -> Tensor:
    """Exactly ``count`` images of ``pool`` to test on, stratified over the classes that it has."""
    return _draw("test_images", count, pool, source, seed)[0]


def _hold_out(
    name: str, share: float, pool: Tensor, source: Source, seed: int
) -> tuple[Tensor, Tensor]:
    """A share of ``pool``, or a number, stratified, and the others; both have every class."""
    targets = source.targets[pool]
    sizes = targets.bincount(minlength=len(source.classes)).tolist()
    if min(sizes) < 2:
        small = source.classes[sizes.index(min(sizes))]
        raise ConfigError(
            f"data.{name}={share}, but class {small!r} has only {min(sizes)} image to divide: "
            "add images" + ("" if name == "test" else f", or use --data.{name} none")
        )
    drawn = _number(name, share, sizes) if share >= 1 else _share(share, sizes)
    return _take(drawn, pool, targets, derive_seed(seed, name))


def _share(share: float, sizes: Sequence[int]) -> list[int]:
    """About this share of the images of each class; at least one, and one less than all."""
    count = min(max(round(share * sum(sizes)), len(sizes)), sum(sizes) - len(sizes))
    return [min(quota, size - 1) for quota, size in zip(allocate(sizes, count), sizes, strict=True)]


def _number(name: str, number: float, sizes: Sequence[int]) -> list[int]:
    """Exactly so many images, shared out over the classes; one of each class is left."""
    fewest, most = len(sizes), sum(sizes) - len(sizes)
    if not fewest <= number <= most:
        raise ConfigError(
            f"data.{name}={number:g}, but {sum(sizes)} images of {len(sizes)} classes are left to "
            f"train on, and one of each class has to be: give {fewest} to {most}"
        )
    return allocate([size - 1 for size in sizes], int(number))


def allocate(sizes: Sequence[int], count: int) -> list[int]:
    """``count`` places shared out in proportion to ``sizes``, at least one each.

    The largest remainders round up, ties in order; the sum is ``count`` exactly.
    """
    ideal = [count * size / sum(sizes) for size in sizes]
    quotas = [max(int(exact), 1) for exact in ideal]
    missing = count - sum(quotas)
    step = 1 if missing > 0 else -1
    waiting = [(step * (quotas[i] - ideal[i]), i) for i in range(len(sizes))]
    heapify(waiting)
    while missing:
        _, i = heappop(waiting)
        if quotas[i] < sizes[i] if step > 0 else quotas[i] > 1:
            quotas[i] += step
            missing -= step
            heappush(waiting, (step * (quotas[i] - ideal[i]), i))
    return quotas


def _take(quotas: Sequence[int], pool: Tensor, targets: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """A random ``quotas[c]`` images of every class c, and the others, both in order."""
    order = torch.randperm(len(pool), generator=torch.Generator().manual_seed(seed))
    order = order[targets[order].argsort(stable=True)]  # random within a class, class by class
    sizes = targets.bincount(minlength=len(quotas))
    rank = torch.arange(len(pool)) - (sizes.cumsum(0) - sizes)[targets[order]]
    taken = rank < torch.tensor(quotas)[targets[order]]
    return pool[order[taken]].sort().values, pool[order[~taken]].sort().values
