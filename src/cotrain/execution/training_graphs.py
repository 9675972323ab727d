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
        parameters: Those that are trained.
        gradients: Of the parameters; None for one that the logits do not depend on.
    """

    forward: Graph
    backward: Graph
    view: Tensor
    logits: Tensor
    gradient: Tensor
    parameters: Sequence[Tensor]
    gradients: Sequence[Tensor | None]
    passes: int = field(default=0, init=False)

    def __call__(self, view: Tensor) -> Tensor:
        return _Replayed.apply(self, view, *self.parameters)  # type: ignore[no-any-return]


class _Replayed(torch.autograd.Function):
    """One node of autograd: what it returns is copied, as the next pass writes to the same memory.

    Gradients above all: those that autograd is given it keeps, and adds to.
    """

    @staticmethod
    def forward(ctx: Any, captured: Captured, view: Tensor, *_: Tensor) -> Tensor:
        captured.passes += 1
        ctx.captured, ctx.number = captured, captured.passes
        captured.view.copy_(view)
        captured.forward.replay()
        return captured.logits.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Any) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        captured: Captured = ctx.captured
        if ctx.number != captured.passes:
            raise RuntimeError("a graph ran forward again before it ran backward")
        captured.gradient.copy_(grad_outputs[0])
        captured.backward.replay()
        made = [gradient for gradient in captured.gradients if gradient is not None]
        copies = iter(torch._foreach_mul(made, 1))  # type: ignore[attr-defined]
        return None, None, *(None if g is None else next(copies) for g in captured.gradients)


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
        return torch.autograd.grad(logits, parameters, gradient, allow_unused=True)

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
    return Captured(
        forward=ahead,
        backward=back,
        view=view,
        logits=logits.detach(),
        gradient=gradient,
        parameters=parameters,
        gradients=gradients,
    )


def _check_without_hooks(index: int, network: nn.Module) -> None:
    """Raise ConfigError where Python runs between the layers, which a replay leaves out."""
    for name, layer in network.named_modules():
        if layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks:
            raise ConfigError(
                f"strategy='cuda_graphs': network {index} has a hook on {name or 'itself'}, which "
                "no graph can hold: use 'streams' or 'loop'"
            )


def _fixed(network: nn.Module, view: Tensor) -> object:
    """What graphs are fixed to; tensors by where they lie."""
    layers = [(layer.training, len(layer._forward_hooks)) for layer in network.modules()]
    tensors = [*network.parameters(), *network.buffers()]
    places = [(each.data_ptr(), each.requires_grad) for each in tensors]
    return view.shape, view.stride(), view.dtype, autocast_type(), layers, places
