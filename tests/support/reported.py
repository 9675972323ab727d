"""A run and a comparison of seconds, to be reported."""

from pathlib import Path

import numpy as np
from PIL import Image
from training_runs import tiny

from cotrain.comparison.accuracy.compare import compare
from cotrain.report.accuracy import write_comparison
from cotrain.training import fit

CLASSES = ("<script>alert(1)<", "a\"b' onerror=x", "größe 日本語", "long" * 40)


def write_colours(root: Path, count: int = 24) -> Path:
    """Images of one colour each, which is almost that of their class, in folders of odd names."""
    generator = np.random.default_rng(0)
    for label, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for number in range(count):
            pixels = generator.integers(60 * label, 60 * label + 90, (12, 12, 3)).clip(0, 255)
            file = root / name / f'it\'s "{number}" & <b>.png'
            Image.fromarray(pixels.astype(np.uint8)).save(file)
    return root


def odd_run(folder: Path) -> Path:
    """A run on images whose classes and files are called so that a page could stumble."""
    write_colours(folder / "images")
    data = {
        "dataset": "imagefolder",
        "root": str(folder / "images"),
        "train_images": None,
        "test_images": None,
        "validation": 0.5,
        "test": 0.5,
    }
    fit(tiny(epochs=3, data=data), folder / "run", progress=False)
    return folder / "run"


def small_comparison(folder: Path) -> Path:
    """A comparison of S=1 and S=2 with one seed, trained here, in this process."""
    for into in (1, 2):
        settings = tiny(into=into, hardware={"threads": 1})
        first = folder / "s1-seed0"
        split_of = first if into > 1 else None
        fit(settings, folder / f"s{into}-seed0", progress=False, split_of=split_of)
    settings = tiny(hardware={"threads": 1})
    found = compare(settings, folder, into=(1, 2), seeds=(0,), independent=False)
    write_comparison(found, folder)
    return folder
