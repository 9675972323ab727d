"""Weights that other programs saved: read without running code, and fitted to a network by order.

Two implementations of a network name their tensors differently. They agree on the order in which
the layers stand, on every shape, and on the last part of every name (``weight``, ``running_mean``).
"""

import re
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from cotrain.basics.errors import ConfigError

# BatchNorm's count of batches: our networks do not use it, and some files leave it out.
COUNTER = "num_batches_tracked"


class _Ignored:
    """Stands in for an object that a file holds beside the weights; does nothing."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


# A best accuracy may be a NumPy number. NumPy's own functions must not rebuild it: a crafted state
# of a dtype makes them take bytes of the file for the address of an object.
_NUMPY_NUMBERS = ("numpy.dtype", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
# What timm and torchvision's scripts keep of the words that they were called with.
_ARGUMENTS = "argparse.Namespace"
_STAND_INS: list[Any] = [(_Ignored, name) for name in (*_NUMPY_NUMBERS, _ARGUMENTS)]
# Where a training state has its weights: timm's names, and its order. Averages come first.
_KEPT_AS = ("state_dict_ema", "model_ema", "state_dict", "model")


def read_weights(path: Path) -> dict[str, Tensor]:
    """The named tensors of a ``.safetensors`` file, or of one that ``torch.save`` wrote.

    Of a training state only its ``state_dict`` (or ``model``) is taken, under the names of the
    network alone; where it keeps averaged weights beside these, as ``state_dict_ema``, they are. No
    code in the file is run: what is neither a tensor nor a plain value is refused, but for NumPy
    numbers and a program's arguments, which are passed over.

    Raises:
        ConfigError: The file is missing, damaged, refused, or holds no named tensors, or NaN.
    """
    if not path.is_file():
        raise ConfigError(f"{path} is missing: give the file of the weights")
    content = _read(path)
    state = _state_of(content) if isinstance(content, dict) else None
    if not state:
        raise ConfigError(f"{path} holds no state_dict: give a checkpoint that has one")
    for name, value in state.items():
        if not isinstance(name, str) or not _is_plain_tensor(value):
            raise ConfigError(f"{path}: {name} is no plain tensor: give a state_dict of weights")
        if value.float().isnan().any():
            raise ConfigError(f"{path}: {name} has NaN: give weights of before a training failed")
    return without_wrappers(state)


def _state_of(content: dict[str, Any]) -> dict[str, Any]:
    kept = (content.get(name) for name in _KEPT_AS)
    return next((state for state in kept if isinstance(state, dict)), content)


# What DistributedDataParallel and torch.compile put before every name.
_WRAPPERS = ("module.", "_orig_mod.")


def without_wrappers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by the names that they had before their network was wrapped."""
    for prefix in _WRAPPERS:
        if state and all(name.startswith(prefix) for name in state):
            return without_wrappers({name[len(prefix) :]: each for name, each in state.items()})
    return dict(state)


def _read(path: Path) -> Any:
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        with torch.serialization.safe_globals(_STAND_INS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a crafted file makes torch's reader raise nearly anything
        code = re.search(r"GLOBAL (\S+)", str(error))
        raise ConfigError(
            f"{path} is refused: loading it would run {code[1]}: "
            "ask for a file that holds tensors and plain values only"
            if code
            else f"{path} is neither a checkpoint of torch nor .safetensors, or it is damaged: "
            "copy it again"
        ) from None


def _is_plain_tensor(value: object) -> bool:
    return (
        isinstance(value, Tensor) and value.layout is torch.strided and value.device.type == "cpu"
    )


def fit_by_order(
    given: Mapping[str, Tensor], expected: Mapping[str, Tensor], source: Path | str
) -> dict[str, Tensor]:
    """Copies of the given tensors under the expected names, in the expected types.

    Args:
        given: Tensors by their names in the file, in its order.
        expected: Tensors of the network, which may be on the ``meta`` device.
        source: What an error calls the file.

    Raises:
        ConfigError: A tensor lacks, is too many, or has another shape or meaning.
    """
    counted = any(_last(name) == COUNTER for name in given)
    wanted = {name: each for name, each in expected.items() if counted or _last(name) != COUNTER}
    # Counts that the file does not have stay 0.
    fitted = {
        name: torch.zeros(each.shape, dtype=each.dtype)
        for name, each in expected.items()
        if name not in wanted
    }
    for theirs, ours in zip_longest(given, wanted):
        if theirs is None or ours is None or not _fits(theirs, given, ours, wanted):
            raise ConfigError(f"{source}: {_misfit(theirs, given, ours, wanted)}")
        fitted[ours] = given[theirs].to(wanted[ours].dtype, copy=True)
    return fitted


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _fits(
    theirs: str, given: Mapping[str, Tensor], ours: str, wanted: Mapping[str, Tensor]
) -> bool:
    tensor, place = given[theirs], wanted[ours]
    return (
        _last(theirs) == _last(ours)
        and tensor.shape == place.shape
        and tensor.is_floating_point() == place.is_floating_point()
    )


def _misfit(
    theirs: str | None,
    given: Mapping[str, Tensor],
    ours: str | None,
    wanted: Mapping[str, Tensor],
) -> str:
    """What does not fit, and the likely cause."""
    found = f"{theirs} {_kind(given[theirs])}" if theirs else "nothing"
    place = f"{ours} {_kind(wanted[ours])} belongs" if ours else "the network has ended"
    cause = "it is of another network, S or data set: check --arch, --into, --dataset and --variant"
    classifier = list(wanted)[-2:]
    if theirs and ours in classifier and given[theirs].shape[1:] == wanted[ours].shape[1:]:
        classes = len(given[theirs])
        cause = f"it is of another data set: give its --dataset, or --num-classes {classes}"
    return f"{found} stands where {place}: {cause}"


def _kind(tensor: Tensor) -> str:
    """Shape and, if it is not the usual one, type."""
    kind = "" if tensor.is_floating_point() else f" of {tensor.dtype}"
    return f"{list(tensor.shape)}{kind}"
