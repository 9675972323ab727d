"""YAML of plain values: what it says of numbers, and nothing that grows or makes objects."""

import re
from typing import Any

import yaml

from cotrain.basics.errors import ConfigError
from cotrain.basics.plain import DEPTH, checked_digits, map_of, too_much

_CHARACTERS, _MOST = 2**18, 20_000  # of text, and nodes: a second; config.yaml has 3,000 and 150
_FLOAT = re.compile(r"[-+]?([0-9]+\.?|\.?[0-9])[0-9_]*[eE][-+]?[0-9]+$")


def load_yaml(text: str) -> Any:
    """The values that the text says.

    Raises:
        yaml.YAMLError, ValueError: It is not YAML.
        ConfigError: It has aliases, a key twice, or is too large within.
    """
    if len(text) > _CHARACTERS:
        raise ConfigError(f"more than {_CHARACTERS:,} characters: give a file that has fewer")
    return yaml.load(text, Loader=_Loader)


def dump_yaml(value: Any) -> str:
    """The text that :func:`load_yaml` reads as this value."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False)


class _Loader(yaml.SafeLoader):
    """Without aliases, by which some lines say more than memory holds, merged maps, and tags."""

    depth = nodes = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """The next node, counted."""
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            raise ConfigError(f"*{event.anchor} is an alias: write out what it is for")
        if event.tag is not None:
            raise ConfigError(f"{event.tag} is a tag, which is refused: give plain values")
        self.depth, self.nodes = self.depth + 1, self.nodes + 1
        if self.depth > DEPTH or self.nodes > _MOST:
            raise too_much()
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """A map whose keys are text or whole numbers."""
        return map_of(
            (self._key(key), self.construct_object(each, True)) for key, each in node.value
        )

    def _key(self, node: Any) -> str | int:
        key = self.construct_object(node, deep=True)
        if type(key) not in (str, int):
            raise ConfigError(f"{key!r} is a key: give text as keys")
        return key

    def construct_yaml_int(self, node: Any) -> int:
        """A whole number, of no more digits than numbers have."""
        checked_digits(node.value)
        return super().construct_yaml_int(node)


class _Dumper(yaml.SafeDumper):
    """Puts in quotes what the loader would take for a number."""

    def ignore_aliases(self, data: Any) -> bool:
        """What stands twice is written twice."""
        return True


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
# YAML 1.1 takes 1e-3 for text and 2020-01-01 for a date; here they are a number and text.
for _each in (_Loader, _Dumper):
    _each.yaml_implicit_resolvers = {
        first: [(tag, rule) for tag, rule in rules if not tag.endswith("timestamp")]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    _each.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))
