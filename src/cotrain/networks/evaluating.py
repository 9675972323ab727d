"""Evaluation mode for the length of a block, whatever the mode of each layer before."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(answering: object) -> Iterator[None]:
    """Put a module into evaluation mode inside; every layer has its own mode back after.

    What is no module, such as an exported file, is in that mode always.
    """
    if not isinstance(answering, nn.Module):
        yield
        return
    modes = [(layer, layer.training) for layer in answering.modules()]
    answering.eval()
    try:
        yield
    finally:
        for layer, training in modes:
            layer.training = training
