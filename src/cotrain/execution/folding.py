"""Fold each BatchNorm of a network in evaluation mode into the convolution before it."""

import warnings
from collections import Counter
from typing import TypeVar

from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

T = TypeVar("T", bound=nn.Module)


def folded(network: nn.Module) -> nn.Module:
    """``network`` as a graph whose foldable BatchNorms are part of their convolutions.

    The layers of ``network`` may become part of the graph: give a copy. It comes back as it is,
    with a warning, if its forward pass cannot be traced, or has hooks around it.
    """
    if _has_hooks(network):
        what = type(network).__name__
        warnings.warn(f"fold: {what} has hooks, which a graph would lose", stacklevel=2)
        return network
    try:
        traced = fx.symbolic_trace(network)
    except Exception as error:
        warnings.warn(f"fold: {type(network).__name__} cannot be traced ({error})", stacklevel=2)
        return network
    calls = Counter(str(node.target) for node in traced.graph.nodes if node.op == "call_module")
    for node in list(traced.graph.nodes):
        convolution = _foldable(traced, node, calls)
        if convolution is not None:
            _fold(traced, convolution, node)
    traced.recompile()
    traced.delete_all_unused_submodules()
    return traced


def _foldable(traced: fx.GraphModule, node: fx.Node, calls: Counter[str]) -> fx.Node | None:
    """The convolution that only this BatchNorm follows, each of them called once; else None."""
    layer = _layer(traced, node, nn.BatchNorm2d)
    if layer is None or layer.running_mean is None:
        return None
    before = node.args[0]
    if not isinstance(before, fx.Node) or _layer(traced, before, nn.Conv2d) is None:
        return None
    once = calls[str(node.target)] == calls[str(before.target)] == len(before.users) == 1
    return before if once else None


def _layer(traced: fx.GraphModule, node: fx.Node, kind: type[T]) -> T | None:
    """The layer that is called, if it is of this very class, whose weights nothing else makes."""
    if node.op != "call_module":
        return None
    layer = traced.get_submodule(str(node.target))
    return layer if type(layer) is kind and not _has_hooks(layer) else None


def _has_hooks(layer: nn.Module) -> bool:
    return bool(layer._forward_hooks or layer._forward_pre_hooks)


def _fold(traced: fx.GraphModule, convolution: fx.Node, norm: fx.Node) -> None:
    name = str(convolution.target)
    layers = traced.get_submodule(name), traced.get_submodule(str(norm.target))
    traced.set_submodule(name, fuse_conv_bn_eval(*layers))  # type: ignore[type-var]
    norm.replace_all_uses_with(convolution)
    traced.graph.erase_node(norm)
