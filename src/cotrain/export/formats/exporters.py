"""How the libraries that write and read files are called."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from cotrain.basics.errors import ConfigError


@contextmanager
def silenced() -> Iterator[None]:
    """Nothing is logged and nobody is warned inside: exporters comment on their own internals."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def reason(error: Exception) -> str:
    """The first line of an exporter's error, which may be pages long."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]


@contextmanager
def needs_export_extra() -> Iterator[None]:
    """Make a missing library of the ``export`` extra one clear line."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is not installed: pip install 'cotrain[export]'") from None
