"""What looking whether a divided network still does the same costs, beside dividing it.

CPU seconds of one thread, so that a busy machine counts for little; the levels take turns:
python benchmarks/dividing_check.py
"""

import argparse
import time
from dataclasses import asdict
from statistics import median
from typing import Any

import torch
from common import write_results

from cotrain.config.dividing import DivideOptions
from cotrain.dividing.divide_spec import divide_and_check
from cotrain.networks import spec

INTO = 4
NETWORKS = (
    "timm:convnext_atto",
    "timm:crossvit_9_240",
    "timm:efficientnet_b0",
    "timm:ghostnet_100",
    "timm:levit_128s",
    "timm:resnet18",
    "timm:resnet50",
    "timm:vit_tiny_patch16_224",
    "torchvision:densenet121",
    "torchvision:googlenet",
    "torchvision:mobilenet_v2",
    "torchvision:resnet18",
)


def seconds_of(name: str, level: Any) -> tuple[float, dict[str, Any]]:
    """CPU seconds of dividing a network, and what was looked at."""
    large = spec(name)
    start = time.process_time()
    divided = divide_and_check(large, INTO, DivideOptions(check=level))
    return time.process_time() - start, asdict(divided.checks)


def measure(name: str, n: int) -> dict[str, Any]:
    """Medians of ``n`` turns of ``none`` and ``quick``; ``full`` is measured once."""
    seconds: dict[str, list[float]] = {"none": [], "quick": []}
    seconds_of(name, "quick")  # imports and caches
    for _ in range(n):
        for level, found in seconds.items():
            found.append(seconds_of(name, level)[0])
    full, checks = seconds_of(name, "full")
    middle = {level: median(found) for level, found in seconds.items()}
    quick = middle["quick"] - middle["none"]
    return {
        "divide": middle["none"],
        "quick": quick,
        "quick share": quick / middle["quick"],
        "full": full - middle["none"],
        "full checks": checks,
        "runs": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=3)
    n = parser.parse_args().n
    torch.set_num_threads(1)
    rows = {name: measure(name, n) for name in NETWORKS}
    medians = {
        key: median(row[key] for row in rows.values())
        for key in ("divide", "quick", "quick share", "full")
    }
    path = write_results(
        "dividing_check", {"into": INTO, "n": n, "median CPU seconds": medians, "networks": rows}
    )
    for name, row in {**rows, "median": medians}.items():
        print(
            f"{name:28} divide {row['divide']:.2f} s, quick {row['quick']:.2f} s "
            f"({row['quick share']:.0%} of both), full {row['full']:.1f} s"
        )
    print(f"written to {path}")


if __name__ == "__main__":
    main()
