"""S networks that answer as one, combined by averaging."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.basics.shapes import Float, Shaped
from cotrain.config.combining import Combine
from cotrain.ensemble.answering import known_preprocessing
from cotrain.ensemble.cascade import Cascade
from cotrain.ensemble.combining import combine_logits
from cotrain.ensemble.folder import read_folder, weights_by_network, write_folder
from cotrain.ensemble.prediction import AnswersFiles
from cotrain.ensemble.spec import EnsembleSpec
from cotrain.ensemble.stages import StagedAnswers, answer_in_stages
from cotrain.networks import blank
from cotrain.networks.costs import count_macs, count_params
from cotrain.networks.evaluating import evaluating


class Ensemble(AnswersFiles, nn.Module):
    """S networks side by side; make one with ``cotrain.divide`` or ``load``.

    Args:
        networks: S networks that take the same images and give the same classes.
        spec: Their description.
    """

    def __init__(self, networks: Iterable[nn.Module], spec: EnsembleSpec) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.spec = spec
        if len(self.networks) != spec.into:
            raise ConfigError(
                f"networks: {len(self.networks)} given, but spec.into={spec.into}: give S networks"
            )

    def forward(
        self, images: Float[Tensor, "B channels H W"] | Float[Tensor, "S B channels H W"]
    ) -> Float[Tensor, "S B C"]:
        """Logits of every network.

        Args:
            images: The same for all networks, or one view each.
        """
        views = split_views(images, len(self.networks))
        return torch.stack([network(x) for network, x in zip(self.networks, views, strict=True)])

    def predict(
        self,
        images: Float[Tensor, "B channels H W"] | Float[Tensor, "S B channels H W"],
        combine: Combine | None = None,
        *,
        calibrated: bool = True,
    ) -> Float[Tensor, "B C"]:
        """Probabilities of the ensemble, without gradients and in evaluation mode.

        Args:
            images: Preprocessed images, or a view for each network.
            combine: How to combine; the spec's own way if None.
            calibrated: Use the spec's calibration, if it has one.
        """
        calibration = self.spec.calibration if calibrated else None
        with evaluating(self), torch.no_grad():
            return combine_logits(self(images), combine or self.spec.combine, calibration)

    def answer_in_stages(
        self, images: Float[Tensor, "B channels H W"], *, calibrated: bool = True
    ) -> StagedAnswers:
        """The answers of the cascade, which asks only some of the networks about an image.

        Args:
            images: Preprocessed images.
            calibrated: Use the spec's calibration, if it has one, where all networks are asked.

        Raises:
            ConfigError: The ensemble has no cascade.
        """
        spec = self.spec
        calibration = spec.calibration if calibrated else None
        with evaluating(self), torch.no_grad():
            return answer_in_stages(
                lambda index, some: self.networks[index](some),
                images,
                spec.num_classes,
                spec.cascade,
                calibration,
            )

    @property
    def cascade(self) -> Cascade | None:
        """How only some of the networks are asked about an image; None where it was not fitted."""
        return self.spec.cascade

    def prepare(self, pixels: Shaped[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """The images of a call, where the networks are, from pixels in 0..255.

        Raises:
            ConfigError: The spec has no preprocessing.
        """
        return known_preprocessing(self.spec).normalize(pixels.to(self.device))

    @property
    def device(self) -> torch.device:
        """Where the networks are; the first of them, if there are several places."""
        return device_of(self.networks)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """[C, H, W] of the images that the networks take."""
        return self.spec.image_shape

    @property
    def params(self) -> int:
        """Trainable parameters of all S networks."""
        return count_params(self)

    def macs(self, images: Tensor | Sequence[int]) -> int:
        """Multiply-accumulates of all S networks for one image (1 MAC = 2 FLOPs).

        Args:
            images: A batch [B, C, H, W], or the shape [C, H, W] of one image.
        """
        return sum(count_macs(network, images) for network in self.networks)

    def save(self, folder: Path | str) -> None:
        """Write ``spec.json`` and ``model.safetensors``, and what was fitted for these weights.

        That is ``calibration.json`` and ``cascade.json``. Nothing is pickled.
        """
        write_folder(Path(folder), self.spec, self.state_dict())

    @staticmethod
    def load(folder: Path | str) -> "Ensemble":
        """The ensemble that ``save`` wrote, in evaluation mode on the CPU.

        Raises:
            ConfigError: Files are missing, damaged, changed, or of another version.
        """
        spec, weights = read_folder(Path(folder))
        images, classes = spec.preprocessing, spec.classes
        networks = [m.adapted(blank(m.network), images, classes) for m in spec.members]
        each = weights_by_network(weights)
        for index, network in enumerate(networks):
            # Copied where there is memory, so that layers go on sharing what they share.
            on_meta = any(tensor.is_meta for tensor in network.parameters())
            network.load_state_dict(_versioned(each[str(index)], network), assign=on_meta)
        return Ensemble(networks, spec).eval()


def _versioned(weights: Mapping[str, Tensor], module: nn.Module) -> Mapping[str, Tensor]:
    """The weights with the layers' versions, which are not saved, and which some networks ask."""
    versioned = OrderedDict(weights)
    versioned._metadata = module.state_dict()._metadata  # type: ignore[attr-defined]
    return versioned


def split_views(
    images: Float[Tensor, "B C H W"] | Float[Tensor, "S B C H W"], into: int
) -> Sequence[Float[Tensor, "B C H W"]]:
    """One view for each of S networks, from images for all or S views.

    Raises:
        ConfigError: Neither [B, C, H, W] nor [S, B, C, H, W].
    """
    if images.dim() == 4:
        return [images] * into
    if images.dim() == 5 and len(images) == into:
        return images.unbind()
    raise ConfigError(
        f"images of shape {list(images.shape)}: give [B, C, H, W], or one view for each of "
        f"the S={into} networks as [S, B, C, H, W]"
    )


def device_of(networks: Iterable[nn.Module]) -> torch.device:
    """The one device that holds all weights; the first network's if there are several."""
    devices = (tensor.device for network in networks for tensor in network.parameters())
    return next(devices, torch.device("cpu"))


def load_shipped(path: Path) -> Ensemble:
    """The ensemble in a run folder, or in an ensemble's own folder.

    Raises:
        ConfigError: There is none, or it is damaged.
    """
    return Ensemble.load(shipped_folder(path))


def shipped_folder(path: Path) -> Path:
    """The ensemble's own folder, which is named or lies in the run folder that is.

    Raises:
        ConfigError: The run has none yet.
    """
    run = RunFolder(path)
    if run.config.is_file() and not run.ensemble.exists():
        raise ConfigError(
            f"{path} is a run that has not ended: finish it with cotrain train --resume {path}"
        )
    return run.ensemble if run.ensemble.is_dir() else path
