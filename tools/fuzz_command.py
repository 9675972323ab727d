"""Call the command with words and recipes that are wrong in many ways, and count how it fails.

    python tools/fuzz_command.py --cases 1000

Every case is one command line, drawn from its number alone. It runs in a forked process, with a
time limit, in a folder of its own. A fault is a traceback, a hang, a crash, an error of more than
one line, or a folder that a refused command left. The result is
``benchmarks/results/fuzz_command.json``.
"""

import argparse
import io
import multiprocessing
import os
import random
import shlex
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

from cotrain.basics.files import write_json
from cotrain.basics.machine import hardware
from cotrain.config import Experiment, flat_settings
from cotrain.config.recipes import dump_experiment, load_recipe

RESULT = Path(__file__).parents[1] / "benchmarks" / "results" / "fuzz_command.json"
TRAIN = shlex.split(
    "--config digits --network basic_resnet8_4 --into 2 --epochs 1 --batch-size 16 "
    "--data.train_images 64 --data.test_images 40 --hardware.accelerator cpu --progress false"
)
# Whole command lines that work; {run} and {images} are made once.
STARTS = [
    ["train", *TRAIN, "--output", "out"],
    ["train", *TRAIN, "--output", "out"],
    ["train", "--config", "own.yaml", "--output", "out"],
    ["train", "--config", "own.yaml", "--output", "out"],
    ["train", "--resume", "{run}"],
    shlex.split("divide wide_resnet16_4 --into 2 --num-classes 5"),
    shlex.split("evaluate {run} --json"),
    shlex.split("predict {run} {images} --format csv"),
    shlex.split("recipes --dataset cifar10"),
    shlex.split("table {run}"),
    shlex.split("distill {run} --epochs 1 --progress false --output out"),
    shlex.split("benchmark basic_resnet8_4 --into 2 --batch 1 --rounds 1 --execution loop"),
]
SETTINGS = flat_settings(Experiment())
NUMBERS = ["0", "-1", "1", "2", "7", "64", "0.5", "0.99", "-0.5", "1e-300", "1e300", "100000"]
VALUES = [
    *(*NUMBERS, "", " ", "1e400", "nan", "-inf", "9" * 30, "null", "true", "None", "[]", "{}"),
    *("[1,2]", "[0.5]", "{a: 1}", "[[[]]]", "a b", "auto", "cpu", "cuda", "sgd", "adamw", "step"),
    *("loop", "threads", "none", ".", "/dev/full", "/dev/null", "x" * 300, "y/" * 2100, "größe"),
    *("\udcff", "\x1b[31m", "!!python/object:os.system", "&a [*a]", "@file", "-", "--", "%s%n"),
    *("{run}", "{images}", "digits", "imagefolder", "cifar10", "timm:resnet18", "basic_resnet8_4"),
]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a case ended.

    Args:
        words: The command line.
        exit_code: Negative for a signal.
        seconds: How long it took.
        fault: What is wrong with it; empty if nothing is.
        said: The end of what it complained of.
    """

    words: list[str]
    exit_code: int
    seconds: float
    fault: str
    said: str


def case(number: int, recipe: str) -> tuple[list[str], bytes]:
    """The words and the recipe ``own.yaml`` of a case."""
    draw = random.Random(number)
    words = list(draw.choice(STARTS))
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        words = _changed(words, draw)
    return words, _changed_text(recipe, draw) if "own.yaml" in words else recipe.encode()


def _changed(words: list[str], draw: random.Random) -> list[str]:
    """The words with one of them wrong, too many, or missing."""
    place = draw.randrange(1, len(words)) if len(words) > 1 else 0
    kind = draw.choice(("set", "set", "set", "value", "drop", "twice", "typo"))
    if kind == "set":
        name = draw.choice([*SETTINGS, "json", "output", "resume", "device", "combine"])
        is_number = isinstance(SETTINGS.get(name), int | float | None)
        values = NUMBERS if is_number and draw.random() < 0.7 else VALUES
        return [*words, f"--{name}={draw.choice(values)}"]
    if kind == "value":
        return [*words[:place], draw.choice(VALUES), *words[place + 1 :]]
    if kind == "drop":
        return words[:place] + words[place + 1 :]
    if kind == "twice":
        return [*words[:place], words[place], *words[place:]]
    letters = list(words[place])
    letters.insert(draw.randrange(len(letters) + 1), draw.choice("-=.x0 é"))
    return [*words[:place], "".join(letters), *words[place + 1 :]]


def _changed_text(recipe: str, draw: random.Random) -> bytes:
    """A recipe with lines that are wrong, missing, or where they should not be."""
    lines = recipe.splitlines()
    for _ in range(draw.choice((1, 1, 2, 4))):
        place = draw.randrange(len(lines))
        name, colon, _ = lines[place].partition(":")
        lines[place : place + draw.choice((0, 1, 1, 1))] = draw.choice(
            (
                [f"{name}{colon} {draw.choice(VALUES)}"],
                [],
                ["  " + lines[place]],
                [lines[place].strip()],
                [f"{name}x: 1"],
                [f"{name}: &a {{b: *a}}", "? [x]: y"],
                ["\t" + lines[place], "---"],
                ["- " + lines[place]],
            )
        )
    content = "\n".join(lines).encode("utf-8", "surrogateescape")
    return content[: draw.randrange(len(content))] if draw.random() < 0.2 else content


def run(words: Sequence[str], recipe: bytes, folder: Path, limit: float) -> Outcome:
    """One command line in a process of its own."""
    folder.mkdir()
    (folder / "own.yaml").write_bytes(recipe)
    said = folder / "said"
    start = time.monotonic()
    process = multiprocessing.get_context("fork").Process(
        target=_call, args=(list(words), folder, said)
    )
    process.start()
    process.join(limit)
    hangs = process.is_alive()
    process.kill()
    process.join()
    assert process.exitcode is not None
    text = said.read_text(encoding="utf-8", errors="replace") if said.exists() else ""
    left = sorted(path.name for path in folder.iterdir() if path.name not in ("own.yaml", "said"))
    begun = any(folder.rglob("config.yaml"))
    return Outcome(
        words=[word.encode("utf-8", "backslashreplace").decode() for word in words],
        exit_code=process.exitcode,
        seconds=round(time.monotonic() - start, 1),
        fault=_fault(process.exitcode, hangs, text, [] if begun else left),
        said=text[-400:],
    )


def _fault(exit_code: int, hangs: bool, text: str, left: Sequence[str]) -> str:
    if hangs:
        return "hang"
    if "Traceback (most recent call last)" in text:
        return "traceback"
    if exit_code not in (0, 2):
        return f"exit code {exit_code}"
    if exit_code == 2 and text.count("\n") != 1:
        return "not one line"
    return f"left {', '.join(left)}" if exit_code == 2 and left else ""


def _call(words: list[str], folder: Path, said: Path) -> None:
    os.chdir(folder)
    os.setpgrp()
    streams = os.open(os.devnull, os.O_RDWR), os.open(said, os.O_WRONLY | os.O_CREAT)
    for source, target in zip((streams[0], *streams), (0, 1, 2), strict=True):
        os.dup2(source, target)
    sys.stdout = sys.__stdout__ = io.TextIOWrapper(io.FileIO(1, "w", closefd=False))
    sys.stderr = sys.__stderr__ = io.TextIOWrapper(io.FileIO(2, "w", closefd=False))
    from cotrain.cli import main as command

    command(words)


def fuzz(numbers: Sequence[int], scratch: Path, *, limit: float) -> list[Outcome]:
    """The outcomes of the cases of these numbers."""
    small = load_recipe("digits", [word.replace("-size", "_size") for word in _small()])
    run_folder, images = scratch / "run", scratch / "images"
    images.mkdir()
    Image.fromarray(np.full((8, 8), 90, np.uint8)).save(images / "a.png")
    made = run(["train", *TRAIN, "--output", str(run_folder)], b"", scratch / "made", limit=300)
    assert made.exit_code == 0, made
    places = {"{run}": str(run_folder), "{images}": str(images)}
    outcomes = []
    for number in numbers:
        words, recipe = case(number, dump_experiment(small))
        words = [_placed(word, places) for word in words]
        outcomes.append(run(words, recipe, scratch / str(number), limit))
        if outcomes[-1].fault:
            print(number, outcomes[-1].fault, shlex.join(outcomes[-1].words)[:300], flush=True)
    return outcomes


def _small() -> list[str]:
    """The settings of ``TRAIN``, as a recipe takes them."""
    pairs = zip(TRAIN[2:-2:2], TRAIN[3:-2:2], strict=True)
    return [f"{name}={value}" for name, value in pairs]


def _placed(word: str, places: dict[str, str]) -> str:
    for name, path in places.items():
        word = word.replace(name, path)
    return word


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds that are a hang")
    parser.add_argument("--output", type=Path, default=RESULT)
    words = parser.parse_args()
    torch.set_num_threads(1)
    import cotrain.training  # noqa: F401 - once, for all cases

    start = time.monotonic()
    with TemporaryDirectory(prefix="cotrain-fuzz-") as scratch:
        numbers = range(words.first, words.first + words.cases)
        outcomes = fuzz(numbers, Path(scratch), limit=words.limit)
    faulty = [each for each in outcomes if each.fault]
    record = {
        "command": shlex.join(["python", "tools/fuzz_command.py", *sys.argv[1:]]),
        "machine": asdict(hardware()),
        "cases": len(outcomes),
        "seconds": round(time.monotonic() - start, 1),
        "exit_codes": dict(Counter(str(each.exit_code) for each in outcomes)),
        "faults": dict(Counter(each.fault for each in faulty)),
        "faulty": [asdict(each) for each in faulty],
    }
    write_json(words.output, record)
    print(f"{record['cases']} cases, {len(faulty)} faulty, exit codes {record['exit_codes']}")


if __name__ == "__main__":
    main()
