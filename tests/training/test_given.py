"""``fit`` on what a program gives: trained as other images are, resumed to the same weights."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as lightning
from pytorch_lightning.callbacks import (
    BatchSizeFinder,
    EarlyStopping,
    EMAWeightAveraging,
    GradientAccumulationScheduler,
    LearningRateFinder,
    ModelCheckpoint,
    StochasticWeightAveraging,
    TQDMProgressBar,
)
from pytorch_lightning.loggers import CSVLogger
from training_runs import final_weights, same, tiny
from user_datasets import Listed, noisy, turned

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Data, Teacher, Views
from cotrain.config.recipes import load_recipe
from cotrain.data import UserData, read_record
from cotrain.evaluation.images import images_to_test
from cotrain.training import fit

SETTINGS = replace(tiny(), data=Data(), views=Views(), batch_size=8)
PARTS = tuple(Listed(noisy(count, seed=seed)) for seed, count in enumerate((24, 8, 8)))
UNDRAWN = UserData(train=PARTS[0], val=PARTS[1], test=PARTS[2])
DRAWN = UserData(train=PARTS[0], val=PARTS[1], test=PARTS[2], transform=turned)


class Stop(lightning.Callback):
    """Stops the run in its second epoch."""

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.current_epoch == 1 and batch_idx == 1:
            raise KeyboardInterrupt


class Keeping(lightning.Callback):
    """Keeps something, and takes it up again."""

    def __init__(self, kept: Any = None) -> None:
        self.kept = kept

    def state_dict(self) -> dict[str, Any]:
        return {"kept": self.kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.kept = state_dict["kept"]


@pytest.mark.parametrize("data", [PARTS, DRAWN], ids=["settings", "transform"])
def test_a_run_is_the_same_when_it_is_gone_on_with(data, tmp_path):
    whole = fit(SETTINGS, tmp_path / "whole", progress=False, data=data)
    assert whole.evaluation is not None
    assert whole.evaluation.images == 8
    with pytest.raises(BaseException):  # noqa: B017, PT011
        fit(SETTINGS, tmp_path / "cut", progress=False, data=data, callbacks=[Stop()])
    fit(SETTINGS, tmp_path / "cut", progress=False, data=data, resume=True)
    assert same(final_weights(tmp_path / "whole"), final_weights(tmp_path / "cut"))


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        (UNDRAWN, DRAWN, "drawn by a program, are not .* began with, drawn by settings: give"),
        (DRAWN, UNDRAWN, "drawn by settings, are not .* began with, drawn by a program: give"),
        (DRAWN, replace(DRAWN, transform=lambda image: image), "drawn by a program, are not"),
    ],
    ids=["added", "left out", "another"],
)
def test_a_run_is_not_gone_on_with_other_views(first, then, message, tmp_path):
    with pytest.raises(BaseException):  # noqa: B017, PT011
        fit(SETTINGS, tmp_path / "cut", progress=False, data=first, callbacks=[Stop()])
    with pytest.raises(ConfigError, match=message):
        fit(SETTINGS, tmp_path / "cut", progress=False, data=then, resume=True)


def test_a_run_that_keeps_the_images_of_another_has_views_of_its_own(tmp_path):
    parent = replace(SETTINGS, epochs=1, into=1)
    fit(parent, tmp_path / "parent", progress=False, data=UNDRAWN)
    child = replace(SETTINGS, teacher=Teacher(run=str(tmp_path / "parent")))
    with pytest.raises(BaseException):  # noqa: B017, PT011
        fit(child, tmp_path / "cut", progress=False, data=DRAWN, callbacks=[Stop()])
    assert fit(child, tmp_path / "cut", progress=False, data=DRAWN, resume=True).evaluation
    with pytest.raises(ConfigError, match="drawn by settings, are not"):
        fit(child, tmp_path / "cut", progress=False, data=UNDRAWN, resume=True)


def test_a_run_says_what_it_was_given(tmp_path):
    callback = lightning.Callback()
    seen = []
    callback.on_train_end = lambda *_: seen.append(1)  # type: ignore[method-assign]
    result = fit(
        replace(SETTINGS, epochs=1),
        tmp_path / "run",
        progress=False,
        data=PARTS,
        callbacks=[callback],
        logger=CSVLogger(tmp_path, name="own", version=""),
    )
    folder = RunFolder(result.folder)
    assert load_recipe(folder.config).data.dataset == "given"
    record = read_record(folder.split)
    assert record is not None
    assert {name: len(part.names) for name, part in record.parts.items()} == {
        "train": 24,
        "val": 8,
        "test": 8,
    }
    assert seen == [1]
    assert "loss/train" in (tmp_path / "own" / "metrics.csv").read_text()
    with pytest.raises(ConfigError, match="are images that a program gave: give them again"):
        images_to_test(result.folder, result.ensemble)
    changed = (Listed(noisy(24, seed=9)), *PARTS[1:])
    with pytest.raises(ConfigError, match="24 of the images that the run remembers are changed"):
        fit(replace(SETTINGS, epochs=1), result.folder, progress=False, data=changed, resume=True)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"data": PARTS[:2]}, r"data has 2 parts: give \(train, val, test\)"),
        ({"data": (None, None, PARTS[0])}, "no training images"),
        ({"data": 3}, "data=int has no training images"),
        ({"callbacks": [print]}, "callbacks: builtin_function_or_method is no Callback of pytorch"),
        ({"logger": [True]}, "logger: bool is no Logger of pytorch_lightning: give a list"),
        ({"callbacks": ModelCheckpoint()}, "ModelCheckpoint would save what a run saves"),
        ({"callbacks": [ModelCheckpoint()]}, "ModelCheckpoint would save what a run saves"),
        ({"callbacks": [TQDMProgressBar()], "progress": True}, "give progress=False"),
        ({"callbacks": [GradientAccumulationScheduler({0: 2})]}, "give optimizer.accumulate"),
        ({"callbacks": [EMAWeightAveraging()]}, "EMAWeightAveraging would change .* give ema"),
        ({"callbacks": [StochasticWeightAveraging(0.1)]}, "give ema"),
        ({"callbacks": [LearningRateFinder()]}, "give optimizer.lr"),
        ({"callbacks": [BatchSizeFinder()]}, "give batch_size"),
    ],
)
def test_what_fit_cannot_take_is_refused(wrong, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        fit(SETTINGS, tmp_path / "run", **{"progress": False, **wrong})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "callbacks"),
    [
        ({"early_stopping": 1}, [EarlyStopping("val_accuracy", mode="max")]),
        ({}, [Keeping(), Keeping()]),
    ],
)
def test_callbacks_that_would_be_saved_as_one_are_refused(settings, callbacks, tmp_path):
    name = type(callbacks[0]).__name__
    with pytest.raises(ConfigError, match=f"callbacks: {name} stands twice with one state_key"):
        fit(
            replace(SETTINGS, **settings), tmp_path, progress=False, data=PARTS, callbacks=callbacks
        )
    assert not any(tmp_path.iterdir())


def test_what_a_run_learnt_elsewhere_is_taken_to_other_images(tmp_path):
    """Which have parts of their own; the same ones keep those of the run, or are refused."""
    parent = replace(SETTINGS, epochs=1, into=1)
    fit(parent, tmp_path / "parent", progress=False, data=(PARTS[0], None, None))
    child = replace(parent, teacher=Teacher(run=str(tmp_path / "parent")))
    others = (Listed(noisy(32, seed=7)), None, None)
    fit(child, tmp_path / "others", progress=False, data=others)
    fit(child, tmp_path / "again", progress=False, data=(PARTS[0], None, None))
    first, other, again = (
        read_record(RunFolder(tmp_path / name).split) for name in ("parent", "others", "again")
    )
    assert first is not None
    assert other is not None
    assert again == first
    assert sum(len(part.names) for part in other.parts.values()) == 32
    turned_round = (Listed(noisy(24)[::-1]), None, None)
    with pytest.raises(ConfigError, match="images that the run remembers are"):
        fit(child, tmp_path / "turned", progress=False, data=turned_round)


def test_a_callback_keeps_what_a_resumed_run_can_read(tmp_path):
    again = Keeping()
    fit(tiny(epochs=1), tmp_path / "run", progress=False, callbacks=[Keeping((0.5, "best"))])
    fit(tiny(epochs=1), tmp_path / "run", progress=False, callbacks=[again], resume=True)
    assert again.kept == (0.5, "best")


@pytest.mark.parametrize(
    ("kept", "what"),
    [(np.float64(0.5), "numpy.*scalar"), (print, "print"), (lambda: 0, "an object")],
)
def test_what_could_not_be_resumed_is_refused_when_it_is_saved(kept, what, tmp_path):
    message = f"callbacks: the state of Keeping holds {what}, with which the run could not be"
    with pytest.raises(ConfigError, match=message):
        fit(tiny(epochs=1), tmp_path / "run", progress=False, callbacks=[Keeping(kept)])
    assert not RunFolder(tmp_path / "run").checkpoint.exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"views": Views(policy="autoaugment-cifar10")}, "views.policy=.* would be ignored"),
        ({"data": Data(dataset="cifar10")}, "data.dataset=cifar10 and data= are both"),
    ],
)
def test_settings_beside_own_views_and_images_are_refused(settings, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        fit(replace(SETTINGS, **settings), tmp_path / "run", progress=False, data=DRAWN)
