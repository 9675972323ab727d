"""Watch one forward pass: the shapes that enter modules, what is read, split and concatenated."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cotrain.dividing.any_network.by_structure.width_map import FEWEST
from cotrain.networks.evaluating import evaluating
from cotrain.networks.foreign.vocabulary import is_head_count

Shape = tuple[int, ...]


def run(network: nn.Module, image_shape: Sequence[int]) -> Any:
    """The outputs for two images without values, in evaluation mode."""
    tensor = next(network.parameters())
    with evaluating(network), torch.no_grad():
        return network(torch.zeros(2, *image_shape, device=tensor.device, dtype=tensor.dtype))


def first_tensor(value: Any) -> Tensor:
    """The first tensor of nested outputs."""
    return next(_tensors(value))


@contextmanager
def entering_watched(
    network: nn.Module, watch: Callable[[str, nn.Module, list[Shape]], Any]
) -> Iterator[None]:
    """Call ``watch`` with name, module and shapes of the inputs before each module runs."""

    def hook_of(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, kwargs: Any) -> None:
            shapes = [tuple(each.shape) for each in _tensors((args, kwargs))]
            if shapes:
                watch(name, module, shapes)

        return hook

    handles = [
        module.register_forward_pre_hook(hook_of(name), with_kwargs=True)
        for name, module in network.named_modules()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def reads_watched(network: nn.Module) -> Iterator[dict[str, set[str]]]:
    """Note which attributes are read from each module, by giving it a class that notes them."""
    reads: dict[str, set[str]] = {}
    kinds: dict[type, type] = {}
    notes = {id(module): reads.setdefault(name, set()) for name, module in network.named_modules()}

    def watched(kind: type) -> type:
        def note(self: Any, name: str) -> Any:
            notes[id(self)].add(name)
            return super(kinds[kind], self).__getattribute__(name)

        return type(
            kind.__name__, (kind,), {"__getattribute__": note, "__module__": kind.__module__}
        )

    originals = [(module, type(module)) for module in network.modules()]
    for module, kind in originals:
        module.__class__ = kinds.setdefault(kind, watched(kind))
    try:
        yield reads
    finally:
        for module, kind in originals:
            module.__class__ = kind


class PartsWatched(TorchFunctionMode):
    """Notes into what sizes tensors are split, and of what they are concatenated."""

    def __init__(self, modules: dict[str, nn.Module]) -> None:
        super().__init__()
        self.place = ""
        self.heads: dict[int, int] = {}
        self._modules = modules
        self.parts: set[Shape] = set()
        self.slices: set[Shape] = set()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        if name in ("cat", "concat", "concatenate", "split", "chunk", "tensor_split"):
            pieces = list(_tensors(args[0] if name.startswith("c") and name != "chunk" else result))
            for axis in range(pieces[0].dim()) if len(pieces) > 1 else ():
                sizes = tuple(each.shape[axis] for each in pieces)
                whole: Any = result if isinstance(result, Tensor) else args[0]
                if sum(sizes) == whole.shape[axis] and min(sizes) > 0:
                    self.parts.add(sizes)
                    if isinstance(result, tuple | list):
                        self._note_split(sizes)
        elif name in ("__getitem__", "narrow") and isinstance(args[0], Tensor):
            self._note_slice(args[0].shape, result.shape)
        return result

    def _note_split(self, sizes: Shape) -> None:
        """What is split within each head is split in all of them."""
        self.slices.add(sizes)
        name, heads = self.place, 1
        while name and heads == 1:
            name = name.rpartition(".")[0]
            heads = heads_of(self._modules[name])
        if heads > 1:
            whole = tuple(size * heads for size in sizes)
            self.heads.update(dict.fromkeys(whole, heads))
            self.slices.add(whole)
            self.parts.add(whole)

    def _note_slice(self, whole: Sequence[int], part: Sequence[int]) -> None:
        """A slice that leaves more than single entries out, of channels or of the last axis."""
        if len(whole) == len(part) > 1:
            rests = [
                (axis, w - p) for axis, (w, p) in enumerate(zip(whole, part, strict=True)) if w != p
            ]
            if len(rests) == 1 and rests[0][0] in (1, len(whole) - 1):
                axis, rest = rests[0]
                if min(rest, part[axis]) >= FEWEST:
                    self.parts.add((part[axis], rest))
                    self.slices.add((part[axis], rest))


def heads_of(module: nn.Module) -> int:
    """Heads that a module says it has; 1 if it does not."""
    found = [v for name, v in vars(module).items() if is_head_count(name) and isinstance(v, int)]
    return max([1, *found])


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _tensors(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _tensors(each)
