"""A training state is read back verified, or the one before it; no code in it is run."""

from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from pickles import poison

from cotrain import ConfigError, TrainingError
from cotrain.basics.files import digest
from cotrain.training.checkpoint import (
    check_can_be_read,
    newest_checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from cotrain.training.saving import VerifiedCheckpoints

__all__ = ["poison"]


def seal(path: Path, body: bytes) -> None:
    """Forge a whole checkpoint: eight letters and the digest of the body follow it."""
    path.write_bytes(body + b"cotrain1" + bytes.fromhex(digest(body)))


STATE = {
    "step": 7,
    "loss": float("nan"),
    "names": ["a", ("b", None, True)],
    "weights": OrderedDict(w=torch.arange(6.0).view(2, 3)),
    "half": torch.ones(2, dtype=torch.bfloat16),
    "random": torch.get_rng_state(),
}


def test_weights_that_a_started_process_sends_back_have_no_callbacks(tmp_path):
    """Lightning saves them by the same way where it has forked the processes."""
    VerifiedCheckpoints().save_checkpoint({"weight": torch.ones(2)}, tmp_path / "weights")
    assert torch.equal(read_checkpoint(tmp_path / "weights")["weight"], torch.ones(2))


def test_a_loader_that_dies_while_a_state_is_checked_is_no_fault_of_the_state(monkeypatch):
    def died(*_):
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed.")

    monkeypatch.setattr(torch, "save", died)
    with pytest.raises(RuntimeError, match="pid 7"):
        check_can_be_read({"callbacks": {"own": {"step": 1}}})


def test_a_training_state_is_read_back(tmp_path):
    write_checkpoint(STATE, tmp_path / "deep" / "last.ckpt")
    state = read_checkpoint(tmp_path / "deep" / "last.ckpt")
    assert list(state) == list(STATE)
    assert (state["step"], state["names"]) == (7, ["a", ("b", None, True)])
    assert state["loss"] != state["loss"]
    assert torch.equal(state["weights"]["w"], STATE["weights"]["w"])
    assert state["half"].dtype == torch.bfloat16
    assert torch.equal(state["random"], STATE["random"])


def test_torch_reads_a_training_state_too(tmp_path):
    write_checkpoint({"step": 3}, tmp_path / "last.ckpt")
    assert torch.load(tmp_path / "last.ckpt", weights_only=True) == {"step": 3}


def test_the_newest_is_read_and_the_one_before_is_kept(tmp_path):
    path = tmp_path / "last.ckpt"
    assert newest_checkpoint(path) == (None, None)
    for step in (1, 2, 3):
        write_checkpoint({"step": step}, path)
        assert newest_checkpoint(path) == ({"step": step}, None)
    assert read_checkpoint(tmp_path / "last.ckpt.previous") == {"step": 2}
    assert len(list(tmp_path.iterdir())) == 2


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "missing":
        path.unlink()
    elif how == "bit":
        path.write_bytes(content[:50] + bytes([content[50] ^ 1]) + content[51:])
    else:
        path.write_bytes(content[: {"empty": 0, "cut": -1, "half": len(content) // 2}[how]])


@pytest.mark.parametrize("how", ["missing", "empty", "cut", "half", "bit"])
def test_a_damaged_newest_falls_back_to_the_one_before(tmp_path, how):
    path = tmp_path / "last.ckpt"
    write_checkpoint({"step": 1}, path)
    write_checkpoint({"step": 2}, path)
    damage(path, how)
    state, notice = newest_checkpoint(path)
    assert state == {"step": 1}
    reason = "is missing" if how == "missing" else "is not a whole checkpoint of cotrain"
    assert notice == f"{path} {reason}: using the one before"


@pytest.mark.parametrize("how", ["missing", "empty", "cut", "half", "bit"])
def test_without_a_whole_one_there_is_an_error(tmp_path, how):
    path = tmp_path / "last.ckpt"
    write_checkpoint({"step": 1}, path)
    write_checkpoint({"step": 2}, path)
    damage(path, "half")
    damage(tmp_path / "last.ckpt.previous", how)
    with pytest.raises(TrainingError, match="start again with a new --output") as caught:
        newest_checkpoint(path)
    assert str(caught.value).count(str(path)) == 2
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"\x80\x02", b"garbage", b"\x80\x02cos\nsystem\n.", b"PK"])
def test_a_forged_checkpoint_is_refused(tmp_path, body):
    seal(tmp_path / "last.ckpt", body)
    with pytest.raises(ConfigError, match=r"last\.ckpt is refused: .") as caught:
        read_checkpoint(tmp_path / "last.ckpt")
    assert "\n" not in str(caught.value)


def test_a_full_disk_keeps_the_last_checkpoints(tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    write_checkpoint({"step": 1}, path)
    write_checkpoint({"step": 2}, path)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TrainingError, match="No space left on device"):
        write_checkpoint({"step": 3}, path)
    assert newest_checkpoint(path) == ({"step": 2}, None)
    assert read_checkpoint(tmp_path / "last.ckpt.previous") == {"step": 1}


def test_a_pickle_offered_as_training_checkpoint_is_not_executed(tmp_path, poison):
    content, created = poison
    path = tmp_path / "last.ckpt"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is not a whole checkpoint of cotrain"):
        read_checkpoint(path)
    write_checkpoint({}, path)
    seal(path, content)
    with pytest.raises(ConfigError, match="is refused"):
        read_checkpoint(path)
    assert not created.exists()
