"""What S networks cost on more than one machine: ``python benchmarks/scale.py``.

A cost model of one training step, from 1 to 1,024 devices, for the three ways to share it: all
gradients averaged (data-parallel), a network a machine (network-parallel), and predictions
exchanged now and then by files. Its assumptions are those of ``Network`` and ``Step``; what a step
sends, as ``sent`` counts it, leaves after all is computed, so that nothing is hidden behind that.

As root on Linux ``--measure`` checks it: two network namespaces are two hosts, with 1 Gbit/s and
20 ms there and back between them, or with a wire without limits. WRN-28-10 into 4, whose gradients
are as many as in the paper, trains there on images of 8 x 8 pixels, so that a processor is quick
enough for the network to matter; bytes are those that a host's interface has counted.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import pytorch_lightning as lightning
import torch
from common import spread, write_results
from slow_network import ADDRESSES, DEVICE, NAMES, Network, two_hosts
from torch.utils.data import TensorDataset

from cotrain import networks
from cotrain.config import Data, Experiment, Hardware, Views
from cotrain.ensemble import divide
from cotrain.training import fit

NETWORK, INTO, CLASSES, BATCH = "wide_resnet28_10", 4, 100, 32
WAYS = ("data-parallel", "network-parallel", "asynchronous")
STEPS = 6  # of which the first two are not counted


@dataclass(frozen=True, kw_only=True)
class Step:
    """The work of a step, which is the same on every device in all three ways.

    Args:
        into: S.
        parameters: Of all S networks.
        classes: C.
        batch: Images a device has where it trains all networks; with 1/n of them it has n times
            as many.
        seconds: What a device computes for it.
        every: Steps between exchanges by files.
        images: N, of which a file has predictions.
    """

    into: int
    parameters: int
    classes: int
    batch: int
    seconds: float
    every: int = 100
    images: int = 50_000


def groups(way: str, step: Step, devices: int) -> int:
    """Over how many groups of devices the networks are spread: as many as can be."""
    return 1 if way == "data-parallel" else min(step.into, devices)


def can(way: str, step: Step, devices: int) -> bool:
    """Whether all devices have work: without waiting, a network trains on one."""
    return way != "asynchronous" or devices <= step.into


def sent(way: str, step: Step, devices: int) -> float:
    """Bytes that a device sends in a step, mean over the steps.

    Gradients (float32) go round a ring, 2 (W - 1) / W of them; logits (float32) to each of the
    other groups; a file (float16) has all images.
    """
    spread_over = groups(way, step, devices)
    processes = devices // spread_over
    gradients = 4 * step.parameters / spread_over * 2 * (processes - 1) / processes
    if way == "asynchronous":
        return 2 * step.images * step.classes * step.into / spread_over / step.every
    logits = 4 * (step.into / spread_over) * step.batch * spread_over * step.classes
    return gradients + logits * (spread_over - 1)


def seconds(way: str, step: Step, devices: int, network: Network) -> float:
    """What a step takes: computing, bytes through the link, and a round trip for each exchange."""
    if way == "asynchronous":  # files are written beside the steps
        return step.seconds
    spread_over = groups(way, step, devices)
    exchanges = (spread_over > 1) + (devices > spread_over)
    link = sent(way, step, devices) / network.bytes_per_second
    return step.seconds + link + exchanges * network.round_trip


def table(step: Step, network: Network) -> list[dict[str, float]]:
    """A row for each number of devices."""
    rows = []
    for devices in (2**power for power in range(11)):
        row: dict[str, float] = {"devices": devices}
        for way in (way for way in WAYS if can(way, step, devices)):
            row[f"{way}, bytes"] = sent(way, step, devices)
            row[f"{way}, seconds"] = seconds(way, step, devices, network)
        rows.append(row)
    return rows


class Watch(lightning.Callback):
    """Notes when each step ends, and what the host's interface has sent by then."""

    def __init__(self, interface: str) -> None:
        self.interface, self.ends, self.bytes = interface, list[float](), list[int]()

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        self.ends.append(time.perf_counter())
        path = Path("/sys/class/net") / self.interface / "statistics" / "tx_bytes"
        self.bytes.append(int(path.read_text()))


def train_on(folder: Path, processes: int, network_parallel: int) -> None:
    """One of the processes; the first of all writes what it saw."""
    torch.set_num_threads(1)
    batch = BATCH * network_parallel
    images = batch * (processes // network_parallel) * STEPS
    train, test = (
        TensorDataset(torch.rand(count, 3, 8, 8), torch.arange(count) % CLASSES)
        for count in (images, CLASSES)
    )
    hardware = Hardware(
        accelerator="cpu",
        devices=processes // len(NAMES),
        num_nodes=len(NAMES),
        strategy="ddp",
        network_parallel=network_parallel,
        threads=1,
    )
    experiment = Experiment(
        network=NETWORK,
        into=INTO,
        epochs=1,
        batch_size=batch,
        data=Data(validation="none"),
        views=Views(flip=False),
        hardware=hardware,
    )
    watch = Watch(os.environ["GLOO_SOCKET_IFNAME"])
    fit(experiment, folder / "run", data=(train, None, test), callbacks=[watch], progress=False)
    if os.environ["RANK"] == "0":
        seen = {"ends": watch.ends, "bytes": watch.bytes}
        (folder / "seen.json").write_text(json.dumps(seen))


def measured(processes: int, network_parallel: int, network: Network | None) -> dict[str, Any]:
    """Seconds and bytes of a step, on two hosts."""
    with TemporaryDirectory() as scratch, two_hosts(network):
        launched = []
        for number, name in enumerate(NAMES):
            command = f"ip netns exec {name} {sys.executable} -m torch.distributed.run --nnodes 2"
            command += f" --node-rank {number} --nproc-per-node {processes // len(NAMES)}"
            command += f" --master-addr {ADDRESSES[0]} --master-port 29511"
            command += f" {__file__} --train {scratch} {processes} {network_parallel}"
            environment = os.environ | {"GLOO_SOCKET_IFNAME": DEVICE, "OMP_NUM_THREADS": "1"}
            launched.append(subprocess.Popen(command.split(), env=environment))
        for each in launched:
            if each.wait():
                raise SystemExit("a process has failed: see its message")
        seen = json.loads((Path(scratch) / "seen.json").read_text())
    pairs = list(zip(seen["ends"][1:-1], seen["ends"][2:], strict=True))
    sent_bytes = (seen["bytes"][-2] - seen["bytes"][1]) / (len(seen["bytes"]) - 3)
    return {"seconds": spread([b - a for a, b in pairs]), "bytes sent by a host": sent_bytes}


def sent_by_host(processes: int, network_parallel: int, step: Step) -> float:
    """Bytes of a step that leave one of two hosts, each with half of the processes."""
    if network_parallel == 1:
        return sent("data-parallel", step, processes)
    if network_parallel == processes:
        return sent("network-parallel", step, processes)
    # Gradients stay in the host; each process sends its logits to one in the other.
    assert network_parallel == 2
    return processes / 2 * sent("network-parallel", step, 2)


def measure(network: Network, step: Step) -> dict[str, Any]:
    """Every way on 2 and 4 processes, the network limited and not."""
    found: dict[str, Any] = {}
    for processes, network_parallel in ((2, 1), (2, 2), (4, 1), (4, 2), (4, 4)):
        way = f"{processes} processes, network_parallel {network_parallel}"
        free = measured(processes, network_parallel, None)
        slow = measured(processes, network_parallel, network)
        medians = [median(each["seconds"]["runs"]) for each in (free, slow)]
        expected = sent_by_host(processes, network_parallel, step)
        found[way] = {
            "free": free,
            "slow": slow,
            "seconds of the network": medians[1] - medians[0],
            "by the model": expected / network.bytes_per_second + network.round_trip,
            "bytes by the model": expected,
        }
        print(f"{way}: {medians[0]:.2f} s, slow network {medians[1]:.2f} s", flush=True)
    return found


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.15, help="a device computes a step in")
    parser.add_argument("--measure", action="store_true", help="also train, as root on Linux")
    parser.add_argument("--train", nargs=3, help="what --measure starts")
    parser.add_argument("--result", default="scale", help="name in benchmarks/results/")
    given = parser.parse_args(words)
    if given.train:
        folder, processes, network_parallel = given.train
        return train_on(Path(folder), int(processes), int(network_parallel))
    parameters = divide(networks.spec(NETWORK, num_classes=CLASSES), INTO).spec.params
    step = Step(
        into=INTO,
        parameters=parameters,
        classes=CLASSES,
        batch=BATCH,
        seconds=given.seconds,
    )
    slow = Network(bytes_per_second=125e6, round_trip=0.02)
    fast = Network(bytes_per_second=12.5e9, round_trip=1e-5)
    results = {
        "step": asdict(step),
        "slow": {"network": asdict(slow), "rows": table(step, slow)},
        "fast": {"network": asdict(fast), "rows": table(step, fast)},
    }
    if given.measure:
        results["measured"] = measure(slow, step)
    write_results(given.result, results)
    return None


if __name__ == "__main__":
    main()
