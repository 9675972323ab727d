"""What is saved holds what every callback has done by then."""

from typing import Any

import pytest
import pytorch_lightning as lightning
from pytorch_lightning.callbacks import EarlyStopping
from training_runs import final_state, read_metrics, tiny

from cotrain.training import fit


class Counting(lightning.Callback):
    """Counts steps and epochs, and stops the run after so many epochs."""

    def __init__(self, stops_after: int) -> None:
        self.stops_after = stops_after
        self.count = {"steps": 0, "epochs": 0}

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        self.count["steps"] += 1

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self.count["epochs"] += 1
        trainer.should_stop = self.count["epochs"] == self.stops_after

    def state_dict(self) -> dict[str, Any]:
        return dict(self.count)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.count = dict(state_dict)


def test_what_a_callback_stopped_stays_ended(tmp_path) -> None:
    run = tmp_path / "run"
    fit(tiny(epochs=4), run, progress=False, callbacks=[Counting(2)])
    rows = read_metrics(run)
    assert [row["epoch"] for row in rows] == [0, 1]
    steps = rows[-1]["step"]
    assert final_state(run)["callbacks"]["Counting"] == {"steps": steps, "epochs": 2}
    again = Counting(2)
    fit(tiny(epochs=4), run, progress=False, callbacks=[again], resume=True)
    assert again.count == {"steps": steps, "epochs": 2}
    assert read_metrics(run) == rows


def test_early_stopping_of_the_user_stays_ended(tmp_path) -> None:
    """Lightning asks it after the other callbacks."""
    run, settings = tmp_path / "run", tiny(epochs=5, data={"validation": 0.2})
    for resume in (False, True):
        stopping = EarlyStopping("val_accuracy", mode="max", patience=1, min_delta=1.0)
        fit(settings, run, progress=False, callbacks=[stopping], resume=resume)
        assert [row["epoch"] for row in read_metrics(run)] == [0, 1]
        assert final_state(run)["callbacks"]["RunKeeper"]["stopped"]


class Failing(lightning.Callback):
    """Fails at the end of the second epoch."""

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        if trainer.current_epoch == 1:
            raise RuntimeError("a callback of the user's")


def test_a_callback_that_was_cut_counts_as_the_run_does(tmp_path) -> None:
    """The epoch that was not saved is trained again, and counted once."""
    run = tmp_path / "run"
    with pytest.raises(RuntimeError, match="a callback of the user's"):
        fit(tiny(epochs=3), run, progress=False, callbacks=[Counting(0), Failing()])
    again = Counting(0)
    fit(tiny(epochs=3), run, progress=False, callbacks=[again], resume=True)
    rows = read_metrics(run)
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    assert again.count == {"steps": rows[-1]["step"], "epochs": 3}
