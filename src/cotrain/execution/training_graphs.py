"""Networks that train as captured graphs of one CUDA device: a forward and a backward pass each.

A step of a network is two launches, whatever its layers: where launching its kernels takes longer
than running them, the GPU no longer waits for Python.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from cotrain.basics.errors import ConfigError
from cotrain.execution.capturable import check_capturable
from cotrain.execution.cuda import WARM_UP, autocast_type, capturing
from cotrain.execution.drawing import drawing_nothing


class Graph(Protocol):
    """Work that is done again on the same memory."""

    def replay(self) -> None: ...


@dataclass(kw_only=True, eq=False)
class Captured:
    """The two graphs of a network, and the memory that they read and write.

    Args:
        forward: From ``view`` to ``logits``.
        backward: From ``gradient`` to ``gradients``; it follows its forward pass.
        view: [B, C, H, W].
        logits: [B, classes].
        gradient: Of the logits.
        parameters: Those that are trained and that the logits depend on.
        gradients: Of the parameters.
    """

    forward: Graph
    backward: Graph
    view: Tensor
    logits: Tensor
    gradient: Tensor
    parameters: Sequence[Tensor]
    gradients: Sequence[Tensor]
    passes: int = field(default=0, init=False)

    def __call__(self, view: Tensor) -> Tensor:
        anchor = self.gradient.new_empty((), dtype=torch.float32, requires_grad=True)
        return _Replayed.apply(self, view, anchor)  # type: ignore[no-any-return]

    def run_backward(self, gradient: Tensor) -> None:
        """Add the gradients of the last forward pass to the parameters' own.

        A parameter without one is given the memory that the graph writes to, until the next pass.
        """
        self.gradient.copy_(gradient)
        earlier = [parameter.grad for parameter in self.parameters]
        if all(each is None for each in earlier):
            self.backward.replay()
            found = self.gradients
        else:  # some of which may lie in that memory
            kept = [
                torch.zeros_like(own) if one is None else one.clone()
                for one, own in zip(earlier, self.gradients, strict=True)
            ]
            self.backward.replay()
            found = torch._foreach_add(kept, self.gradients)  # type: ignore[attr-defined]
        for parameter, own in zip(self.parameters, found, strict=True):
            parameter.grad = own


class _Replayed(torch.autograd.Function):
    """One node of autograd for a network: a node for each parameter takes longer than the graph.

    Its input is an ``anchor`` that needs a gradient, so that autograd calls it, and has whoever
    waits for gradients wait for its stream.
    """

    @staticmethod
    def forward(ctx: Any, captured: Captured, view: Tensor, anchor: Tensor) -> Tensor:
        captured.passes += 1
        ctx.captured, ctx.number, ctx.anchor = captured, captured.passes, anchor
        captured.view.copy_(view)
        captured.forward.replay()
        return captured.logits.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[None, None, Tensor]:  # type: ignore[override]
        captured: Captured = ctx.captured
        if ctx.number != captured.passes:
            raise RuntimeError("a graph ran forward again before it ran backward")
        captured.run_backward(grad_outputs[0])
        return None, None, torch.zeros_like(ctx.anchor)


class GraphedNetwork:
    """A network that trains as two graphs, captured for its first batch.

    They are captured anew when something changes that they hold fixed: a larger batch, another
    layout or type, layers frozen or thawed, weights that lie elsewhere. A smaller batch, such as an
    epoch's last, runs without.

    Args:
        index: Of the network, for messages.
        network: On a CUDA device.
    """

    def __init__(self, index: int, network: nn.Module) -> None:
        self._index, self._network = index, network
        self._captured: Captured | None = None
        self._fixed: object = None

    def __call__(self, view: Tensor) -> Tensor:
        """Logits [B, classes] of a view [B, C, H, W].

        Raises:
            ConfigError: The network does what no graph can hold.
        """
        captured = self._captured
        smaller = captured is not None and len(view) < len(captured.view)
        if smaller or not torch.is_grad_enabled():
            return self._network(view)
        fixed = _fixed(self._network, view)
        if captured is None or fixed != self._fixed:
            self._captured = captured = None  # its memory is the next one's
            captured = self._captured = self._capture(view)
            self._fixed = fixed
        return captured(view)

    def _capture(self, view: Tensor) -> Captured:
        network = self._network
        _check_without_hooks(self._index, network)
        kept = [(buffer, buffer.clone()) for buffer in network.buffers()]
        # Without what torch.compile made, which the watch cannot look into.
        eager: Any = network.forward
        try:
            with capturing():
                why = "a graph would repeat those of its first step"
                with torch.no_grad(), drawing_nothing([network], "cuda_graphs", why):
                    check_capturable([eager], [view], first=self._index)
                return captured_on_side(network, view.detach().clone())
        finally:
            for buffer, before in kept:  # statistics that the passes so far have moved
                buffer.copy_(before)


def captured_on_side(network: nn.Module, view: Tensor) -> Captured:
    """The graphs, captured on a stream beside the current one after some passes to warm up."""
    parameters = [each for each in network.parameters() if each.requires_grad]
    side, pool = torch.cuda.Stream(view.device), torch.cuda.graph_pool_handle()
    # Other threads, such as those that pin memory, may do there what a capture cannot hold.
    how: dict[str, Any] = {"pool": pool, "stream": side, "capture_error_mode": "thread_local"}

    def backward(logits: Tensor, gradient: Tensor) -> Sequence[Tensor | None]:
        found = torch.autograd.grad(logits, parameters, gradient, allow_unused=True)
        return [laid_out(*pair) for pair in zip(found, parameters, strict=True)]

    # The thread of backward passes gets its context from a first kernel; cuBLAS would warn.
    torch.ones(1, device=view.device, requires_grad=True).sum().backward()

    def warm_up() -> None:
        logits = network(view)
        backward(logits, torch.zeros_like(logits))

    side.wait_stream(torch.cuda.current_stream(view.device))
    with torch.cuda.stream(side):
        for _ in range(WARM_UP):
            warm_up()
    torch.cuda.current_stream(view.device).wait_stream(side)
    ahead, back = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
    with torch.cuda.graph(ahead, **how):
        logits = network(view)
    gradient = torch.zeros_like(logits)
    with torch.cuda.graph(back, **how):
        gradients = backward(logits, gradient)
    used = [pair for pair in zip(parameters, gradients, strict=True) if pair[1] is not None]
    return Captured(
        forward=ahead,
        backward=back,
        view=view,
        logits=logits.detach(),
        gradient=gradient,
        parameters=[parameter for parameter, _ in used],
        gradients=[own for _, own in used if own is not None],
    )


def laid_out(gradient: Tensor | None, parameter: Tensor) -> Tensor | None:
    """The gradient in the layout of the parameter, which optimizers of one kernel need."""
    if gradient is None or gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


def _check_without_hooks(index: int, network: nn.Module) -> None:
    """Raise ConfigError where Python runs between the layers, which a replay leaves out."""
    layers = [
        name or "itself"
        for name, each in network.named_modules()
        if each._forward_hooks or each._forward_pre_hooks or each._backward_hooks
    ]
    parameters = [name for name, each in network.named_parameters() if _hooks(each)]
    if hooked := [*layers, *parameters]:
        raise ConfigError(
            f"strategy='cuda_graphs': network {index} has a hook on {hooked[0]}, which no graph "
            "can hold: use 'streams' or 'loop'"
        )


def _hooks(parameter: Tensor) -> int:
    """How many wait for its gradient, which a graph writes without calling them."""
    waiting = parameter._backward_hooks, parameter._post_accumulate_grad_hooks  # type: ignore[attr-defined]
    return sum(len(each) for each in waiting if each)


def _fixed(network: nn.Module, view: Tensor) -> object:
    """What graphs are fixed to; tensors by where they lie."""
    layers = list(network.modules())  # one walk, as this is asked in every step
    modes = [(layer.training, len(layer._forward_hooks)) for layer in layers]
    parameters = [each for layer in layers for each in layer._parameters.values()]
    buffers = [each for layer in layers for each in layer._buffers.values()]
    places = [(p.data_ptr(), p.requires_grad, _hooks(p)) for p in parameters if p is not None]
    others = [each.data_ptr() for each in buffers if each is not None]
    return view.shape, view.stride(), view.dtype, autocast_type(), modes, places, others
