"""How the tests check the types and shapes of a function's arguments and of what it gives."""

from collections.abc import Callable

from beartype import BeartypeConf, beartype

# A whole number will do where a float is asked for.
_check = beartype(conf=BeartypeConf(is_pep484_tower=True))


def checked(function: Callable) -> Callable:
    """The function with checks; a protocol, which asks for what an object does, takes any."""
    function.__annotations__ = {
        name: object if getattr(hint, "_is_protocol", False) else hint
        for name, hint in function.__annotations__.items()
    }
    return _check(function)
