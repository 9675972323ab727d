"""Shapes in signatures, such as ``Float[Tensor, "S B C"]``: an axis has one size in a call.

S networks, B images of a batch, N images of a set, C classes or an image's channels (which are
``channels`` where both occur), H W pixels. ``#S`` is S or 1, ``*S_B`` any number of axes, ``_`` any
size. An axis alone has a space before it, so that it is not taken for a type.

At run time, and to a type checker, these are ``Annotated``: the tensor's type and a note. The tests
put jaxtyping in the place of this module, which checks type and shape in every call.
"""

from typing import Annotated as Bool
from typing import Annotated as Float
from typing import Annotated as Int
from typing import Annotated as Shaped
from typing import Annotated as UInt8

__all__ = ["Bool", "Float", "Int", "Shaped", "UInt8"]
