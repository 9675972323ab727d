"""Trained weights for a whole network: its library's own, or given ones; all are taken, or none.

Libraries pass over tensors that do not fit, so that the classifier may be another; what else was
passed over is an error here.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from textwrap import shorten
from typing import Any

from torch import Tensor, nn

from cotrain.basics.errors import ConfigError
from cotrain.basics.text import one_line
from cotrain.basics.watching import at_work
from cotrain.networks.foreign.libraries.library import errors_alone
from cotrain.networks.foreign.names import builder_of, library_of
from cotrain.networks.foreign.spec import ForeignSpec
from cotrain.networks.heads import is_of_head, load_but_head, start_small


def fetched_network(spec: ForeignSpec) -> nn.Module:
    """The network with the weights that its library has for its name, fetched, or cached by it.

    Its classifier is fresh where it is of another number of classes.

    Raises:
        ConfigError: The library has none, or they cannot be fetched.
    """
    library = library_of(spec)
    if library.fetch is None:
        raise ConfigError(
            f"pretrained=true, but nobody keeps weights of {spec.arch}: give their file instead"
        )
    try:
        # The hub logs every try, of which it makes some in a minute.
        with (
            at_work(f"fetching the weights of {spec.arch}"),
            errors_alone("huggingface_hub"),
            _watched() as passed_over,
        ):
            network = library.fetch(spec)
    except (ConfigError, MemoryError):
        raise
    except Exception as error:  # whatever a library, its hub or its network raises
        raise ConfigError(
            f"pretrained=true: the weights of {spec.arch} cannot be had "
            f"({shorten(one_line(error), 160)}): "
            f"{library.source(spec)}; fetch them where there is a connection, and give the file "
            "with --pretrained FILE"
        ) from None
    lacking = [name for name in passed_over["missing"] if not is_of_head(name, network)]
    if passed_over["missing"]:
        start_small(network)
    if lacking:
        raise ConfigError(
            f"pretrained=true: the weights of {spec.arch} lack {lacking[0]} for images of "
            f"{spec.in_channels} x {spec.image_size} pixels: give its own image size"
        )
    return network


def network_with(spec: ForeignSpec, state: Mapping[str, Tensor], source: str) -> nn.Module:
    """The network with given weights; its classifier is fresh if it is of other classes.

    Args:
        spec: A whole network.
        state: Tensors by the library's names.
        source: What an error calls them.

    Raises:
        ConfigError: A tensor lacks, is too many, or has another shape.
    """
    library = library_of(spec)
    try:
        with _watched() as passed_over:
            if library.adapt is None:
                network = builder_of(spec)()
                load_but_head(network, state)
            else:
                network = library.adapt(spec, state)
    except ConfigError:
        raise
    except Exception as error:  # load_state_dict's RuntimeError, or a library's own on the way
        raise _misfit(spec, source, one_line(error)) from None
    for kind, names in passed_over.items():
        left = [name for name in names if not is_of_head(name, network)]
        if left:
            problem = "lacks" if kind == "missing" else "has"
            raise _misfit(spec, source, f"it {problem} {left[0]}")
    if passed_over["missing"]:
        start_small(network)
    return network


@contextmanager
def _watched() -> Iterator[dict[str, list[str]]]:
    """Names of the tensors that every loading inside passes over: missing, or unexpected.

    A library that loads for its own classifier only logs them.
    """
    passed_over: dict[str, list[str]] = {"missing": [], "unexpected": []}
    load = nn.Module.load_state_dict

    def watched(self: nn.Module, *words: Any, **named: Any) -> Any:
        result = load(self, *words, **named)
        passed_over["missing"] += result.missing_keys
        passed_over["unexpected"] += result.unexpected_keys
        return result

    nn.Module.load_state_dict = watched  # type: ignore[method-assign]
    try:
        yield passed_over
    finally:
        nn.Module.load_state_dict = load  # type: ignore[method-assign]


def _misfit(spec: ForeignSpec, source: str, problem: str) -> ConfigError:
    return ConfigError(
        f"pretrained={source} does not fit {spec.arch} ({shorten(problem, 160)}): give weights of "
        "this network"
    )
