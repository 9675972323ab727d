"""Regularisation shrinks with capacity: the probabilities of a network's stochastic parts."""

from collections.abc import Iterator

from torch import nn

# Attributes that hold a probability in layers of torch, torchvision, timm and transformers.
_PROBABILITIES = (
    "drop_prob",
    "drop_rate",
    "dropout",
    "dropout_prob",
    "attn_drop_rate",
    "attention_dropout",
    "stochastic_depth_prob",
)


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
        kind = type(module).__name__
        # ``p`` is a power elsewhere: of a pooling, of a norm.
        drops = kind.startswith(("Drop", "Stochastic"))
        for name in ("p", *_PROBABILITIES) if drops else _PROBABILITIES:
            value = vars(module).get(name)
            if isinstance(value, float) and 0 < value < 1:
                yield module, name
