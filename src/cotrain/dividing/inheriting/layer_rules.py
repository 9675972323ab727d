"""How channels go through layers: convolutions, matrix products, normalisation, attention."""

from cotrain.dividing.inheriting.axis import Axis, grid
from cotrain.dividing.inheriting.step import Output, Step, rule


@rule("convolution")
def convolution(step: Step) -> list[Output]:
    """Images [B, C, ...]; weight [outputs, inputs of a group, ...]."""
    if step.same("transposed"):
        step.refuse("it is transposed")
    step.same("stride")
    images, weight = step.label("input"), step.label("weight")
    step.require_fixed(*images.axes[2:], *weight.axes[2:])
    outputs, inputs = weight.axes[:2]
    groups = Axis(*step.pair("groups"))
    if groups.sizes == (1, 1):
        step.sum_over((images, images.axes[1]), (weight, inputs))
    else:
        each = [size // group for size, group in zip(outputs.sizes, groups.sizes, strict=True)]
        step.tie(outputs, grid((groups, Axis(*each))))
        step.tie(images.axes[1], grid((groups, inputs)))
        step.sum_over((weight, inputs))
    step.tie_vector("bias", outputs)
    return [(images.axes[0], outputs, *map(step.new, range(2, len(images.axes))))]


@rule("mm", "bmm")
def product(step: Step) -> list[Output]:
    """[..., n, k] times [..., k, m]."""
    left, right = step.label("self"), step.label("mat2")
    step.sum_over((left, left.axes[-1]), (right, right.axes[-2]))
    batch = step.broadcast(left.axes[:-2], right.axes[:-2])
    return [(*batch, left.axes[-2], right.axes[-1])]


@rule("addmm")
def linear(step: Step) -> list[Output]:
    """[n, k] times [k, m], plus a bias."""
    left, right = step.label("mat1"), step.label("mat2")
    step.sum_over((left, left.axes[-1]), (right, right.axes[-2]))
    return [step.broadcast((left.axes[0], right.axes[1]), step.axes("self"))]


@rule("_scaled_dot_product_flash_attention_for_cpu", "scaled_dot_product_attention")
def attention(step: Step) -> list[Output]:
    """Query [B, heads, n, d], key [B, heads, m, d], value [B, heads, m, e]."""
    query, key, value = (step.axes(name) for name in ("query", "key", "value"))
    step.tie(query[-1], key[-1])
    step.require_fixed(query[-2], key[-2], value[-2])
    return [(*step.broadcast(query[:-2], key[:-2], value[:-2]), query[-2], value[-1])]


@rule("_native_batch_norm_legit_no_training", "_native_batch_norm_legit")
def batch_norm(step: Step) -> list[Output]:
    """Channels are dimension 1."""
    axes = step.axes("input")
    for name in ("weight", "bias", "running_mean", "running_var"):
        if name in step.operation.arguments:
            step.tie_vector(name, axes[1])
    return [axes]


@rule("native_layer_norm", "_fused_rms_norm")
def layer_norm(step: Step) -> list[Output]:
    """Over the last dimensions, which the weight and the bias have too."""
    axes = step.axes("input")
    for name in ("weight", "bias"):
        if name in step.operation.arguments and step.has(name):
            step.broadcast(axes, step.axes(name))
    return [axes]


@rule("native_group_norm")
def group_norm(step: Step) -> list[Output]:
    """Each group of neighbouring channels by itself; channels are dimension 1."""
    axes = step.axes("input")
    groups = Axis(*step.pair("group"))
    each = [size // group for size, group in zip(axes[1].sizes, groups.sizes, strict=True)]
    step.tie(axes[1], grid((groups, Axis(*each))))
    for name in ("weight", "bias"):
        step.tie_vector(name, axes[1])
    return [axes]


@rule(
    "_adaptive_avg_pool2d",
    "avg_pool2d",
    "max_pool2d_with_indices",
    "upsample_bilinear2d",
    "upsample_nearest2d",
)
def spatial(step: Step) -> list[Output]:
    """Each channel by itself: [B, C, ...]."""
    axes = step.tensors()[0].axes
    step.require_fixed(*axes[2:])
    return [(*axes[:2], *map(step.new, range(2, len(axes))))]


@rule("embedding")
def embedding(step: Step) -> list[Output]:
    """Rows of a table."""
    table = step.axes("weight")
    step.require_fixed(table[0])
    return [(*step.axes("indices"), table[1])]
