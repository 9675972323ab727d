"""Two networks as functions: random weights for one, the same for the other, the largest error."""

import torch
from torch import nn


def randomize(network: nn.Module) -> None:
    """Every weight and every BatchNorm statistic drawn, so that no layer is close to nothing."""
    for name, tensor in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        if tensor.ndim > 1:
            tensor.normal_(0, (2 / tensor[0].numel()) ** 0.5)
        elif name.endswith(("running_var", "weight")):
            tensor.uniform_(0.5, 1.5)
        else:
            tensor.normal_(0, 0.1)


def copy_in_order(source: nn.Module, target: nn.Module) -> None:
    """The tensors of one, in their order, into the other; both must have the same shapes."""
    values = source.state_dict().values()
    names = target.state_dict().keys()
    target.load_state_dict(dict(zip(names, values, strict=True)))


def relative_error(ours: nn.Module, theirs: nn.Module, shape: tuple[int, ...]) -> float:
    """Largest difference of the answers in evaluation, over the largest answer, in float64."""
    ours, theirs = ours.double().eval(), theirs.double().eval()
    randomize(ours)
    copy_in_order(ours, theirs)
    images = torch.randn(shape, dtype=torch.float64)
    with torch.no_grad():
        expected = theirs(images)
        return ((ours(images) - expected).abs().max() / expected.abs().max()).item()
