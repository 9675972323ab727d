"""Regularisation shrinks with capacity: the probabilities of a network's stochastic parts."""

from collections.abc import Iterator

from torch import nn

from cotrain.networks.foreign.vocabulary import probabilities_of_dropping


def divide_dropout(network: nn.Module, divisor: float) -> None:
    """Divide every probability of dropout, drop-path and the like by ``divisor``, in place."""
    for module, attribute in _probabilities(network):
        setattr(module, attribute, getattr(module, attribute) / divisor)


def dropout_rates(network: nn.Module) -> dict[str, float]:
    """The largest probability of each kind of stochastic part, such as ``DropPath``."""
    rates: dict[str, float] = {}
    for module, attribute in _probabilities(network):
        kind = type(module).__name__
        rates[kind] = max(rates.get(kind, 0.0), getattr(module, attribute))
    return rates


def _probabilities(network: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    """Every module with an attribute that is a probability above 0."""
    for module in network.modules():
        for name in probabilities_of_dropping(type(module).__name__):
            value = vars(module).get(name)
            if isinstance(value, float) and 0 < value < 1:
                yield module, name
