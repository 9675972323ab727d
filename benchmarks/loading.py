"""What loading photos costs: who decodes a JPEG, and images from files, shards and data sets.

Photos are the two that scikit-learn ships, at sizes that people have; files, tar shards and a saved
data set of Hugging Face's hold the same bytes. Processor time of one process on one thread, all
cases in turn, so that what else the machine does counts little. Run: python benchmarks/loading.py
"""

import io
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from common import summary, write_results
from PIL import Image
from torchvision.io import ImageReadMode, decode_jpeg

from cotrain.config import Data, Views
from cotrain.data import TrainingBatches, load_splits, training_loader
from cotrain.data.decoding import decode
from cotrain.data.images import to_tensor

N, ROUNDS = 25, 7
SIZES = ((500, 334), (1920, 1281), (4000, 2669))
S, B, IMAGES, SHARDS, PIXELS = 2, 32, 256, 4, 128


def photos(size: tuple[int, int]) -> list[bytes]:
    """The two photos as JPEG files of a size."""
    from sklearn.datasets import load_sample_images

    found = []
    for pixels in load_sample_images().images:
        content = io.BytesIO()
        Image.fromarray(pixels).resize(size).save(content, "JPEG", quality=90)
        found.append(content.getvalue())
    return found


def in_turn(cases: Mapping[str, Callable[[], object]], *, n: int) -> dict[str, list[float]]:
    """Seconds of processor time of ``n`` runs of each case, after one run of each to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for run in cases.values():
        run()
    for _ in range(n):
        for name, run in cases.items():
            start = time.process_time()
            run()
            seconds[name].append(time.process_time() - start)
    return seconds


def by_torchvision(content: bytes) -> torch.Tensor:
    """The pixels that torchvision's decoder gives, [3, H, W]."""
    data = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    pixels = decode_jpeg(data, mode=ImageReadMode.RGB)
    assert isinstance(pixels, torch.Tensor)
    return pixels


def as_image(content: bytes) -> Image.Image:
    """The same as an image of Pillow, which is to be resized."""
    return Image.fromarray(by_torchvision(content).permute(1, 2, 0).contiguous().numpy())


def each_of(files: list[bytes], decoded: Callable[[bytes], object]) -> None:
    """Decode some files."""
    for content in files:
        decoded(content)


def decoding() -> dict[str, object]:
    """Seconds of two photos by Pillow, whole and in draft mode, and by torchvision.

    torchvision's pixels are wanted as an image, as they are to be resized as Pillow does.
    """
    results: dict[str, object] = {}
    for size in SIZES:
        files = photos(size)
        equal = all(by_torchvision(each).equal(to_tensor(_by_us(each))) for each in files)
        cases: dict[str, Callable[[], object]] = {
            "pillow": partial(each_of, files, _by_us),
            "torchvision, as an image": partial(each_of, files, as_image),
            "torchvision, as a tensor": partial(each_of, files, by_torchvision),
            "pillow's draft of 448 pixels": partial(each_of, files, partial(_by_us, quick=448)),
        }
        seconds = summary(in_turn(cases, n=N), baseline="pillow")
        results["x".join(map(str, size))] = {"equal_pixels": equal, "seconds": seconds}
    return results


def _by_us(content: bytes, quick: int = 0) -> Image.Image:
    return decode(io.BytesIO(content), 3, quick=quick)


def write_images(root: Path) -> Mapping[str, Data]:
    """The same images as files, in shards and as a data set of Hugging Face's."""
    import datasets

    datasets.disable_progress_bars()

    files, rows = photos(SIZES[0]), []
    for shard in range(SHARDS):
        (root / "shards").mkdir(exist_ok=True)
        with tarfile.open(root / "shards" / f"{shard}.tar", "w") as tar:
            for index in range(shard, IMAGES, SHARDS):
                content, label = files[index % 2], str(index % 2)
                place = root / "files" / label
                place.mkdir(parents=True, exist_ok=True)
                (place / f"{index}.jpg").write_bytes(content)
                _add(tar, f"{index}.jpg", content)
                _add(tar, f"{index}.cls", label.encode())
                rows.append({"image": {"bytes": content, "path": None}, "label": label})
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("string")})
    datasets.Dataset.from_list(rows, features=features).save_to_disk(str(root / "hf"))
    settings = {"image_size": PIXELS, "scan": False, "validation": "none", "test": 0.0}
    return {
        "files": Data(dataset="imagefolder", root=str(root / "files"), **settings),
        "shards": Data(dataset="webdataset", root=str(root / "shards"), **settings),
        "hugging face": Data(dataset="hf", root=str(root / "hf"), **settings),
    }


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def make_epoch(data: Data) -> Callable[[], object]:
    """A call loads an epoch: every image decoded, and S random areas cut out of it."""
    splits = load_splits(data, keep_files=True)
    batches = TrainingBatches(
        images=splits.train,
        views=Views(crop="resized"),
        preprocessing=splits.preprocessing,
        num_classes=2,
        into=S,
        seed=0,
    )
    loader = training_loader(batches, batch_size=B)
    return lambda: sum(1 for _ in loader)


def main() -> None:
    torch.set_num_threads(1)
    decoded = decoding()
    with tempfile.TemporaryDirectory() as folder:
        sets = write_images(Path(folder))
        cases = {name: make_epoch(data) for name, data in sets.items()}
        seconds = summary(in_turn(cases, n=ROUNDS), baseline="files")
    rates = {name: B * (IMAGES // B) / each["median"] for name, each in seconds.items()}
    path = write_results(
        "loading", {"decoding": decoded, "seconds": seconds, "images_per_processor_second": rates}
    )
    for size, found in decoded.items():
        for name, each in found["seconds"].items():  # type: ignore[index]
            print(f"{size}: {name}: {each['median'] / 2 * 1e3:.2f} ms, x{each['ratio']:.2f}")
    for name, rate in rates.items():
        print(f"{name}: {rate:.0f} images a second of processor time")
    print(f"written to {path}")


if __name__ == "__main__":
    main()
