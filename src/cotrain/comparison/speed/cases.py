"""Which cases there are for a target, and what has to be done to answer in each of them."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import get_args

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.comparison.speed.records import Case, Condition
from cotrain.comparison.speed.staged import staged_seconds
from cotrain.comparison.speed.targets import BenchmarkTarget
from cotrain.ensemble.combining import combine_logits
from cotrain.ensemble.ensemble import Ensemble
from cotrain.execution import Acceleration, Execution, choose, prepare
from cotrain.execution.acceleration import LIGHT
from cotrain.execution.auto.choosing import ACCELERATIONS
from cotrain.execution.strategies import Strategy
from cotrain.export import Exported, load_exported
from cotrain.export.formats.registry import FORMATS

STRATEGIES: Sequence[str] = get_args(Strategy)
# By the names that the user gives: from nothing to all; then those whose answers are not exact.
EXACT_LEVELS = ("none", "light", "compile")
HALF_LEVELS = ("bf16", "fp16")
LEVELS: Mapping[str, Acceleration] = {
    **dict(zip(EXACT_LEVELS, ACCELERATIONS, strict=True)),
    "bf16": replace(LIGHT, dtype="bf16"),
    "fp16": replace(LIGHT, dtype="fp16"),
}
# What there is to choose from where no other network runs beside.
_LONELY = ("loop", "cuda_graphs")

Pass = Callable[[], object]


def own_cases(
    target: BenchmarkTarget, strategies: Sequence[str], levels: Sequence[str], images: Tensor
) -> Iterator[Case]:
    """All S networks together, plain loop first; for ``auto`` what it chooses for ``images``.

    An execution has one case: itself.
    """
    into = target.facts.into
    make = partial(Case, target=target.facts.name, into=into)
    possible = [each for each in strategies if into > 1 or each in _LONELY]
    source = target.source
    if isinstance(source, Exported):
        at_once = ["threads"] if "threads" in possible else []
        yield from (make(strategy=each, level=source.spec.format) for each in ["loop", *at_once])
    elif isinstance(source, Execution):
        yield make(strategy=source.name, level="prepared", reason=source.reason)
    elif isinstance(source, Ensemble):
        yield from _cases_of(source, make, possible, levels, images)


def _cases_of(
    ensemble: Ensemble,
    make: Callable[..., Case],
    strategies: Sequence[str],
    levels: Sequence[str],
    images: Tensor,
) -> Iterator[Case]:
    """Every strategy at every level."""
    pairs = [(each, level) for each in strategies if each != "auto" for level in levels]
    for strategy, level in dict.fromkeys([("loop", "none"), *pairs]):
        yield make(strategy=strategy, level=level)
    if "auto" in strategies:
        choice = choose(ensemble, images.shape, device=images.device)
        level = _level(choice.acceleration)
        yield make(strategy=choice.strategy, level=level, reason=choice.reason)


def large_cases(target: BenchmarkTarget, conditions: Iterable[Condition]) -> Iterator[Case]:
    """The large network in the conditions that its ensembles have."""
    for strategy, level in conditions:
        yield Case(target=target.facts.name, into=1, strategy=strategy, level=level)


def ceilings(target: BenchmarkTarget, conditions: Iterable[Condition]) -> Iterator[Case]:
    """Each network alone, and all as processes, in each condition."""
    into = target.facts.into
    for strategy, level in conditions:
        case = Case(target=target.facts.name, into=into, strategy=strategy, level=level)
        yield from (replace(case, role="alone", network=index) for index in range(into))
        yield replace(case, role="processes")


def _level(acceleration: Acceleration) -> str:
    if acceleration.is_half:
        return acceleration.dtype
    return "compile" if acceleration.compile else "light" if acceleration.fold else "none"


def ready(target: BenchmarkTarget, case: Case, images: Tensor, stack: ExitStack) -> Pass:
    """The pass of a case that this process does, which has been done once.

    Args:
        target: Who answers.
        case: How; not as processes.
        images: [B, C, H, W], where they are answered.
        stack: Closes what was opened.

    Raises:
        ConfigError: It is not possible here.
    """
    source = target.source
    if isinstance(source, Exported):
        return tried(partial(_file_pass, source, case, images))

    def make() -> Pass:
        run = source
        if isinstance(source, Ensemble):
            alone = case.network if case.role == "alone" else None
            networks = [n for i, n in enumerate(source.networks) if alone in (None, i)]
            run = stack.enter_context(execute(networks, case, images))
        return lambda: combine_logits(run(images), source.spec.combine)

    return tried(make)


def staged_pass(
    target: BenchmarkTarget, case: Case, images: Tensor, stack: ExitStack
) -> Callable[[], float]:
    """What gives the seconds of a batch that the target's cascade answers; see ``ready``."""
    assert isinstance(target.source, Ensemble)
    assert target.sample is not None
    how = LEVELS[case.level]
    execution = stack.enter_context(prepare(target.source, "loop", acceleration=how))
    once = staged_seconds(execution, target.sample.to(images.device), len(images))
    tried(lambda: once)
    return once


def execute(networks: Sequence[nn.Module], case: Case, images: Tensor) -> Execution:
    """The networks prepared as the case says.

    Raises:
        ConfigError: Hardware or networks do not allow it.
    """
    how = LEVELS[case.level]
    if case.strategy == "stacked":  # has one layout only
        how = replace(how, channels_last=False)
    if case.strategy == "devices":
        count = torch.cuda.device_count() if images.is_cuda else 1
        if count < len(networks):
            raise ConfigError(
                f"strategy='devices': {len(networks)} networks need a device each, and "
                f"{images.device.type} is {count}"
            )
    return prepare(networks, case.strategy, acceleration=how)


def _file_pass(file: Exported, case: Case, images: Tensor) -> Pass:
    """One network after the other with all cores, or as many at once as there are cores."""
    if images.device.type != "cpu":
        raise ConfigError("exported files answer on the CPU: use --device cpu")
    at_once = case.strategy == "threads"
    name = file.spec.format
    if at_once and not FORMATS[name].parallel and file.path.is_file():
        raise ConfigError(
            f"strategy='threads': one {name} file runs its networks one after the other: "
            "export it with --format onnx or --split"
        )
    cores = torch.get_num_threads()
    parallel = min(case.into, cores) if at_once else 1
    exported = load_exported(
        file.path, trust=file.trust, threads=max(1, cores // parallel), parallel=parallel
    )
    return partial(exported.run, images)


def tried(make: Callable[[], Pass]) -> Pass:
    """The pass that ``make`` gives, once it has been done.

    Raises:
        ConfigError: It cannot be done, or not with the acceleration that was asked for.
    """
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            once = make()
            once()
        except Exception as error:  # of compilers, drivers and runtimes too
            raise ConfigError(str(error).strip().partition("\n")[0] or repr(error)) from error
    for each in map(str, (warning.message for warning in said)):
        if each.startswith(("compile:", "fold:")):
            raise ConfigError(each)
    return once
