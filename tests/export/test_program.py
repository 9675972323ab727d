"""What a file computes, against formulas of its own."""

import pytest
import torch

from cotrain.ensemble.combining import OUTPUTS, outputs_of
from cotrain.export.program import EnsembleProgram, NetworkProgram


def test_outputs_by_hand():
    logits = torch.tensor([[[4.0, 0.0, 0.0]], [[3.0, 0.0, 0.0]], [[0.0, 2.0, 0.0]]])
    p = logits.softmax(-1)[:, 0]
    mean = p.mean(0)

    def entropy(q):
        return -(q * q.log()).sum(-1)

    found = outputs_of(logits, "mean_probabilities")
    assert tuple(found) == OUTPUTS
    torch.testing.assert_close(found["probabilities"][0], mean)
    assert found["disagreement"].tolist() == pytest.approx([1 / 3])
    information = entropy(mean) - entropy(p).mean()
    torch.testing.assert_close(found["mutual_information"], information[None])
    assert found["logits"] is logits


def test_pixels_are_normalised_inside(ensemble, pixels):
    program = EnsembleProgram(
        ensemble.networks, combine="max_logits", normalization=ensemble.spec.preprocessing
    )
    with torch.no_grad():
        expected = ensemble((pixels.float() / 255 - 0.5) / 0.25)
        found = program(pixels.float())
    torch.testing.assert_close(found["logits"], expected)
    torch.testing.assert_close(found["probabilities"], expected.amax(0).softmax(-1))


def test_half_precision_copies_the_networks_and_answers_in_float32(ensemble, pixels):
    program = NetworkProgram([ensemble.networks[1]], half=True)
    with torch.no_grad():
        found = program(pixels.float() / 255)["logits"]
        expected = ensemble.networks[1](pixels.float() / 255)
    assert found.dtype == torch.float32
    assert next(program.parameters()).dtype == torch.float16
    assert next(ensemble.parameters()).dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=1e-2, atol=1e-2)
    assert not torch.equal(found, expected)
