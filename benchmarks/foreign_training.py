"""Three networks of timm into 4, from the command line: trained, loaded, evaluated, exported.

A CNN, a ViT and a hybrid learn real images for some hundred steps; what is asked is that every
command takes them as it takes ours, and that they learn. Not how well: that needs longer.

    python benchmarks/foreign_training.py --root data/cifar10
"""

import argparse
import copy
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from common import write_results

import cotrain
from cotrain.export import load_exported

NETWORKS = ("timm:convnext_atto", "timm:vit_tiny_patch16_224", "timm:mobilevit_xxs")
SETTINGS = {
    "into": "4",
    "epochs": "4",
    "batch_size": "32",
    "data.dataset": "imagefolder",
    "data.image_size": "64",
    "data.train_images": "2400",
    "data.test_images": "2000",
    "data.validation": "none",
    "optimizer.name": "adamw",
    "optimizer.lr": "0.001",
    "optimizer.weight_decay": "0.05",
    "optimizer.clip": "5",
    "schedule.warmup_epochs": "0.5",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", required=True, help="folder of images, one folder a class")
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    options = parser.parse_args()
    records = {}
    for name in options.networks:
        with tempfile.TemporaryDirectory() as folder:
            records[name] = run(name, options.root, Path(folder))
        print(name, json.dumps(records[name]), flush=True)
    write_results("foreign_training", {"settings": SETTINGS, "networks": records})


def run(name: str, root: str, folder: Path) -> dict[str, Any]:
    """Every command in turn, and what came of it."""
    trained, exported = folder / "run", folder / "ensemble.onnx"
    settings = [word for key, value in SETTINGS.items() for word in (f"--{key}", value)]
    start = time.perf_counter()
    command("train", "--network", name, "--data.root", root, *settings, "--output", str(trained))
    seconds = time.perf_counter() - start
    evaluation = json.loads(command("evaluate", str(trained), "--json"))
    command("export", str(trained), "--format", "onnx", "--output", str(exported))
    ensemble = cotrain.Ensemble.load(trained / "ensemble")
    spec: Any = ensemble.spec
    large = cotrain.divide(spec.large, 1)
    return {
        "mechanism": spec.network.mechanism,
        "params_ratio": ensemble.params / large.params,
        "macs_ratio": ensemble.macs(ensemble.image_shape) / large.macs(large.image_shape),
        "steps": int((trained / "metrics.csv").read_text().splitlines()[-1].split(",")[1]),
        "seconds": round(seconds, 1),
        "top1": evaluation["ensemble"]["top1"],
        "top1_of_networks": [each["top1"] for each in evaluation["networks"]],
        "checks": checks(ensemble, exported),
    }


def command(*words: str) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "cotrain", *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"cotrain {' '.join(words)}\n{done.stderr}")
    return done.stdout


@torch.no_grad()
def checks(ensemble: cotrain.Ensemble, exported: Path) -> dict[str, float]:
    """Largest difference in logits that each way of running the ensemble makes."""
    images = torch.randn(4, *ensemble.image_shape, generator=torch.Generator().manual_seed(0))
    logits = ensemble(images)
    network = ensemble.networks[0]
    program = torch.export.export(network, (images,)).module()
    with torch.autocast("cpu", torch.bfloat16):
        mixed = ensemble(images)
    file = load_exported(exported)
    found = {
        "deepcopy": copy.deepcopy(ensemble)(images) - logits,
        "channels_last": copy.deepcopy(ensemble).to(memory_format=torch.channels_last)(images)
        - logits,
        "amp_bf16": mixed.float() - logits,
        "torch.compile": torch.compile(network)(images) - logits[0],
        "torch.export": program(images) - logits[0],
        "onnx": file.run(file.prepare(pixels(ensemble, images)))["logits"] - logits,
    }
    return {name: float(difference.abs().max()) for name, difference in found.items()}


def pixels(ensemble: cotrain.Ensemble, images: torch.Tensor) -> torch.Tensor:
    """Pixels in 0..255 that normalising makes into these images."""
    shape = ensemble.spec.preprocessing
    assert shape is not None
    mean, std = (torch.tensor(each).view(-1, 1, 1) for each in (shape.mean, shape.std))
    return (images * std + mean) * 255


if __name__ == "__main__":
    main()
