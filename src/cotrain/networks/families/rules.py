"""What families share in reading names and in dividing.

Source of the division: arXiv:2011.14660, Table I and Section III-A.
"""

from cotrain.basics.errors import ConfigError, IndivisibleError

# About width / sqrt(S), as published: stem widths for small images, and for photos.
_STEM_WIDTHS = {16: {2: 12, 4: 8, 8: 6, 16: 4}, 64: {2: 44, 4: 32, 8: 24}}


def divided_stem(width: int, into: int) -> int:
    """The published stem width of one of ``into`` networks; the stages follow the stem."""
    table = _STEM_WIDTHS.get(width, {})
    if into not in table:
        known = f"{width} -> {table}" if table else str(_STEM_WIDTHS)
        raise IndivisibleError(f"the table of stem widths ({known}) has no entry")
    return table[into]


def divided_groups(groups: int, into: int) -> int:
    """Cost is linear in the groups: groups / S; group width and stage widths are kept."""
    if groups % into:
        raise IndivisibleError(f"its {groups} groups are not divisible by {into}")
    return groups // into


def equal_stages(arch: str, depth: int, per_block: int, extra: int) -> tuple[int, int, int]:
    """Blocks of each of three equal stages of a network of ``depth`` layers.

    Args:
        arch: The name, for the error.
        depth: Layers as the name counts them.
        per_block: Layers of a block.
        extra: Layers that are in no block.
    """
    step = per_block * 3
    blocks, rest = divmod(depth - extra, step)
    if rest or blocks < 1:
        nearest = step * max(1, round((depth - extra) / step)) + extra
        raise ConfigError(
            f"network={arch!r}: depth {depth} is not {step}n+{extra}: the nearest is {nearest}"
        )
    return blocks, blocks, blocks
