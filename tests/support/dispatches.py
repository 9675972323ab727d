"""What a GPU would be asked to do, counted on the CPU: the operations that torch dispatches."""

from collections import Counter
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

# Python reads a number from a tensor, or makes a tensor of its own numbers: a GPU is waited for.
WAITS = ("_local_scalar_dense", "lift_fresh", "nonzero", "equal")


class Dispatches(TorchDispatchMode):
    """Counts operations by name, of autograd's backward pass too; views are none."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if not func.is_view:
            self.counts[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))

    @property
    def total(self) -> int:
        """All of them."""
        return self.counts.total()

    @property
    def waits(self) -> list[str]:
        """Those that a GPU would be waited for."""
        return [name for name in WAITS if self.counts[name]]
