"""Networks that ``torch.compile`` compiles where they are, to be trained."""

from typing import Any

from torch import nn


def compile_in_place(network: nn.Module) -> None:
    """``network.compile()``, of the network as a whole.

    Torch 2.11 leaves out the frames of its own classes: of an ``nn.Sequential`` it would compile
    the children one by one, and after eight that differ run the others eagerly without a word.
    """
    with dynamo_config().patch(wrap_top_frame=True):
        network.compile()


def run_eagerly(network: nn.Module) -> None:
    """Undo ``compile_in_place``: a few answers in another mode are not worth compiling anew."""
    network._compiled_call_impl = None


def is_compiled(network: nn.Module) -> bool:
    """Whether ``network.compile()`` was called."""
    return network._compiled_call_impl is not None


def dynamo_config() -> Any:
    """Imported here because it takes seconds, and only compiling needs it."""
    import torch._dynamo.config

    return torch._dynamo.config
