"""Starting S networks from a trained large network: each inherits a part of its channels."""

from cotrain.dividing.inheriting.inherit import inherit

__all__ = ["inherit"]
