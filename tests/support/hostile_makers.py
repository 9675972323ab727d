"""What makes hostile files of whole ones, in an empty folder, and the commands that meet them."""

import json
import pickle
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from pickles import Payload
from PIL import Image

from cotrain.basics.files import digest
from cotrain.training.checkpoint import write_checkpoint

RUN = Path(__file__).parents[1] / "saved" / "v0.1.0" / "run"
STOPPED = RUN.with_name("stopped")

# Makes the hostile files in the folder, told where the canary would be; gives the command's words.
Case = Callable[[Path, Path], Sequence[object]]


def predicting(folder: Path, ensemble: object) -> Sequence[object]:
    """The words that ask what is to be read for an answer."""
    image = folder / "image.png"
    Image.new("L", (8, 8)).save(image)
    return ["predict", ensemble, image]


def with_spec(content: Callable[[dict[str, Any], Path], str | bytes]) -> Case:
    """An ensemble with another ``spec.json``."""

    def case(folder: Path, canary: Path) -> Sequence[object]:
        ensemble = Path(shutil.copytree(RUN / "ensemble", folder / "ensemble"))
        spec = ensemble / "spec.json"
        changed = content(json.loads(spec.read_bytes()), canary)
        spec.write_bytes(changed if isinstance(changed, bytes) else changed.encode())
        return predicting(folder, ensemble)

    return case


def with_field(name: str, value: object) -> Case:
    """An ensemble with another value at a dotted place of ``spec.json``."""

    def changed(record: dict[str, Any], canary: Path) -> str:
        *parents, last = name.split(".")
        place = record
        for each in parents:
            place = place[each]
        place[last] = json.loads(json.dumps(value).replace("CANARY", str(canary)))
        return json.dumps(record)

    return with_spec(changed)


def with_weights(content: Callable[[dict[str, torch.Tensor], Path], bytes]) -> Case:
    """An ensemble with other weights, of which ``spec.json`` has the digest."""

    def case(folder: Path, canary: Path) -> Sequence[object]:
        ensemble = Path(shutil.copytree(RUN / "ensemble", folder / "ensemble"))
        path, spec = ensemble / "model.safetensors", ensemble / "spec.json"
        path.write_bytes(content(safetensors.torch.load_file(path), canary))
        record = json.loads(spec.read_bytes()) | {"weights_sha256": digest(path.read_bytes())}
        spec.write_text(json.dumps(record))
        return predicting(folder, ensemble)

    return case


def as_type(kind: torch.dtype) -> Case:
    """An ensemble whose weights are all of another type."""
    return with_weights(
        lambda weights, _: safetensors.torch.save({k: v.to(kind) for k, v in weights.items()})
    )


def with_checkpoint(state: Callable[[dict[str, Any], Path], object]) -> Case:
    """A stopped run whose checkpoint, whole by its digest, holds something else."""

    def case(folder: Path, canary: Path) -> Sequence[object]:
        run = Path(shutil.copytree(STOPPED, folder / "run"))
        path = run / "checkpoints" / "last.ckpt"
        before = torch.load(path, map_location="cpu", weights_only=True)
        path.unlink()  # else it would be gone on from as the one before
        write_checkpoint(state(before, canary), path)  # type: ignore[arg-type]
        return ["train", "--resume", run]

    return case


def teaching(case: Case) -> Case:
    """What a case makes as the teacher of a run."""

    def taught(folder: Path, canary: Path) -> Sequence[object]:
        ensemble = case(folder, canary)[1]
        words = ("--config", "digits", "--network", "basic_resnet8_4", "--epochs", "1")
        return ["train", *words, "--teacher", ensemble, "--output", folder / "out"]

    return taught


def with_file(name: str, content: bytes, *verb: object, of: Path = RUN) -> Case:
    """A run with another file."""

    def case(folder: Path, canary: Path) -> Sequence[object]:
        run = Path(shutil.copytree(of, folder / "run"))
        (run / name).write_bytes(content.replace(b"CANARY", str(canary).encode()))
        words = [run if word == "RUN" else word for word in verb]
        return predicting(folder, run / "ensemble") if not verb else words

    return case


def with_recipe(text: str | bytes) -> Case:
    def case(folder: Path, canary: Path) -> Sequence[object]:
        path = folder / "recipe.yaml"
        content = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(content.replace(b"CANARY", str(canary).encode()))
        return ["train", "--config", path, "--output", folder / "out"]

    return case


def imported(name: str, save: Callable[[Path, Path], object]) -> Case:
    """Weights of others that are imported."""

    def case(folder: Path, canary: Path) -> Sequence[object]:
        save(folder / name, canary)
        words = ("--arch", "wide_resnet16_1", "--dataset", "cifar10", "--output", folder / "out")
        return ["import-checkpoint", folder / name, *words]

    return case


def pickled(_: object, canary: Path) -> bytes:
    return pickle.dumps(Payload(canary))


def image(name: str, content: bytes) -> Case:
    """An image to answer for."""

    def case(folder: Path, canary: Path) -> Sequence[object]:
        (folder / name).write_bytes(content.replace(b"CANARY", str(canary).encode()))
        return ["predict", RUN, folder / name]

    return case


def exported(files: Mapping[str, bytes], opened: str) -> Case:
    """An exported file, or a split folder."""

    def case(folder: Path, _: Path) -> Sequence[object]:
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
        return predicting(folder, folder / opened)

    return case


def timm(**fields: object) -> dict[str, object]:
    """A spec's network of another library."""
    from cotrain.networks import spec, spec_to_dict

    record = spec_to_dict(spec("timm:resnet18", num_classes=10, in_channels=1, image_size=8))
    return {**record, **fields}


def changed_state(**fields: object) -> Case:
    return with_checkpoint(lambda state, _: {**state, **fields})
