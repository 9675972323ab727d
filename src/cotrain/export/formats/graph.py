"""From a module to the graph that every format is made of."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.export import ExportedProgram

from cotrain.basics.errors import ConfigError
from cotrain.export.formats.exporters import reason, silenced

_EXAMPLES = 2  # a batch of one would be taken for a constant


def graph_of(program: nn.Module, image_shape: Sequence[int]) -> ExportedProgram:
    """The graph of ``program`` for any number of images, without the paths of its source files.

    Args:
        program: Takes images [B, C, H, W].
        image_shape: [C, H, W].
    """
    batch = torch.export.Dim("batch")
    with silenced(), torch.no_grad():
        traced = torch.export.export(
            program, (torch.zeros(_EXAMPLES, *image_shape),), dynamic_shapes=({0: batch},)
        )
    for node in traced.graph.nodes:
        node.meta.pop("stack_trace", None)
    return traced


def refuse_untraceable(networks: Sequence[nn.Module], image_shape: Sequence[int]) -> None:
    """Raise ConfigError that names the first of the networks that cannot be traced alone."""
    for index, network in enumerate(networks):
        try:
            graph_of(network, image_shape)
        except Exception as error:  # whatever a network's own code raises
            raise ConfigError(
                f"network {index} ({type(network).__name__}) cannot be exported: {_cause(error)}"
            ) from error


def _cause(error: Exception) -> str:
    """Why a network cannot be traced, and the next step."""
    if "Constraints violated (batch)" in str(error):
        return "its code fixes the number of images, as len(x) does: use x.shape[0]"
    return f"{reason(error)}: change its code, or ship the ensemble's folder"
