"""Networks compiled where they are."""

from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch._dynamo.testing import CompileCounter

from cotrain.execution.compiling import compile_in_place, is_compiled


def blocks(*widths: int) -> nn.Sequential:
    layers = [nn.Linear(*pair) for pair in pairwise(widths)]
    return nn.Sequential(*(nn.Sequential(layer, nn.ReLU()) for layer in layers))


def test_equal_networks_are_compiled_once_and_whole(monkeypatch) -> None:
    """Blocks that differ would be compiled one by one, up to the limit of torch."""
    torch._dynamo.reset()
    counter, compiler = CompileCounter(), nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda self: compiler(self, backend=counter))
    networks: list[Any] = [blocks(3, 4, 5, 6), blocks(3, 4, 5, 6)]
    images = torch.randn(2, 3)
    for network in networks:
        expected = network(images)
        assert not is_compiled(network)
        compile_in_place(network)
        assert is_compiled(network)
        assert torch.equal(network(images), expected)
    assert counter.frame_count == 1
    assert counter.op_count == 6
