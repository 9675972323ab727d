"""What answers as S networks do, but is one."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import derive_seed, seeded
from cotrain.basics.shapes import Float, Shaped
from cotrain.config.peer import PeerKind
from cotrain.ensemble.answering import known_preprocessing
from cotrain.ensemble.ensemble import Ensemble, device_of
from cotrain.ensemble.folder import saved_record, saved_weights, write_folder
from cotrain.ensemble.peers.library import check_installed
from cotrain.ensemble.peers.mimo import Mimo, wide_spec
from cotrain.ensemble.peers.packed import Packed, pack
from cotrain.ensemble.peers.spec import PeerSpec
from cotrain.ensemble.stages import StagedAnswers
from cotrain.networks import NetworkSpec, build, image_shape_of
from cotrain.networks.costs import count_macs, count_params
from cotrain.networks.fitting import weightless


class Peer(nn.Module):
    """One network that gives S answers; make one with ``make_peer`` or ``load``.

    Args:
        network: Maps images [B, C, H, W] to logits [S, B, C].
        spec: Its description.

    Attributes:
        networks: The one network.
    """

    def __init__(self, network: nn.Module, spec: PeerSpec) -> None:
        super().__init__()
        self.networks = nn.ModuleList([network])
        self.spec = spec

    def forward(self, images: Float[Tensor, "B channels H W"]) -> Float[Tensor, "S B C"]:
        """All logits."""
        return self.networks[0](images)

    def answer_in_stages(
        self, images: Float[Tensor, "B channels H W"], *, calibrated: bool = True
    ) -> StagedAnswers:
        """Raises ConfigError: the answers come all at once."""
        raise ConfigError(f"peer={self.spec.peer} has no cascade: its answers come all at once")

    def prepare(self, pixels: Shaped[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """The images of a call, where the network is, from pixels in 0..255.

        Raises:
            ConfigError: The spec has no preprocessing.
        """
        return known_preprocessing(self.spec).normalize(pixels.to(self.device))

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return device_of(self.networks)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """[C, H, W] of the images that the network takes."""
        return self.spec.image_shape

    @property
    def params(self) -> int:
        """Trainable parameters."""
        return count_params(self)

    def macs(self, images: Tensor | Sequence[int]) -> int:
        """Multiply-accumulates for one image (1 MAC = 2 FLOPs); see ``count_macs``."""
        return count_macs(self.networks[0], images)

    def save(self, folder: Path | str) -> None:
        """Write ``spec.json`` and ``model.safetensors``; nothing is pickled."""
        write_folder(Path(folder), self.spec, self.state_dict())

    @staticmethod
    def load(folder: Path | str) -> "Peer":
        """The peer that ``save`` wrote, in evaluation mode on the CPU.

        Raises:
            ConfigError: Files are missing, damaged or changed, or the extra is not installed.
        """
        record = saved_record(Path(folder))
        check_installed(str(record.get("peer")))
        weights = saved_weights(Path(folder), record.pop("weights_sha256"))
        try:
            spec = PeerSpec.from_dict(record)
            # Of whom it is not known who wrote it: nothing is built that is larger than the file.
            wide = wide_spec(spec.large, spec.into) if spec.peer == "mimo" else spec.large
            peer = Peer(_answering(weightless(wide, weights), spec.peer, wide, spec.into), spec)
            peer.load_state_dict(weights, assign=True)
        except (ConfigError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(f"{folder} holds no whole peer ({reason}): train it again") from None
        return peer.eval()


def make_peer(
    kind: PeerKind, large: NetworkSpec, into: int, *, seed: int, input_repetition: float = 0.0
) -> Peer:
    """A fresh peer of a large network.

    Args:
        kind: How one network gives several answers.
        large: The large network.
        into: S.
        seed: Of the initialisation.
        input_repetition: Of ``mimo`` in training; see ``Mimo``.

    Raises:
        ConfigError: The extra is not installed, or the network has no such form with S answers.
    """
    wide = wide_spec(large, into) if kind == "mimo" else large
    with seeded(derive_seed(seed, "init", 0)):
        network = _answering(build(wide), kind, wide, into, input_repetition)
    macs = count_macs(network, image_shape_of(large))
    spec = PeerSpec(peer=kind, into=into, large=large, params=count_params(network), macs=macs)
    return Peer(network, spec)


def _answering(
    network: nn.Module, kind: PeerKind, spec: NetworkSpec, into: int, input_repetition: float = 0.0
) -> nn.Module:
    if kind == "mimo":
        return Mimo(network, into, input_repetition)
    return Packed(pack(network, into, image_shape_of(spec)), into)


def load_any(folder: Path) -> Ensemble | Peer:
    """The ensemble, or the peer, that was saved in a folder.

    Raises:
        ConfigError: There is none, or it is damaged.
    """
    return Peer.load(folder) if "peer" in saved_record(folder) else Ensemble.load(folder)
