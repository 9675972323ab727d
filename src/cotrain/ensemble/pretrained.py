"""A network that starts from trained weights: its library's, or those of a file."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import shorten

from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.basics.seeds import seeded
from cotrain.basics.text import one_line
from cotrain.ensemble.importing.weights import COUNTER, fit_by_order, read_weights
from cotrain.networks import ForeignSpec, NetworkSpec, build, native_preprocessing
from cotrain.networks.foreign.pretrained import fetched_network, network_with
from cotrain.networks.heads import load_but_head
from cotrain.networks.meta import on_meta


def pretrained_network(spec: NetworkSpec, weights: bool | Path | str, *, seed: int) -> nn.Module:
    """The network of a spec with trained weights, and a fresh head if these know other classes.

    A file's tensors are found by their names; where these are of another program, by their order,
    if shapes and the last parts of all names agree. A head for as many classes is kept.

    Args:
        spec: A whole network.
        weights: True for those that timm or torchvision keep for its name, or that stand in the
            folder of an ``hf:`` one; or a file, ``.safetensors`` or written by ``torch.save``.
        seed: Of what is fresh.

    Raises:
        ConfigError: There are none, they cannot be fetched or read, or they are of another network.
    """
    with seeded(seed):
        if weights is True:
            if isinstance(spec, ForeignSpec):
                return fetched_network(spec)
            raise ConfigError(
                f"pretrained=true, but nobody keeps weights of {spec.arch}: give a file, or a run "
                "with --inherit"
            )
        state, source = read_weights(Path(str(weights))), str(weights)
        if isinstance(spec, ForeignSpec):
            return network_with(spec, _by_own_names(spec, state, source), source)
        network = build(spec)
        try:
            load_but_head(network, state)
        except RuntimeError as error:
            raise ConfigError(
                f"pretrained={source} does not fit {spec.arch} "
                f"({shorten(one_line(error), 160)}): give weights of this network"
            ) from None
        return network


def _by_own_names(
    spec: ForeignSpec, state: Mapping[str, Tensor], source: str
) -> Mapping[str, Tensor]:
    """The tensors by the library's names, if they stand in its order under others.

    A state that shares names with the network is left as it is: what it lacks is told by them. So
    is one of ``.safetensors``, which does not keep the order: blocks of equal shapes would change
    places, and nobody would see it.
    """
    if source.endswith(".safetensors"):
        return state
    last = list(state.values())[-1]
    native = native_preprocessing(spec)
    trained = replace(
        spec,
        num_classes=len(last) if last.dim() else spec.num_classes,
        in_channels=next((each.shape[1] for each in state.values() if each.dim() == 4), 3),
        image_size=native.image_size if native else spec.image_size,
    )
    own = on_meta(lambda: build(trained)).state_dict()
    if any(name in own for name in state if not name.endswith(COUNTER)):
        return state
    try:
        return fit_by_order(state, own, source)
    except ConfigError:
        return state  # names of yet another program, which the library may know
