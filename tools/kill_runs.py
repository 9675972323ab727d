"""Kill trainings and comparisons at random moments, go on with them, and compare with whole ones.

    python -m tools.kill_runs --kills 500

Every run is started, killed (SIGKILL) after a random time, started again, and so on until it ends
by itself; then its files must be those of a run that was never killed, byte for byte. Where several
processes train together one of them is killed (``kill_ranks.py``). The result
is written after every run into ``benchmarks/results/kill_runs.json``, from which the same command
goes on when it is stopped.
"""

import argparse
import json
import random
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image

from cotrain.basics.files import write_json
from cotrain.basics.machine import hardware
from cotrain.basics.run_folder import RunFolder
from cotrain.config import CoTrainingOptions, Data, Experiment, Hardware, Optimizer, Views
from tools import kill_ranks

RESULT = Path(__file__).parents[1] / "benchmarks" / "results" / "kill_runs.json"
# What must be the same: all that a run is for. Times and TensorBoard's events differ.
COMPARED = (
    "config.yaml",
    "data.json",
    "split.jsonl",
    "metrics.csv",
    "ensemble/spec.json",
    "ensemble/model.safetensors",
    "predictions.safetensors",
    "evaluation.json",
)

PLAIN = Experiment(
    network="basic_resnet8_4",
    into=2,
    epochs=3,
    batch_size=16,
    data=Data(train_images=96, test_images=60, validation=0.2),
    views=Views(padding=1, flip=False, mixup=0.2, erasing=0.5),
    hardware=Hardware(accelerator="cpu", threads=1),
    checkpoint_steps=2,
)
COMPARISON = "compare"


def configurations(images: Path) -> dict[str, Experiment]:
    """What is trained; ``images`` is a folder of images."""
    return {
        "plain": PLAIN,
        "workers": replace(PLAIN, data=replace(PLAIN.data, workers=2)),
        "accumulation": replace(PLAIN, batch_size=9, optimizer=Optimizer(accumulate=3)),
        "moving average": replace(PLAIN, ema=0.9),
        "bf16": replace(PLAIN, hardware=replace(PLAIN.hardware, precision="bf16-mixed")),
        "one at a time": replace(PLAIN, co_training=CoTrainingOptions(together=False)),
        "early stopping": replace(PLAIN, epochs=6, early_stopping=1),
        "folder of images": replace(
            PLAIN,
            data=Data(dataset="imagefolder", root=str(images), image_size=16, validation=0.2),
        ),
        "2 processes": kill_ranks.on(2),
        "4 processes": kill_ranks.on(4),
        COMPARISON: replace(PLAIN, epochs=2, hardware=replace(PLAIN.hardware, threads=None)),
    }


def make_images(root: Path, count: int = 60) -> None:
    """Two classes of images that differ in brightness."""
    draw = np.random.default_rng(0)
    for name, level in (("dark", 80), ("light", 170)):
        (root / name).mkdir(parents=True)
        for index in range(count):
            pixels = draw.normal(level, 40, (16, 16, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{index}.png")


def work(name: str, experiment: Experiment, folder: Path) -> None:
    """In a process of its own: begin, or go on."""
    if name == COMPARISON:
        from cotrain.comparison.accuracy.compare import compare

        compare(experiment, folder, into=(1, 2), seeds=(0,), independent=False, jobs=2)
        return
    from cotrain.training import fit

    fit(experiment, folder, resume=RunFolder(folder).config.exists(), progress=False)


def attempt(name: str, experiment: Experiment, folder: Path, seconds: float | None) -> int:
    """Exit code of a process that is killed after so many seconds, if it has not ended by then."""
    process = kill_ranks.clean_processes().Process(target=work, args=(name, experiment, folder))
    process.start()
    process.join(seconds)
    process.kill()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def differences(whole: Path, folder: Path) -> list[str]:
    """Files that are not those of the whole run, and files that should not be there."""
    names = [
        str(path.relative_to(whole)) for name in COMPARED for path in sorted(whole.rglob(name))
    ]
    found = [name for name in names if _content(whole / name) != _content(folder / name)]
    left = [path for ending in ("*.tmp", "run.lock") for path in folder.rglob(ending)]
    return found + [str(path.relative_to(folder)) for path in left]


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def kill_until_done(
    experiment: Experiment, folder: Path, *, name: str, longest: float, draw: random.Random
) -> int:
    """How often a run was killed before it ended by itself.

    Args:
        experiment: What.
        folder: Where.
        name: Of the configuration.
        longest: Seconds that a whole run takes.
        draw: Moments come from here; later ones of one run are later, so that it ends.
    """
    kills = 0
    while True:
        seconds = draw.uniform(0, longest) * (1 + kills / 8)
        exit_code = attempt(name, experiment, folder, seconds)
        if exit_code == 0:
            return kills
        if exit_code != -signal.SIGKILL:
            raise SystemExit(f"{name}: {folder} ended with exit code {exit_code}")
        kills += 1


def measure(
    experiments: Mapping[str, Experiment],
    scratch: Path,
    *,
    kills: int,
    result: dict[str, Any],
    keep: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Go on until there are so many kills, spread evenly over the configurations.

    Args:
        experiments: By the names of their configurations.
        scratch: Where runs are written.
        kills: How many in all.
        result: What is known already, by configuration.
        keep: Called with the result after every run.
    """
    warm = kill_ranks.clean_processes().Process(target=int)  # imports count for no run
    warm.start()
    warm.join()
    wholes: dict[str, tuple[Path, float]] = {}
    while sum(each["kills"] for each in result.values()) < kills:
        name = min(experiments, key=lambda each: result.get(each, {"kills": 0})["kills"])
        own = result.setdefault(name, {"kills": 0, "runs": 0, "differing": [], "seconds": 0.0})
        start = time.perf_counter()
        if name not in wholes:
            folder = scratch / name / "whole"
            assert attempt(name, experiments[name], folder, None) == 0, name
            wholes[name] = folder, time.perf_counter() - start
        whole, longest = wholes[name]
        folder = scratch / name / str(own["runs"])
        draw = random.Random(f"{name} {own['runs']}")
        together = experiments[name].hardware.devices != "auto"
        kill, compare = (
            (kill_ranks.kill_until_done, kill_ranks.differences)
            if together
            else (kill_until_done, differences)
        )
        own["kills"] += kill(experiments[name], folder, name=name, longest=longest, draw=draw)
        own["differing"] += [f"run {own['runs']}: {each}" for each in compare(whole, folder)]
        own["runs"] += 1
        own["seconds"] = round(own["seconds"] + time.perf_counter() - start, 1)
        keep(result)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--only", nargs="+", help="names of configurations; all if not given")
    parser.add_argument("--output", type=Path, default=RESULT)
    words = parser.parse_args()
    torch.set_num_threads(1)
    known = json.loads(words.output.read_text()) if words.output.exists() else {}

    def keep(result: dict[str, Any]) -> None:
        write_json(words.output, _record(result))
        total = _record(result)
        print(f"{total['kills']} kills, {len(total['differing'])} files differ", flush=True)

    with TemporaryDirectory(prefix="cotrain-kills-") as scratch:
        make_images(Path(scratch) / "images")
        experiments = configurations(Path(scratch) / "images")
        if words.only:
            experiments = {name: experiments[name] for name in words.only}
        result = known.get("configurations", {})
        measure(experiments, Path(scratch), kills=words.kills, result=result, keep=keep)


def _record(result: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "command": "python -m tools.kill_runs",
        "machine": asdict(hardware()),
        "kills": sum(each["kills"] for each in result.values()),
        "runs": sum(each["runs"] for each in result.values()),
        "seconds": round(sum(each["seconds"] for each in result.values()), 1),
        "differing": [
            f"{name}, {what}" for name, each in result.items() for what in each["differing"]
        ],
        "configurations": dict(result),
    }


if __name__ == "__main__":
    main()
