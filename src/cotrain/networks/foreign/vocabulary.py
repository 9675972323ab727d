"""What names mean in the code of other libraries: of arguments, of attributes, of classes.

All that is known of a network by names alone stands here; what is known by shapes stands with
what looks at them.
"""

import re
from typing import Literal

Meaning = Literal["width", "factor", "unit", "count", "step"]

# --- Arguments of constructors: what the words of a name say of its numbers.
_WIDTH = re.compile(
    "dims?|dimensions?|channels?|chans?|chs?|c|widths?|hidden|features|planes|inplanes|filters"
    "|growth|embed|embedding|embd|intermediate|wa|inner"
)
_WIDTH_NAMES = {"stem_size", "d_model", "d_ff", "w0"}
_FACTOR = re.compile("width|widen|multiplier|mult|scale|factor")
# Factors that weights are multiplied by, not widths.
_NO_FACTOR = re.compile("init|layer")
# Not widths though named alike: shares, sizes of the input, and depths.
_NEVER = re.compile(
    "ratios?|mul|reduction|eps|state|classes|img|image|patch|kernel|window|depths?|layers|blocks"
    "|prob|drop|min|div|divisor|deepen|deep|pos"
)
_UNIT_NAMES = re.compile("gs|(.*_)?(head_dims?|dim_heads?|group_size|group_widths?|key_dim|qk_dim)")
_COUNT = re.compile("heads?|groups?")
_STEPS = {"divisor", "ch_div", "round_nearest"}
# A factor is about 1; a width of fewer channels is not worth dividing.
_LEAST_WIDTH = 4
_PER_WIDTH = {"base_width", "width_per_group"}
_HIDDEN_RATIOS = re.compile("(.*_)?(mlp|exp|expan|expand|expansion|ffn)_ratios?")

# --- Attributes of modules.
_NO_WIDTH = re.compile(
    r"(window|win|partition|patch|block|grid|img|image|input|feat|halo|kernel|pool|fmap|stride|seq|base)_?"
    r"(size|shape|len|length|resolution)|(^|_)(n|num|nb)_(heads?|classes|patches|tokens|layers|"
    r"stages|blocks|prefix|groups|bases|scales|levels|head)|heads$|classes|depth|stride|"
    r"padding|dilation|kernel|resolution|reduction|ratio|groups|^(h|w|height|width|area|epochs?)$|"
    r"prob|drop|eps|momentum|radix|grid|idx$|index$|area|bias_shape|max_position|prefix_tokens"
)
_HEAD_WIDTH = re.compile(
    r"head_?(dim|size|width|channels|features)|dim_?(per_)?head|(^|_)(key|val|value|qk|v|k)_?dim"
    r"|dim_head|dim_qk|dim_v|^d$"
)
_HEADS = re.compile(r"^(num_|n_|nb_)?(attention_|attn_|kv_|key_value_)*n?heads?$")
_SCALE = re.compile(r"scale|scaling|norm_fac|temperature|sqrt")
_NO_SCALE = re.compile(r"drop|prob|eps|momentum|slope|ratio|rate|init|alpha|factor|^p$")
# Probabilities in layers of torch, torchvision, timm and transformers.
_PROBABILITIES = (
    "drop_prob",
    "drop_rate",
    "dropout",
    "dropout_prob",
    "attn_drop_rate",
    "attention_dropout",
    "stochastic_depth_prob",
)


def meaning_of(argument: str, value: int | float) -> Meaning | None:
    """What a number of a constructor's arguments is; None if it is nothing that dividing changes.

    ``width``: a number of channels; ``factor``: what all widths are multiplied by; ``unit``:
    channels of an attention head or of a group; ``count``: how many of them; ``step``: what the
    constructor rounds widths to.
    """

    def says(pattern: re.Pattern[str]) -> bool:
        return any(pattern.fullmatch(word) for word in re.findall("[a-z]+", argument.lower()))

    whole = float(value).is_integer()
    if argument in _STEPS:
        return "step" if whole else None
    if _UNIT_NAMES.fullmatch(argument):
        return "unit" if value > 1 and whole else None
    if says(_NEVER) and argument not in _WIDTH_NAMES:
        return None
    if says(_COUNT) and not says(_WIDTH):
        return "count" if whole else None
    if isinstance(value, float) and value < _LEAST_WIDTH:
        return "factor" if says(_FACTOR) and not says(_NO_FACTOR) else None
    if argument in _WIDTH_NAMES or says(_WIDTH):
        return "width" if value >= _LEAST_WIDTH else None
    return None


def is_per_width(argument: str) -> bool:
    """Whether it is what a block has inside per 64 of its width: it shrinks with that width."""
    return argument in _PER_WIDTH


def is_hidden_ratio(argument: str) -> bool:
    """Whether it says how many times wider a block is inside than outside."""
    return _HIDDEN_RATIOS.fullmatch(argument) is not None


def may_be_width(attribute: str) -> bool:
    """Whether a number of channels may be kept so; the last part of a dotted name counts."""
    return not _NO_WIDTH.search(attribute.rpartition(".")[2])


def is_head_width(attribute: str) -> bool:
    """Whether it says how wide one head of an attention is."""
    return _HEAD_WIDTH.search(attribute) is not None


def is_head_count(attribute: str) -> bool:
    """Whether it says how many heads an attention has."""
    return _HEADS.match(attribute) is not None


def may_be_scale(attribute: str) -> bool:
    """Whether a power of a width may be kept so."""
    return not _NO_SCALE.search(attribute)


def is_scale(attribute: str) -> bool:
    """Whether it is called what products of queries and keys are multiplied by."""
    return _SCALE.search(attribute.lower()) is not None


def is_rotary(kind: str) -> bool:
    """Whether modules of a class of this name hold tables of rotary positions."""
    return any(part in kind.lower() for part in ("rotary", "rope"))


def probabilities_of_dropping(kind: str) -> tuple[str, ...]:
    """The attributes of a class of this name that may hold a probability."""
    # ``p`` is a power elsewhere: of a pooling, of a norm.
    drops = kind.startswith(("Drop", "Stochastic"))
    return ("p", *_PROBABILITIES) if drops else _PROBABILITIES
