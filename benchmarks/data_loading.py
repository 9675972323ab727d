"""How much of a training step is spent on making its views, on one thread and without workers.

Images of CIFAR size, S=4, batch 64. The pixels are random: decoding is timed on JPEG files made of
them, views and steps do the same arithmetic whatever the pixels. Run: python
benchmarks/data_loading.py
"""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from common import interleaved, summary, timed, write_results
from torchvision.io import write_jpeg

import cotrain
from cotrain.config import Data, Views
from cotrain.data import TensorImages, TrainingBatches, load_splits, training_loader
from cotrain.ensemble.preprocessing import Preprocessing
from cotrain.networks import spec

N = 15
S, B, CLASSES, FILES = 4, 64, 10, 2000
SHAPE = Preprocessing(image_size=32, in_channels=3, mean=(0.5,) * 3, std=(0.25,) * 3)
VIEWS = {
    "crop and flip": Views(),
    "crop, flip, erasing, mixup": Views(erasing=0.5, mixup=0.2),
    "crop, flip, autoaugment": Views(policy="autoaugment-cifar10"),
}
NETWORKS = ("basic_resnet", "wide_resnet16_4")


def make_batch(views: Views) -> Callable[[], object]:
    """A call makes the next batch of views, as the training loader does."""
    images = TensorImages(
        tensor=torch.randint(256, (B * 64, 3, 32, 32), dtype=torch.uint8),
        targets=torch.randint(CLASSES, (B * 64,)),
    )
    batches = TrainingBatches(
        images=images, views=views, preprocessing=SHAPE, num_classes=CLASSES, into=S, seed=0
    )
    return partial(next, iter(training_loader(batches, batch_size=B)))


def make_step(network: str) -> Callable[[], object]:
    """A call trains one step on a batch that is there already."""
    large = spec(network, num_classes=CLASSES)
    ensemble = cotrain.divide(large, S, seed=0)
    optimizer = torch.optim.SGD(ensemble.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    loss = cotrain.CoTrainingLoss()
    views, targets = torch.randn(S, B, 3, 32, 32), torch.randint(CLASSES, (B,))

    def step() -> None:
        optimizer.zero_grad()
        loss(ensemble(views), targets, weight=0.5).total.backward()
        optimizer.step()

    return step


def decoding_seconds() -> float:
    """Seconds to find, decode and split ``FILES`` JPEG files."""
    with tempfile.TemporaryDirectory() as folder:
        for index in range(FILES):
            place = Path(folder) / str(index % CLASSES)
            place.mkdir(exist_ok=True)
            pixels = torch.randint(256, (3, 32, 32), dtype=torch.uint8)
            write_jpeg(pixels, str(place / f"{index}.jpg"))
        return timed(partial(load_splits, Data(dataset="imagefolder", root=folder)))


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    cases = {name: make_batch(views) for name, views in VIEWS.items()}
    cases |= {name: make_step(name) for name in NETWORKS}
    seconds = summary(interleaved(cases, n=N), baseline="crop and flip")
    shares = {
        f"{network}: {views}": seconds[views]["median"]
        / (seconds[views]["median"] + seconds[network]["median"])
        for network in NETWORKS
        for views in VIEWS
    }
    decoding = {"files": FILES, "files_per_second": FILES / decoding_seconds()}
    path = write_results(
        "data_loading", {"seconds": seconds, "share_of_step": shares, "decoding": decoding}
    )
    for name, share in shares.items():
        print(f"{name}: views are {share:.1%} of a step")
    print(f"{decoding['files_per_second']:.0f} files decoded a second; written to {path}")


if __name__ == "__main__":
    main()
