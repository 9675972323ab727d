"""What a large folder of images costs before training begins: time and memory.

200,000 JPEG files of 64 x 64 pixels in 1,000 classes, hard links of ten that hold noise, in a
temporary folder that is removed again. Each case runs in a process of its own, whose CPU time and
peak memory are taken; wall time depends on what else the machine does. Nothing is cached between
cases but by the system, which has written the files just before. Run: python
benchmarks/indexing.py
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from common import write_results
from PIL import Image

CLASSES, SOURCES, SIZE = 1000, 10, 64


def index(data: Any) -> None:
    """Find the files and their classes."""
    from cotrain.data.datasets import open_source

    open_source(data)


def unscanned(data: Any) -> None:
    """The files split, and known by their size; they stay on disk."""
    from dataclasses import replace

    from cotrain.data import load_splits

    load_splits(replace(data, scan=False), keep_files=True)


def scanned(data: Any) -> None:
    """The same, every file decoded once at an eighth of its size, and digested."""
    from cotrain.data import load_splits

    load_splits(data, keep_files=True)


def in_memory(data: Any) -> None:
    """Every file decoded to 32 x 32 pixels, which stay in memory."""
    from dataclasses import replace

    from cotrain.data import load_splits

    load_splits(replace(data, image_size=32))


CASES = {each.__name__: each for each in (index, unscanned, scanned, in_memory)}


def write_files(root: Path, count: int) -> None:
    """Hard links of a few files, so that their number costs no space."""
    random = np.random.default_rng(0)
    sources = [root / f"{number}.jpg" for number in range(SOURCES)]
    for source in sources:
        pixels = random.integers(256, size=(SIZE, SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(source, quality=90)
    for number in range(CLASSES):
        folder = root / "photos" / f"n{number:08}"
        folder.mkdir(parents=True)
        for image in range(count // CLASSES):
            os.link(sources[image % SOURCES], folder / f"{image:05}.jpg")


def measure(case: str, root: str) -> dict[str, float]:
    """Seconds and megabytes of one case in this process; what importing takes is left out."""
    import cotrain.data.opening  # noqa: F401
    from cotrain.config import Data

    data = Data(root=root, image_size=SIZE).resolved()
    before, wall, cpu = _peak(), time.perf_counter(), time.process_time()
    CASES[case](data)
    return {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "megabytes": _peak() - before,
    }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def repeated(case: str, root: Path, n: int) -> dict[str, Any]:
    """``n`` runs of a case, and the median of each number."""
    words = [sys.executable, __file__, "--case", case, "--root", str(root)]
    runs = [json.loads(subprocess.check_output(words, text=True)) for _ in range(n)]
    return {"n": n, **{name: median(run[name] for run in runs) for name in runs[0]}, "runs": runs}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--n", type=int, default=3)
    parser.add_argument("--case", help="measure this one in this process, and print it")
    parser.add_argument("--root", default="")
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(options.case, options.root)))
        return
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), options.files)
        photos = Path(folder) / "photos"
        measured = {case: repeated(case, photos, options.n) for case in CASES}
    results = {"files": options.files, "classes": CLASSES, "cases": measured}
    write_results("indexing", results | {"load": os.getloadavg()})


if __name__ == "__main__":
    main()
