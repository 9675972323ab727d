"""An exported ensemble, loaded: the same answers as the folder's, from a file or a split folder."""

from pathlib import Path

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.ensemble.answering import known_preprocessing
from cotrain.ensemble.ensemble import Ensemble, load_shipped
from cotrain.ensemble.prediction import AnswersFiles
from cotrain.ensemble.stages import StagedAnswers, answer_in_stages
from cotrain.export.description import Description
from cotrain.export.formats.registry import Runner, open_file
from cotrain.export.split import MANIFEST, Ask, open_split


class Exported(AnswersFiles):
    """An ensemble that was exported; ``load_exported`` makes it.

    Args:
        path: The file, or the split folder.
        spec: What it says about itself.
        run: Outputs by name of float32 images [B, C, H, W].
        ask: Logits that the network of an index gives for them; None in a file of all networks.
        trust: Whether it was opened as a file that can run code.
    """

    device = torch.device("cpu")

    def __init__(
        self, path: Path, spec: Description, run: Runner, ask: Ask | None = None, *, trust: bool
    ) -> None:
        self.path, self.spec, self.trust = path, spec, trust
        self._run, self._ask = run, ask

    def run(self, images: Tensor) -> dict[str, Tensor]:
        """The file's outputs: probabilities, disagreement, mutual_information and logits.

        Args:
            images: uint8 or float [B, C, H, W] on the CPU: pixels in 0..255 if
                ``spec.normalize``, else normalised images.

        Raises:
            ConfigError: Images of another shape.
        """
        return self._run(self._checked(images))

    def _checked(self, images: Tensor) -> Tensor:
        images = torch.as_tensor(images)
        if images.dim() != 4 or tuple(images.shape[1:]) != self.spec.image_shape:
            raise ConfigError(
                f"images of shape {list(images.shape)}: the file takes "
                f"[B, {', '.join(map(str, self.spec.image_shape))}]"
            )
        return images.float().contiguous()

    def __call__(self, images: Tensor) -> Tensor:
        """Logits [S, B, C] of every network, as an ``Ensemble`` gives them; see ``run``."""
        return self.run(images)["logits"]

    def answer_in_stages(self, images: Tensor, *, calibrated: bool = True) -> StagedAnswers:
        """The answers of the cascade, which asks only some of a split folder's networks.

        Args:
            images: As ``run`` takes them.
            calibrated: Use the calibration, if there is one, where all networks are asked.

        Raises:
            ConfigError: There is no cascade, or one file holds all networks.
        """
        if self._ask is None:
            raise ConfigError(
                f"{self.path} holds all networks in one file, which answer together: export it "
                "with --split for a cascade"
            )
        calibration = self.spec.calibration if calibrated else None
        return answer_in_stages(
            self._ask,
            self._checked(images),
            self.spec.num_classes,
            self.spec.cascade,
            calibration,
        )

    def prepare(self, pixels: Tensor) -> Tensor:
        """What ``run`` takes, from pixels [B, C, H, W] in 0..255.

        Raises:
            ConfigError: The file takes normalised images, and does not say how they become so.
        """
        return pixels if self.spec.normalize else known_preprocessing(self.spec).normalize(pixels)


def is_exported(path: Path | str) -> bool:
    """Whether this is an exported file or a split folder, and no ensemble's or run's folder."""
    return Path(path).is_file() or (Path(path) / MANIFEST).is_file()


def load_exported(
    path: Path | str, *, trust: bool = False, threads: int | None = None, parallel: int = 1
) -> Exported:
    """The ensemble in a file of any format, told apart by content, or in a split folder.

    A .pt2 file is a program: trust only those whose code you would run. An ONNX file is not.

    Args:
        path: What ``cotrain export`` wrote.
        trust: Whether files that can run code (.pt2) are opened.
        threads: Cores for one operation of ONNX Runtime; its own choice if None. Other formats
            use those of ``torch.set_num_threads``.
        parallel: Networks that are run at once, in ONNX files and split folders.

    Raises:
        ConfigError: It is missing, damaged, changed, not trusted, or ONNX Runtime is not installed.
    """
    path = Path(path)
    if not is_exported(path):
        raise ConfigError(f"{path} is not an exported ensemble: write one with cotrain export")
    if path.is_dir():
        spec, run, ask = open_split(path, threads=threads, parallel=parallel, trust=trust)
        return Exported(path, spec, run, ask, trust=trust)
    spec, run = open_file(path, threads=threads, parallel=parallel, trust=trust)
    return Exported(path, spec, run, trust=trust)


def open_answering(
    path: Path | str, device: str | torch.device = "cpu", *, trust: bool = False
) -> Ensemble | Exported:
    """What answers in a run folder, an ensemble's own folder, or what was exported.

    Args:
        path: The folder or file.
        device: Where to answer; what was exported answers on the CPU.
        trust: Whether exported files that can run code (.pt2) are opened.

    Raises:
        ConfigError: There is nothing, it is damaged, not trusted, or it cannot answer there.
    """
    if not is_exported(path):
        return load_shipped(Path(path)).to(device)
    if torch.device(device).type != "cpu":
        raise ConfigError(f"device={str(device)!r}: exported files answer on the cpu: use cpu")
    return load_exported(path, trust=trust)
