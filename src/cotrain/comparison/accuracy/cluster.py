"""Runs as tasks of a Ray cluster: of this machine alone, or of several."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection, gethostname
from types import TracebackType
from typing import Any, TypeVar

import torch

from cotrain.basics.errors import ConfigError, TrainingError
from cotrain.basics.lock import holder
from cotrain.basics.machine import __version__, usable_cores
from cotrain.comparison.accuracy.run import Run
from cotrain.comparison.accuracy.workers import DIED
from cotrain.config import Experiment

_PATIENCE_SECONDS = 5  # for an answer of the cluster

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class RayCluster:
    """The Ray cluster that ``RAY_ADDRESS`` names, or that runs here, or else one of this machine.

    A run takes as many cores as ``hardware.threads``, 1 if that is not given, or as
    ``data.workers`` where these are more.

    Args:
        gpus: GPUs of a run, such as 0.5; None is 1 where the cluster has some and
            ``hardware.accelerator`` is not ``cpu``.
    """

    gpus: float | None = None


@contextmanager
def ray_tasks(
    cluster: RayCluster, experiment: Experiment, folder: Path, jobs: int | None
) -> Iterator["RayTasks"]:
    """Workers on the cluster, which is left again.

    Args:
        cluster: Which, and what of it.
        experiment: What all runs share.
        folder: The comparison's, which every machine must see.
        jobs: Runs at a time; None is as many as fit.

    Raises:
        ConfigError: Ray is not installed, no cluster answers, or no machine of it has room.
    """
    ray = _library()
    with _connected(ray):
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        needs = _needs(cluster, experiment, nodes)
        threads = experiment.hardware.threads or 1
        yield RayTasks(ray, needs, jobs=jobs or _room(needs, nodes), threads=threads, folder=folder)


class RayTasks:
    """Tasks of a cluster.

    Args:
        ray: The library, connected.
        needs: ``CPU`` and ``GPU`` of a run.
        jobs: Runs at a time.
        threads: CPU threads of PyTorch in each.
        folder: The comparison's.
    """

    def __init__(
        self, ray: Any, needs: Mapping[str, float], *, jobs: int, threads: int, folder: Path
    ) -> None:
        self.jobs = jobs
        self.threads = threads
        self._ray = ray
        self._around = {"holder": holder(folder), "version": __version__}
        self._around |= {"threads": threads, "gpus": needs["GPU"]}
        # What a run that died has saved is gone on with when the user wants it to.
        options = {"num_cpus": needs["CPU"], "num_gpus": needs["GPU"], "max_retries": 0}
        self._task = ray.remote(**options)(_in_task)
        self._asked: list[Any] = []

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if kind is not None and self._asked:
            for reference in self._asked:
                self._ray.cancel(reference)  # a KeyboardInterrupt in it, if it runs
            self._ray.wait(self._asked, num_returns=len(self._asked))
        self._asked.clear()

    def submit(self, work: Callable[[Run], T], run: Run) -> Future[T]:
        """Begin to work on a run as soon as a machine has room."""
        reference = self._task.remote(work, run, self._around)
        self._asked.append(reference)
        return reference.future()

    def lost(self, error: Exception) -> str:
        """Whether its process or its machine died, or has no such cotrain."""
        kinds = self._ray.exceptions
        gone = (kinds.WorkerCrashedError, kinds.NodeDiedError, kinds.LocalRayletDiedError)
        if isinstance(error, (*gone, kinds.OutOfMemoryError)):
            return DIED
        reason = str(error).strip().splitlines()[-1:]
        if isinstance(error, kinds.RayTaskError) and "ModuleNotFoundError" in "".join(reason):
            return f"a machine of the cluster has {reason[0]}: install the same cotrain there"
        return ""


def _in_task(work: Callable[[Run], T], run: Run, around: Mapping[str, Any]) -> T | TrainingError:
    """Work on a run, if this machine has what the comparison that asks for it has."""
    here = f"{run}: machine {gethostname()}"
    if __version__ != around["version"]:
        return TrainingError(
            f"{here} has cotrain {__version__}, not {around['version']}: install that there"
        )
    if holder(run.split_of) != around["holder"]:
        return TrainingError(
            f"{here} does not see the comparison in {run.split_of}: give an --output on a file "
            "system that all machines of the cluster share"
        )
    # Ray cancels by an interrupt, which all ignore that a shell has begun in its background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not around["gpus"]:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # Ray hides none; nothing here has used CUDA yet
    torch.set_num_threads(around["threads"])
    return work(run)


def _needs(
    cluster: RayCluster, experiment: Experiment, nodes: list[dict[str, float]]
) -> dict[str, float]:
    """What one run takes of a machine."""
    gpus = cluster.gpus
    if gpus is None:
        some = experiment.hardware.accelerator != "cpu" and any(node.get("GPU") for node in nodes)
        gpus = float(some)
    return {"CPU": max(experiment.hardware.threads or 1, experiment.data.workers), "GPU": gpus}


def _room(needs: Mapping[str, float], nodes: list[dict[str, float]]) -> int:
    """How many runs fit on the machines at once."""
    asked = {name: need for name, need in needs.items() if need}
    room = sum(min(int(node.get(n, 0) / need) for n, need in asked.items()) for node in nodes)
    if not room:
        largest = ", ".join(f"{max(node.get(n, 0) for node in nodes):g} {n}" for n in asked)
        raise ConfigError(
            f"a run takes {', '.join(f'{need:g} {n}' for n, need in asked.items())} of a machine, "
            f"and the largest of the Ray cluster has {largest}: give fewer hardware.threads, "
            "data.workers or --cluster_gpus"
        )
    return room


def _library() -> Any:
    """Ray, told to be silent: no statistics are sent, and no lines of its own are printed."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    try:
        import ray
    except ImportError:
        raise ConfigError(
            "cluster=ray needs ray, which is not installed: pip install 'cotrain[cluster]'"
        ) from None
    return ray


@contextmanager
def _connected(ray: Any) -> Iterator[None]:
    """Be a program of the cluster inside; one that is connected already stays so."""
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS", "")
    if address not in ("", "auto", "local"):
        _check_answers(address)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        _connect(ray, address)
        signal.signal(signal.SIGTERM, handler)  # Ray's would end this process at once
        yield
    finally:
        ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    """Go to the cluster that is named or runs here; start one of this machine where none does."""
    silent = {"log_to_driver": False, "logging_level": "ERROR"}
    if address != "local":
        try:
            ray.init(address="auto", **silent)
        except ConnectionError as error:
            if address:
                raise ConfigError(
                    f"RAY_ADDRESS={address}: {error}: see that ray status answers on that machine, "
                    "and set RAY_AUTH_MODE=token here if the cluster asks for its token"
                ) from None
        else:
            return
    ray.init(address="local", num_cpus=usable_cores(), include_dashboard=False, **silent)


def _check_answers(address: str) -> None:
    """Raise ConfigError if nobody listens there; Ray itself would ask for minutes."""
    host, _, port = address.rpartition(":")
    if "/" in host or not host or not port.isdigit():
        raise ConfigError(
            f"RAY_ADDRESS={address} is no HOST:PORT such as 10.0.0.1:6379: start the comparison on "
            "a machine of the cluster, with the address that ray start --head has printed, or none"
        )
    try:
        create_connection((host.strip("[]"), int(port)), _PATIENCE_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"RAY_ADDRESS={address}: {error}: start a cluster there with ray start --head, or "
            "leave RAY_ADDRESS out"
        ) from None
