"""Files of others, YAML and JSON, read as plain values: regular files, UTF-8, of bounded size."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from cotrain.basics.errors import ConfigError
from cotrain.basics.plain import check_plain, checked_digits, map_of
from cotrain.basics.plain_yaml import load_yaml
from cotrain.basics.text import one_line

_BYTES = 2**24  # spec.json with 20,000 classes takes half a million


def read_json(path: Path) -> Any:
    """The plain values of a JSON file.

    Raises:
        ConfigError: It cannot be read, is not JSON in UTF-8, or holds more than plain values
            within limits.
    """
    return parse_json(read_text(path), str(path))


def parse_json(text: str | bytes, name: str) -> Any:
    """The plain values of JSON in UTF-8, which an error calls ``name``; see ``read_json``."""
    return _parsed(
        text if isinstance(text, str) else _decoded(text, name), name, "JSON", _load_json
    )


def parse_yaml(text: str, name: str) -> Any:
    """The plain values of YAML, which an error calls ``name``; see ``read_json``."""
    return _parsed(text, name, "YAML", load_yaml)


def read_text(path: Path, *, name: str | None = None) -> str:
    """The text of a regular file in UTF-8, which an error calls ``name``, or by its path.

    Raises:
        ConfigError: It cannot be read, is no regular file, not UTF-8, or larger than 16 MiB.
    """
    name = name or str(path)
    return _decoded(read_bytes(path, _BYTES, name), name)


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name} is no text in UTF-8 ({error.reason}): save it so") from None


def read_bytes(path: Path, limit: int, name: str | None = None) -> bytes:
    """The content of a regular file of at most ``limit`` bytes.

    Raises:
        ConfigError: It cannot be read, is no regular file, or is larger.
    """
    name = name or str(path)
    try:
        if not path.is_file():
            raise ConfigError(f"{name} is no file: give one")
        if path.stat().st_size > limit:
            raise ConfigError(f"{name} is larger than {limit:,} bytes: give another file")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{name} cannot be read ({error.strerror}): give another file") from None


def _parsed(text: str, name: str, kind: str, load: Callable[[str], Any]) -> Any:
    try:
        value = load(text)
        check_plain(value)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
    except RecursionError:
        raise ConfigError(f"{name}: more levels than can be read: give another file") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{name} is not {kind}: {one_line(error)}") from None
    return value


def _load_json(text: str) -> Any:
    return json.loads(
        text, object_pairs_hook=map_of, parse_int=lambda digits: int(checked_digits(digits))
    )
