"""Networks that draw random numbers in training, which not every strategy can let them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from cotrain.basics.errors import ConfigError


@contextmanager
def drawing_nothing(networks: Sequence[nn.Module], strategy: str, why: str) -> Iterator[None]:
    """Refuse networks that draw random numbers inside.

    Args:
        networks: Where they are.
        strategy: What cannot let them.
        why: What would become of the numbers.

    Raises:
        ConfigError: One has drawn.
    """
    before = _random_state(networks)
    yield
    if not torch.equal(before, _random_state(networks)):
        raise ConfigError(
            f"strategy={strategy!r}: a network draws random numbers in training (dropout, "
            f"stochastic depth), and {why}: use strategy='loop'"
        )


def _random_state(networks: Sequence[nn.Module]) -> Tensor:
    """The state of every generator that the networks could draw from."""
    gpus = {t.device for network in networks for t in network.parameters() if t.is_cuda}
    states = [torch.cuda.get_rng_state(gpu) for gpu in sorted(gpus, key=str)]
    return torch.cat([torch.get_rng_state(), *states])
