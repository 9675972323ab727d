"""Whether long work needs more and more: memory, open files and processes, sampled all along.

A small network is trained for 200 epochs on image files, with a loader worker, validation and a
checkpoint an epoch; its ensemble then answers 10,000 times to one file. Of every quarter of the
samples the median counts, which a leak lifts and a passing peak does not; from the second quarter
to the last it may not grow by more than the limits. The result says so, and so does the exit code.
Run: nice -n 19 python benchmarks/soak.py
"""

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from common import write_results
from PIL import Image

import cotrain
from cotrain.config import Data, Experiment, Hardware, Views
from cotrain.training import fit

# What may be kept: the allocator's own, and rows of metrics; files that workers open as they come
# and go. A leak of one an epoch, or an answer, is a hundred times more.
LIMITS = {"megabytes": 4.0, "files": 2, "processes": 0}


def sample() -> dict[str, float]:
    """What this process holds now; children are counted, whose memory is their own."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    tasks = Path("/proc/self/task").glob("*/children")
    return {
        "megabytes": pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        "files": len(os.listdir("/proc/self/fd")),
        "processes": sum(len(_read(task).split()) for task in tasks),
    }


def _read(path: Path) -> str:
    """Threads end while they are listed."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


@contextmanager
def sampled(seconds: float) -> Iterator[list[dict[str, float]]]:
    """Samples of what runs within, one every so many seconds."""
    samples: list[dict[str, float]] = []
    done = threading.Event()

    def take() -> None:
        while not done.wait(seconds):
            samples.append(sample())

    thread = threading.Thread(target=take)
    thread.start()
    try:
        yield samples
    finally:
        done.set()
        thread.join()


def medians(samples: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """The median of every quarter, of each thing sampled."""
    quarters = np.array_split(np.arange(len(samples)), 4)
    return {
        name: [median(samples[index][name] for index in quarter) for quarter in quarters]
        for name in LIMITS
    }


def grown(held: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """What grew by more than its limit from the second quarter to the last, and by how much."""
    growth = {name: quarters[3] - quarters[1] for name, quarters in held.items()}
    return {name: value for name, value in growth.items() if value > LIMITS[name]}


def soak(work: Callable[[], object], every: float) -> dict[str, Any]:
    """Do the work, and tell what it held, sampled every so many seconds."""
    start = time.perf_counter()
    with sampled(every) as samples:
        work()
    held = medians(samples)
    return {
        "seconds": time.perf_counter() - start,
        "samples": len(samples),
        "medians_of_quarters": held,
        "most": {name: max(each[name] for each in samples) for name in LIMITS},
        "grown": grown(held),
    }


def make_images(root: Path, count: int = 20) -> None:
    """Two classes of noise."""
    draw = np.random.default_rng(0)
    for name in ("dark", "light"):
        (root / name).mkdir(parents=True)
        for index in range(count):
            pixels = draw.integers(256, size=(16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{index}.png")


def measure(folder: Path, *, epochs: int, predictions: int, every: float = 0.1) -> dict[str, Any]:
    """Train and answer in ``folder``."""
    images, run = folder / "images", folder / "run"
    make_images(images)
    experiment = Experiment(
        network="basic_resnet8_4",
        into=2,
        epochs=epochs,
        batch_size=8,
        data=Data(root=str(images), dataset="imagefolder", image_size=16, workers=1),
        views=Views(padding=1, mixup=0.2),
        ema=0.9,
        hardware=Hardware(accelerator="cpu", threads=1),
    )
    training = soak(lambda: fit(experiment, run, progress=False), every)
    ensemble = cotrain.load(run)
    file = images / "dark" / "0.png"

    def answer() -> None:
        for _ in range(predictions):
            ensemble.predict_files([file], top=2)

    return {
        "training": {"epochs": epochs, **training},
        "predicting": {"predictions": predictions, **soak(answer, every)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--predictions", type=int, default=10_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        parts = measure(Path(folder), epochs=options.epochs, predictions=options.predictions)
    print(write_results("soak", {"limits": LIMITS, **parts}))
    sys.exit(any(part["grown"] for part in parts.values()))


if __name__ == "__main__":
    main()
