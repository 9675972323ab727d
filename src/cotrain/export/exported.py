"""An exported ensemble, loaded: the same answers as the folder's, from a file or a split folder."""

from pathlib import Path

import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError
from cotrain.export.description import Description
from cotrain.export.formats.registry import Run, open_file
from cotrain.export.split import MANIFEST, open_split


class Exported:
    """An ensemble that was exported; ``load_exported`` makes it.

    Args:
        spec: What the file says about itself.
        run: Outputs by name of float32 images [B, C, H, W].
    """

    def __init__(self, spec: Description, run: Run) -> None:
        self.spec = spec
        self._run = run

    def run(self, images: Tensor) -> dict[str, Tensor]:
        """The file's outputs: probabilities, disagreement, mutual_information and logits.

        Args:
            images: uint8 or float [B, C, H, W] on the CPU: pixels in 0..255 if
                ``spec.normalize``, else normalised images.

        Raises:
            ConfigError: Images of another shape.
        """
        images = torch.as_tensor(images)
        if images.dim() != 4 or tuple(images.shape[1:]) != self.spec.image_shape:
            raise ConfigError(
                f"images of shape {list(images.shape)}: the file takes "
                f"[B, {', '.join(map(str, self.spec.image_shape))}]"
            )
        return self._run(images.float().contiguous())

    def __call__(self, images: Tensor) -> Tensor:
        """Logits [S, B, C] of every network, as an ``Ensemble`` gives them; see ``run``."""
        return self.run(images)["logits"]

    def prepare(self, pixels: Tensor) -> Tensor:
        """What ``run`` takes, from pixels [B, C, H, W] in 0..255."""
        if self.spec.normalize or self.spec.preprocessing is None:
            return pixels
        return self.spec.preprocessing.normalize(pixels)


def is_exported(path: Path | str) -> bool:
    """Whether this is an exported file or a split folder, and no ensemble's or run's folder."""
    return Path(path).is_file() or (Path(path) / MANIFEST).is_file()


def load_exported(path: Path | str, *, threads: int | None = None, parallel: int = 1) -> Exported:
    """The ensemble in a file of any format, told apart by content, or in a split folder.

    A .pt2 file is a program: load it only from those whose code you would run. An ONNX file is not.

    Args:
        path: What ``cotrain export`` wrote.
        threads: Cores for one operation of ONNX Runtime; its own choice if None. Other formats
            use those of ``torch.set_num_threads``.
        parallel: Networks that are run at once, in ONNX files and split folders.

    Raises:
        ConfigError: It is missing, damaged, changed, or ONNX Runtime is not installed.
    """
    path = Path(path)
    if not is_exported(path):
        raise ConfigError(f"{path} is not an exported ensemble: write one with cotrain export")
    open_path = open_split if path.is_dir() else open_file
    return Exported(*open_path(path, threads=threads, parallel=parallel))
