"""Networks without weights: on the ``meta`` device they cost neither time nor memory."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cotrain.basics.seeds import seeded
from cotrain.networks.evaluating import evaluating

# What initialisations do to values in place.
_VALUES_ONLY = {"add_", "clamp_", "div_", "erfinv_", "fill_", "mul_", "normal_", "sub_", "uniform_"}


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    """The network on the ``meta`` device; no random state is moved by building it.

    A network whose constructor computes with its weights is built on the CPU and moved.
    """
    with seeded(0):
        try:
            with torch.device("meta"), _WithoutValues():
                return build()
        except (NotImplementedError, RuntimeError, ValueError) as error:
            if "meta" not in str(error).lower():
                raise
            return build().to("meta")


def logits_on_meta(module: nn.Module, image_shape: Sequence[int]) -> Tensor:
    """What a network on the ``meta`` device gives for two images [C, H, W], without values."""
    with evaluating(module), torch.no_grad():
        return module(torch.zeros(2, *image_shape, device="meta"))


class _WithoutValues(TorchFunctionMode):
    """Passes over operations that would only change values of tensors that have none.

    On ``meta`` torch works some of them out in Python: for a ViT that is most of the time.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        changed = args[0] if args and getattr(func, "__name__", "") in _VALUES_ONLY else None
        if isinstance(changed, Tensor) and changed.is_meta:
            return changed
        return func(*args, **(kwargs or {}))
