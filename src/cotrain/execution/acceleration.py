"""What makes one network answer faster: layout, folded BatchNorm, compiled code, half precision."""

import copy
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.config.dtype import Dtype
from cotrain.ensemble.ensemble import device_of
from cotrain.execution.compiling import dynamo_config
from cotrain.execution.execution import Network
from cotrain.execution.folding import folded
from cotrain.execution.sizes import Sizes, padded

# Torch's compiler is configured by global state, and one network compiles as fast as two at once.
_COMPILING = threading.Lock()

_TYPES: dict[Dtype, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


@dataclass(frozen=True, kw_only=True)
class Acceleration:
    """How each network is prepared; its answers stay the same within the precision of its type.

    Args:
        channels_last: Weights and images in the layout [B, H, W, C].
        fold: Fold each BatchNorm into the convolution before it.
        compile: Compile with torch.compile, weights frozen into the code. The network stays as
            it is where the compiler fails, with a warning.
        dtype: What weights, images and layers are converted to, after folding; logits are float32
            again. ``fp32`` leaves all as it is.

    Raises:
        ConfigError: An unknown dtype.
    """

    channels_last: bool = False
    fold: bool = False
    compile: bool = False
    dtype: Dtype = "fp32"

    def __post_init__(self) -> None:
        if self.dtype not in _TYPES:
            raise ConfigError(
                f"dtype={self.dtype!r} is not known: use one of {', '.join(get_args(Dtype))}"
            )

    @property
    def is_half(self) -> bool:
        """Whether numbers have 16 bits, so that answers differ a little."""
        return self.dtype != "fp32"

    def __str__(self) -> str:
        names = [name for name in ("channels_last", "fold", "compile") if getattr(self, name)]
        return " + ".join([*names, *([self.dtype] if self.is_half else [])]) or "as it is"


LIGHT = Acceleration(channels_last=True, fold=True)


def accelerated(network: nn.Module, how: Acceleration, *, threads: int | None = None) -> Network:
    """A copy of ``network`` that answers in evaluation mode; the network itself stays untouched.

    Args:
        network: Its weights are shared wherever the copy needs no other ones.
        how: What to do.
        threads: Threads that compiled code uses on the CPU; torch's own number if None.
    """
    result = prepared_copy(network, how)
    return converting(Compiled(result, threads) if how.compile else result, how)


def prepared_copy(network: nn.Module, how: Acceleration) -> nn.Module:
    """A copy in evaluation mode, laid out, folded and converted; not yet compiled."""
    result = evaluation_copy(network, _channels_last if how.channels_last else _same)
    if how.fold:
        result = folded(result)
    return result.to(_TYPES[how.dtype]) if how.is_half else result


def converting(run: Network, how: Acceleration) -> Network:
    """``run`` for images of any layout and type; logits of half precision become float32."""

    def converted(images: Tensor) -> Tensor:
        if how.is_half:
            images = images.to(_TYPES[how.dtype])
        if how.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        logits = run(images)
        return logits.float() if how.is_half else logits

    return converted if how.is_half or how.channels_last else run


def evaluation_copy(network: nn.Module, move: Callable[[Tensor], Tensor]) -> nn.Module:
    """The layers copied, in evaluation mode; their tensors are ``move(tensor)``, without gradient.

    Where ``move`` gives back the tensor, both networks share its memory.
    """
    memo: dict[int, object] = {}
    for parameter in network.parameters():
        memo[id(parameter)] = nn.Parameter(move(parameter.detach()), requires_grad=False)
    for buffer in network.buffers():
        memo[id(buffer)] = move(buffer.detach())
    return copy.deepcopy(network, memo).eval()


def _same(tensor: Tensor) -> Tensor:
    return tensor


def _channels_last(tensor: Tensor) -> Tensor:
    if tensor.dim() != 4:
        return tensor
    return tensor.contiguous(memory_format=torch.channels_last)


class Compiled:
    """A network that is compiled when it first meets a shape; as it is where that fails.

    Args:
        network: In evaluation mode.
        threads: As for ``accelerated``.
    """

    def __init__(self, network: nn.Module, threads: int | None) -> None:
        self._network = network
        device = device_of([network])
        self._run = torch.compile(network, dynamic=False, options=_options(device, threads))
        self._sizes = Sizes([network])
        self._known: set[tuple[object, ...]] = set()

    def __call__(self, images: Tensor) -> Tensor:
        count = images.shape[-4]
        images = padded(images, self._sizes.of(images))
        kind = (images.shape, images.stride(), images.dtype)
        if kind not in self._known:
            with _COMPILING:
                logits = self._first(images)
            self._known.add(kind)
        else:
            logits = self._run(images)
        return logits if count == images.shape[-4] else logits.narrow(-2, 0, count)

    def _first(self, images: Tensor) -> Tensor:
        try:
            with dynamo_config().patch(_LOUD):
                return self._run(images)
        except Exception as error:
            # Were the images at fault, this raises what the network itself has to say.
            logits = self._network(images)
            reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            warnings.warn(f"compile: not possible here ({reason}): runs eagerly", stacklevel=2)
            self._run = self._network
            return logits


# Torch counts the compilations of all modules together, and from the ninth on it would run
# eagerly without a word.
_LOUD = {"recompile_limit": 256, "fail_on_recompile_limit_hit": True}


def _options(device: torch.device, threads: int | None) -> dict[str, Any]:
    if device.type != "cpu":
        return {"freezing": True}
    # The C++ wrapper lets go of Python's lock, so that networks in threads do not wait.
    threads = threads or torch.get_num_threads()
    return {"freezing": True, "cpp_wrapper": True, "cpp.threads": threads}
