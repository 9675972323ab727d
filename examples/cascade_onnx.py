"""Answer images by a cascade with NumPy and ONNX Runtime alone: neither torch nor cotrain.

    cotrain cascade runs/photos
    cotrain export runs/photos --format onnx --split --output files
    python cascade_onnx.py files images.npy

The images are [B, channels, H, W]: pixels in 0..255, or normalised where the files were exported
with ``--normalize false``. Images that are sure leave; the networks after are not asked about them.
"""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime

Array = np.ndarray


class Answers(NamedTuple):
    """Probabilities [B, C], and how many networks were asked about each image [B]."""

    probabilities: Array
    asked: Array


class SplitCascade:
    """The networks of a folder that ``cotrain export --split`` wrote, asked in stages.

    Args:
        folder: With ``manifest.json``.
        threads: Cores of each network; ONNX Runtime's own choice if None.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        self.about = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if self.about["cascade"] is None:
            raise SystemExit(
                f"{folder} has no cascade: fit one with cotrain cascade RUN, then export again"
            )
        self.cascade = self.about["cascade"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        files = [_checked(folder, each) for each in self.about["files"]]
        self.networks = [onnxruntime.InferenceSession(each, options) for each in files]

    def answer(self, images: Array) -> Answers:
        """The answers of as many networks as each image needs."""
        images = np.ascontiguousarray(images, dtype=np.float32)
        into, classes = self.about["into"], self.about["num_classes"]
        logits = np.zeros((into, len(images), classes))
        log_p = np.zeros((len(images), classes))
        asked = np.full(len(images), into)
        waiting, before = np.arange(len(images)), 0
        for stage in [*self.cascade["stages"], None]:
            end = into if stage is None else stage["networks"]
            for index in self.cascade["order"][before:end] if len(waiting) else ():
                (found,) = self.networks[index].run(["logits"], {"images": images[waiting]})
                logits[index, waiting] = found
            own = logits[sorted(self.cascade["order"][:end])][:, waiting]
            fitted = self.about["calibration"] if stage is None else stage
            here = log_probabilities(own, self.about["combine"], fitted or {})
            log_p[waiting] = here
            if stage is not None:
                sure = sureness(own, here, self.cascade["signal"]) >= stage["threshold"]
                asked[waiting[sure]] = end
                waiting, before = waiting[~sure], end
        return Answers(np.exp(log_p), asked)


def _checked(folder: Path, entry: dict[str, str]) -> bytes:
    content = (folder / entry["name"]).read_bytes()
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise SystemExit(f"{folder / entry['name']} was changed after it was exported")
    return content


def log_probabilities(logits: Array, combine: str, fitted: dict[str, Any]) -> Array:
    """Logarithms [B, C] of the combined answer of some networks [k, B, C].

    Args:
        logits: Of the networks that were asked.
        combine: How their answers become one.
        fitted: ``temperature``, and of all networks ``temperatures`` and ``weights``, where any.
    """
    count = len(logits)
    temperatures = np.array(fitted.get("temperatures") or [1.0] * count)
    weights = np.array(fitted.get("weights") or [1 / count] * count)
    logits = logits / temperatures[:, None, None]
    if combine == "mean_logits":
        scores = np.tensordot(weights, logits, 1)
    elif combine == "mean_probabilities":
        with np.errstate(divide="ignore"):  # a network without weight
            scores = _logsumexp(_log_softmax(logits) + np.log(weights)[:, None, None], axis=0)
    else:
        scores = (logits if combine == "max_logits" else _log_softmax(logits)).max(0)
    return _log_softmax(scores / fitted.get("temperature", 1.0))


def sureness(logits: Array, log_p: Array, signal: str) -> Array:
    """How sure the combined answers [B] are, from 0 to 1; NaN never is."""
    p = np.exp(log_p)
    if signal == "agreement":
        same = (logits.argmax(-1) == log_p.argmax(-1)).mean(0)
        return np.where(np.isfinite(log_p).all(-1), same, np.nan)
    if signal == "probability":
        sure = p.max(-1)
    elif signal == "margin":
        best = np.sort(p, axis=-1)[:, ::-1]
        sure = best[:, 0] - best[:, 1:2].sum(-1)
    else:
        sure = 1 + (p * log_p).sum(-1) / np.log(max(p.shape[-1], 2))
    return np.clip(sure, 0, 1)


def _logsumexp(scores: Array, axis: int) -> Array:
    most = scores.max(axis, keepdims=True)
    return np.log(np.exp(scores - most).sum(axis)) + most.squeeze(axis)


def _log_softmax(scores: Array) -> Array:
    return scores - _logsumexp(scores, axis=-1)[..., None]


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("folder", type=Path, help="what cotrain export --split wrote")
    parser.add_argument("images", type=Path, help=".npy [B, channels, H, W]")
    given = parser.parse_args()
    cascade = SplitCascade(given.folder)
    probabilities, asked = cascade.answer(np.load(given.images))
    names = cascade.about["classes"] or range(probabilities.shape[1])
    for row, count in zip(probabilities, asked, strict=True):
        print(f"{names[row.argmax()]} {row.max():.4f} {count}")
    print(
        f"asked: {asked.mean():.2f} of {len(cascade.networks)} networks" if len(asked) else "none"
    )


if __name__ == "__main__":
    main()
