"""The bank's files: what is read is what was said, and nothing that is of something else."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cotrain.basics.errors import ConfigError
from cotrain.training.bank import NEVER, Bank, Predictions, PredictionsOf, others_of
from cotrain.training.checkpoint import write_checkpoint

ASKED = PredictionsOf(into=3, images=6, classes=5, digest="of these", seed=0)
IMAGES = torch.tensor([4, 1])


def said(kept: int = 5, step: int = 7) -> tuple[Predictions, torch.Tensor]:
    logits = 3 * torch.randn(2, 5, generator=torch.Generator().manual_seed(1))
    predictions = Predictions.none(ASKED, kept)
    predictions.note(IMAGES, logits, step)
    return predictions, logits


def bank(folder: Path, member: int = 0) -> Bank:
    return Bank(folder, member, ASKED)


def test_what_is_read_is_what_was_said_to_the_precision_of_float16(tmp_path):
    predictions, logits = said()
    bank(tmp_path, 2).publish(predictions)
    found = bank(tmp_path).look()
    assert list(found) == [2]
    torch.testing.assert_close(
        found[2].logits(IMAGES), logits.log_softmax(-1), rtol=2**-10, atol=2**-20
    )
    assert found[2].steps.tolist() == [NEVER, 7, NEVER, NEVER, 7, NEVER]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["network2.pt"]


def test_the_most_probable_classes_are_kept_and_the_others_share_the_rest():
    predictions, logits = said(kept=2)
    wanted = logits.softmax(-1)
    least = wanted.topk(3, largest=False)
    wanted.scatter_(1, least.indices, least.values.mean(-1, keepdim=True).expand(-1, 3).clone())
    torch.testing.assert_close(predictions.logits(IMAGES).exp(), wanted, rtol=5e-3, atol=1e-4)
    assert predictions.values.shape == predictions.kept.shape == (6, 2)


def test_what_is_not_finite_is_not_noted():
    predictions, _ = said(step=3)
    predictions.note(IMAGES, torch.tensor([[torch.nan] * 5, [1.0, 0, 0, 0, 0]]), 9)
    assert predictions.steps[IMAGES].tolist() == [3, 9]
    assert predictions.logits(IMAGES).isfinite().all()


def test_others_are_known_where_each_has_said_something():
    first, second = said()[0], Predictions.none(ASKED, 5)
    second.note(torch.tensor([4]), torch.zeros(1, 5), 2)
    others, steps = others_of({1: first, 2: second}, IMAGES)
    assert others.known.tolist() == [[True, True], [True, False]]
    assert steps.tolist() == [[7, 7], [2, NEVER]]
    torch.testing.assert_close(others.logits[1, 0].exp(), torch.full((5,), 0.2), rtol=1e-3, atol=0)


def test_only_what_is_new_is_read(tmp_path):
    reader, writer = bank(tmp_path), bank(tmp_path, 1)
    assert reader.look() == {}
    writer.publish(said()[0])
    assert [list(reader.look()) for _ in range(2)] == [[1], []]
    writer.publish(said(step=8)[0])
    assert reader.look()[1].steps.max() == 8


def test_a_damaged_file_is_left_out_until_it_is_written_again(tmp_path, capsys):
    reader, writer = bank(tmp_path), bank(tmp_path, 1)
    writer.publish(said()[0])
    file = tmp_path / "network1.pt"
    file.write_bytes(file.read_bytes()[:-50])
    assert [reader.look(strict=True) for _ in range(2)] == [{}, {}]
    told = capsys.readouterr().out
    assert told == (
        f"cotrain: {file} is not a whole checkpoint of cotrain: it is left out until network 1 "
        "writes it again\n"
    )
    writer.publish(said()[0])
    assert list(reader.look()) == [1]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"images": 7}, "is of images=7, not 6"),
        ({"classes": 4}, "is of classes=4, not 5"),
        ({"digest": "of those"}, "is of other images"),
        ({"into": 2}, "is of into=2, not 3"),
        ({"seed": 1}, "is of seed=1, not 0"),
    ],
)
def test_predictions_of_something_else_are_refused_and_later_left_out(
    tmp_path, capsys, changed, reason
):
    other = replace(ASKED, **changed)
    Bank(tmp_path, 1, other).publish(Predictions.none(other, 5))
    with pytest.raises(ConfigError, match=f"network1.pt {reason}: choose another --output, or"):
        bank(tmp_path).look(strict=True)
    assert bank(tmp_path).look() == {}
    assert capsys.readouterr().out.endswith(f"network1.pt {reason}: it is left out\n")


@pytest.mark.parametrize(
    "changed",
    [
        {"values": torch.zeros(6, 5)},
        {"values": torch.full((6, 5), torch.nan, dtype=torch.float16)},
        {"kept": torch.full((6, 5), 5, dtype=torch.int32)},
        {"steps": torch.zeros(5, dtype=torch.int32)},
        {"steps": "seven"},
        {"of": "that"},
    ],
)
def test_a_file_of_something_else_is_no_prediction(tmp_path, changed):
    predictions = Predictions.none(ASKED, 5)
    state = {"of": vars(ASKED), **vars(predictions), **changed}
    write_checkpoint(state, tmp_path / "network1.pt")
    with pytest.raises(ConfigError, match="holds no predictions"):
        bank(tmp_path).look(strict=True)
