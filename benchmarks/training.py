"""How fast a training step is: against a plain reference step, and against a bare loop.

Three comparisons, each interleaved: our step against ``reference_step.py`` on tensors that are
there already; both with their data loading, and the share of our time spent waiting for data; the
step that Lightning drives against a bare loop of the same step. Run:
python benchmarks/training.py
python benchmarks/training.py --network wide_resnet16_8 --batch 128 --device cuda --precision bf16
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from common import interleaved, summary, timed, write_results
from reference_step import ReferenceImages, reference_loader
from training_cases import DECAY, LR, WEIGHT, BareStep, Clock, Setup, our_batches

from cotrain.basics.run_folder import RunFolder
from cotrain.config import Data, Experiment, Hardware, Optimizer
from cotrain.data import load_splits
from cotrain.training import CoTraining
from cotrain.training.datamodule import Loaders
from cotrain.training.sharing import Sharing
from cotrain.training.trainer import build_trainer, quiet

PRECISIONS: dict[str, Literal["32-true", "bf16-mixed"]] = {"32": "32-true", "bf16": "bf16-mixed"}
PARTS = ("tensors", "data", "lightning")
Run = Callable[[], object]


def tensors_only(setup: Setup, steps: int) -> dict[str, Run]:
    """So many of both steps on one batch that is there already."""
    batch = next(our_batches(setup))
    plain, ours = setup.reference(), BareStep(setup)
    views = batch.images.contiguous()
    return {
        "reference": lambda: [plain(views, batch.targets, weight=WEIGHT) for _ in range(steps)],
        "ours": lambda: [ours(batch) for _ in range(steps)],
    }


def with_data(setup: Setup, waits: list[float]) -> dict[str, Run]:
    """One epoch of both, each with its own data loading; our waits are added to ``waits``."""
    experiment, splits = setup.experiment, setup.splits
    padding = experiment.views.padding
    images = ReferenceImages(splits.train, splits.preprocessing, experiment.into, padding)
    loader = reference_loader(images, experiment.batch_size, experiment.data.workers)
    plain, ours, batches = setup.reference(), BareStep(setup), our_batches(setup, waits)

    def reference_epoch() -> None:
        for views, targets in loader:
            plain(views.transpose(0, 1), targets, weight=WEIGHT)

    def our_epoch() -> None:
        for _ in range(setup.steps):
            ours(next(batches))

    return {"reference": reference_epoch, "ours": our_epoch}


def lightning_seconds(setup: Setup) -> float:
    """Seconds of an epoch that Lightning drives, its first two steps and its end left out."""
    clock = Clock(setup.steps)
    with tempfile.TemporaryDirectory() as folder, quiet():
        trainer = build_trainer(
            setup.experiment,
            RunFolder(Path(folder)),
            validates=False,
            resumed_step=None,
            progress=False,
        )
        trainer.callbacks.append(clock)  # type: ignore[attr-defined]
        module = CoTraining(setup.arranged_ensemble(), setup.experiment, Sharing(whole=setup.steps))
        trainer.fit(module, datamodule=Loaders(setup.experiment, setup.splits))
    return clock.seconds


def bare_seconds(setup: Setup) -> float:
    """The same of a bare loop over the same batches."""
    clock, step, batches = Clock(setup.steps), BareStep(setup), our_batches(setup)
    for _ in range(setup.steps):
        step(next(batches))
        clock.tick()
    return clock.seconds


def lightning_overhead(setup: Setup) -> dict[str, Any]:
    """Every run of both, and the ratio of their medians."""
    seconds: dict[str, list[float]] = {"bare": [], "lightning": []}
    for _ in range(setup.n):
        seconds["bare"].append(bare_seconds(setup))
        seconds["lightning"].append(lightning_seconds(setup))
    return summary(seconds, baseline="bare")


def compared(setup: Setup, cases: dict[str, Run], steps: int) -> dict[str, Any]:
    """Both cases interleaved, with images a second, and by how much ours is faster."""
    result = summary(interleaved(cases, n=setup.n), baseline="ours")
    for case in result.values():
        case["images_per_second"] = steps * setup.experiment.batch_size / case["median"]
    return {**result, "speedup": result["reference"]["ratio"]}


def flops_per_second(setup: Setup, tensors: dict[str, Any]) -> dict[str, float]:
    """Arithmetic of a step, which is 3 forward passes of 2 FLOPs a MAC, and of a large matmul."""
    shape = setup.splits.preprocessing
    image = (shape.in_channels, shape.image_size, shape.image_size)
    macs = setup.ensemble().macs(image)
    half = setup.experiment.hardware.precision == "bf16-mixed"
    size = 8192 if setup.device.type == "cuda" else 1024
    matrix = torch.randn(
        size, size, device=setup.device, dtype=torch.bfloat16 if half else torch.float32
    )
    seconds = min(timed(lambda: matrix @ matrix) for _ in range(10))
    step = 6 * macs * tensors["ours"]["images_per_second"]
    return {"step": step, "matmul": 2 * size**3 / seconds}


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="wide_resnet16_4")
    parser.add_argument("--into", type=int, default=4)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--root", help="a folder of images; scikit-learn's digits if not given")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=tuple(PRECISIONS), default="32")
    parser.add_argument("--no-channels-last", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--execution", default="loop", help="hardware.execution, but for auto")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="comparisons")
    parser.add_argument("--steps", type=int, default=20, help="steps of one timed run")
    parser.add_argument("--n", type=int, default=5, help="timed runs of each case")
    parser.add_argument("--name", default="training", help="results/NAME.json")
    return parser.parse_args()


def build_setup(options: argparse.Namespace) -> Setup:
    """The measurement that the command line asks for."""
    data = Data(
        dataset="imagefolder" if options.root else "digits",
        root=options.root,
        image_size=32,
        in_channels=3,
        train_images=options.steps * options.batch,
        validation="none",
        workers=options.workers,
    )
    experiment = Experiment(
        network=options.network,
        into=options.into,
        epochs=1,
        batch_size=options.batch,
        data=data,
        optimizer=Optimizer(lr=LR, weight_decay=DECAY, decayed="all"),
        hardware=Hardware(
            accelerator="gpu" if options.device == "cuda" else "cpu",
            devices=1,
            precision=PRECISIONS[options.precision],
            channels_last=not options.no_channels_last,
            compile=options.compile,
            execution=options.execution,
        ),
    )
    return Setup(
        experiment=experiment,
        splits=load_splits(data),
        device=torch.device(options.device),
        half=options.device == "cuda",
        n=options.n,
    )


def main() -> None:
    options = parsed()
    torch.set_num_threads(options.threads)
    setup, waits = build_setup(options), []
    results: dict[str, Any] = {"settings": vars(options)}
    if "tensors" in options.parts:
        # A GPU is waited for after each timed run: of one step, that would hide what not waiting
        # gives.
        together = setup.steps if setup.device.type == "cuda" else 1
        tensors = compared(setup, tensors_only(setup, together), together)
        results["tensors_only"] = tensors
        results["flops_per_second"] = flops_per_second(setup, tensors)
        print(f"{tensors['speedup']:.2f} times as fast as the reference step on tensors")
    if "data" in options.parts:
        data = compared(setup, with_data(setup, waits), setup.steps)
        share = sum(waits[setup.steps :]) / sum(data["ours"]["runs"])
        results["with_data_loading"] = data | {"data_wait": share}
        print(f"{data['speedup']:.2f} with data loading; waiting for data {share:.1%} of our step")
    if "lightning" in options.parts:
        results["lightning"] = lightning_overhead(setup)
        print(f"Lightning takes {results['lightning']['lightning']['ratio'] - 1:.1%} more")
    print(f"written to {write_results(options.name, results)}")


if __name__ == "__main__":
    main()
