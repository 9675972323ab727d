"""The prediction bank: what each of the S networks last said of every training image, in files.

Processes that share nothing but a folder exchange predictions by it. Each writes the file of its
own network, whole or not at all, and reads those of the others whenever they are new. Files are
read into memory, not mapped: pages of a mapped file are gone when another machine replaces it on a
network's file system.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.basics.shapes import Float
from cotrain.ensemble.others import Others
from cotrain.training.checkpoint import read_checkpoint, write_checkpoint
from cotrain.training.notices import say

NEVER = -1  # the step of a prediction that was not made


@dataclass(frozen=True, kw_only=True)
class PredictionsOf:
    """What predictions are of; those of anything else do not belong into a bank.

    Args:
        into: S.
        images: N, the number of training images.
        classes: C.
        digest: Of all images and their parts; None where they are a program's.
        seed: Of the experiment.
    """

    into: int
    images: int
    classes: int
    digest: str | None
    seed: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """What one network last said of each of N images.

    Args:
        values: Log-probabilities of the K most probable classes, or of all C, float16 [N, K].
        kept: Which classes these are, int32 [N, K]; [N, 0] where they are all, in their order.
        steps: The network's optimizer step in which each was made, or ``NEVER``, int32 [N].
        classes: C.
    """

    values: Tensor
    kept: Tensor
    steps: Tensor
    classes: int

    @classmethod
    def none(cls, of: PredictionsOf, kept: int) -> "Predictions":
        """No predictions yet, to be made of ``kept`` classes each."""
        images, all_kept = of.images, kept >= of.classes
        return cls(
            values=torch.zeros(images, min(kept, of.classes), dtype=torch.float16),
            kept=torch.zeros(images, 0 if all_kept else kept, dtype=torch.int32),
            steps=torch.full((images,), NEVER, dtype=torch.int32),
            classes=of.classes,
        )

    def note(self, images: Tensor, logits: Float[Tensor, "B C"], step: int) -> None:
        """Replace what was said of these images, but for what is not finite.

        Args:
            images: Their numbers, int64 [B].
            logits: On the CPU.
            step: In which it was said.
        """
        values = logits.float().log_softmax(-1)
        finite = values.isfinite().all(-1)
        images, values = images[finite], values[finite]
        if self.kept.shape[1]:
            values, kept = values.topk(self.kept.shape[1])
            self.kept[images] = kept.int()
        self.values[images] = values.half()
        self.steps[images] = step

    def logits(self, images: Tensor) -> Float[Tensor, "B C"]:
        """Log-probabilities of all classes; those not kept share evenly what is left."""
        values = self.values[images].float()
        if not self.kept.shape[1]:
            return values
        rest = (1 - values.exp().sum(-1, keepdim=True)).clamp(min=1e-6)
        others = self.classes - self.kept.shape[1]
        spread = (rest / others).log().repeat(1, self.classes)
        return spread.scatter(1, self.kept[images].long(), values)

    def copy(self) -> "Predictions":
        """The same as it is now."""
        return Predictions(
            values=self.values.clone(),
            kept=self.kept.clone(),
            steps=self.steps.clone(),
            classes=self.classes,
        )


class Bank:
    """The folder of the files.

    Args:
        folder: It is made when something is published.
        member: The network that is trained here.
        of: What the predictions of all networks are of.
    """

    def __init__(self, folder: Path, member: int, of: PredictionsOf) -> None:
        self.folder, self.member, self.of = folder, member, of
        self._seen: dict[int, tuple[int, ...]] = {}  # which file of each network was read

    def publish(self, own: Predictions) -> None:
        """Replace what the others know of this network."""
        tensors = {"values": own.values, "kept": own.kept, "steps": own.steps}
        state = {"of": asdict(self.of), **tensors}
        write_checkpoint(state, self._file(self.member), keep=False)

    def published(self) -> Predictions | None:
        """What this network has published; None where there is nothing that can be used.

        Raises:
            ConfigError: It is of other images, or of another experiment.
        """
        return self._read(self.member, strict=True)

    def look(self, *, strict: bool = False) -> dict[int, Predictions]:
        """What the others have published since the last look, by the number of the network.

        Args:
            strict: Refuse what is of something else, and not leave it out with a notice.

        Raises:
            ConfigError: A file is of other images, or of another experiment.
        """
        others = (number for number in range(self.of.into) if number != self.member)
        found = {number: self._read(number, strict=strict) for number in others}
        return {number: each for number, each in found.items() if each is not None}

    def _file(self, member: int) -> Path:
        return self.folder / f"network{member}.pt"

    def _read(self, member: int, *, strict: bool) -> Predictions | None:
        """What stands in a file that was not read yet."""
        path = self._file(member)
        try:
            found = path.stat()
            version = (found.st_ino, found.st_mtime_ns, found.st_size)
            if self._seen.get(member) == version:
                return None
            self._seen[member] = version
            state = read_checkpoint(path)
        except OSError:  # not there yet, or being replaced on another machine
            self._seen.pop(member, None)
            return None
        except ConfigError as damage:
            say(f"{damage}: it is left out until network {member} writes it again")
            return None
        problem = self._problem(state)
        if problem is None:
            return Predictions(**_tensors(state), classes=self.of.classes)
        if strict:
            raise ConfigError(f"{path} {problem}: choose another --output, or remove {self.folder}")
        say(f"{path} {problem}: it is left out")
        return None

    def _problem(self, state: Any) -> str | None:
        """Why predictions cannot be used here; None where they can."""
        ours, theirs = asdict(self.of), state.get("of") if isinstance(state, dict) else None
        if not isinstance(theirs, dict):
            return "holds no predictions"
        for name, value in ours.items():
            if theirs.get(name) != value:
                what = {"digest": "other images"}.get(name, f"{name}={theirs.get(name)}")
                return f"is of {what}" + ("" if name == "digest" else f", not {value}")
        return None if _are_predictions(_tensors(state), self.of) else "holds no predictions"


def _tensors(state: Mapping[str, Any]) -> dict[str, Tensor]:
    return {name: state[name] for name in ("values", "kept", "steps") if name in state}


def _are_predictions(found: Mapping[str, Any], of: PredictionsOf) -> bool:
    """Whether shapes, types and classes are those of predictions."""
    types = {"values": torch.float16, "kept": torch.int32, "steps": torch.int32}
    if any(getattr(found.get(name), "dtype", None) != dtype for name, dtype in types.items()):
        return False
    values, kept, steps = (found[name] for name in types)
    shapes = tuple(values.shape), tuple(kept.shape), tuple(steps.shape)
    n, c = of.images, of.classes
    width = values.shape[-1] if values.dim() else 0
    whole = shapes == ((n, c), (n, 0), (n,))
    part = 0 < width < c and shapes == ((n, width), (n, width), (n,))
    in_range = bool(((kept >= 0) & (kept < c)).all())
    return (whole or part) and in_range and bool(values.isfinite().all())


def others_of(bank: Mapping[int, Predictions], images: Tensor) -> tuple[Others, Tensor]:
    """What the other networks say of images, and in which of their steps they said it, [T, B]."""
    steps = torch.stack([each.steps[images] for each in bank.values()])
    logits = torch.stack([each.logits(images) for each in bank.values()])
    return Others(logits=logits, known=steps != NEVER), steps
