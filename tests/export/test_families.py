"""A small network of every family answers in ONNX Runtime as in PyTorch, at any batch size."""

from dataclasses import replace

import onnxruntime
import pytest
import torch

from cotrain.export.formats.graph import graph_of
from cotrain.export.formats.onnx import to_model
from cotrain.export.program import NetworkProgram
from cotrain.networks import build, spec


def photo(name: str, **fields):
    return replace(spec(name, dataset="imagenet", num_classes=5, image_size=32), **fields)


def small(name: str, **fields):
    return replace(spec(name, num_classes=5, image_size=16), **fields)


# With random parts where a family has them: they are still when a network answers.
FAMILIES = {
    "resnet": lambda: small("resnet11", dropout=0.1),
    "resnet of photos": lambda: photo("resnet101", blocks=(1, 1, 1, 1)),
    "senet": lambda: small("se_resnet11", drop_block=0.1),
    "senet of photos": lambda: photo("senet154", blocks=(1, 1, 1, 1)),
    "resnexst": lambda: photo("resnexst50_4x16d", blocks=(1, 1, 1, 1)),
    "shake_shake": lambda: small("shake_resnet26_2x96d", width=4),
    "densenet": lambda: small("densenet10_4"),
    "pyramidnet": lambda: small("pyramidnet11_10"),
    "lightnet": lambda: small("efficientnetb0"),
    "lukemelas": lambda: photo("efficientnetb0", drop_connect=0.2),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_family(name: str) -> None:
    torch.manual_seed(0)
    description = FAMILIES[name]()
    network = build(description).eval()
    shape = (3, description.image_size, description.image_size)
    model = to_model(graph_of(NetworkProgram([network]), shape), ("logits",))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for size in (1, 5):
        images = torch.randn(size, *shape)
        (found,) = session.run(None, {"images": images.numpy()})
        with torch.no_grad():
            expected = network(images)
        assert expected.std() > 0
        torch.testing.assert_close(torch.from_numpy(found), expected, rtol=1e-4, atol=1e-5)
