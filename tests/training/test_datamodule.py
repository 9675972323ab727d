"""Views made where the networks are: the same as those that the loader makes, bit for bit."""

from dataclasses import replace

import pytest
import torch
from training_runs import tiny

from cotrain.basics.errors import ConfigError
from cotrain.data import DrawnBatch, load_splits
from cotrain.data.views.mixing import Batch
from cotrain.training.datamodule import Loaders

VIEWS = {
    "crop and flip": {"flip": True},
    "erasing, mixup and cutmix": {"erasing": 0.5, "mixup": 0.2, "cutmix": 1.0},
    "the same view": {"same_view": True, "cutmix": 1.0},
    "autoaugment": {"policy": "autoaugment-svhn"},
    "randaugment": {"policy": "rand-m9-mstd0.5"},
    "resized": {"crop": "resized"},
}


def loaders(views: dict, **settings) -> Loaders:
    experiment = tiny(views=views, data={"in_channels": 3}, **settings)
    keep_files = experiment.views.crop == "resized"
    return Loaders(experiment, load_splits(experiment.data, keep_files=keep_files))


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("views", VIEWS.values(), ids=VIEWS)
def test_views_are_the_same_wherever_they_are_made(views: dict, workers: int) -> None:
    made = loaders(views)
    drawn = loaders(views)
    drawn.experiment = tiny(views=views, data={"in_channels": 3, "workers": workers})
    expected = list(made.training())
    assert len(expected) == 5
    for batch, before in zip(drawn.training(drawn=True), expected, strict=True):
        assert isinstance(batch, DrawnBatch)
        after = drawn.transfer_batch_to_device(batch, torch.device("cpu"), 0)
        assert torch.equal(after.images, before.images)
        assert torch.equal(after.targets, before.targets)


def test_views_made_on_the_device_are_of_the_precision_of_training() -> None:
    drawn = loaders({}, hardware={"precision": "64-true"})
    batch = next(iter(drawn.training(drawn=True)))
    expected = next(iter(loaders({}).training()))
    after = drawn.transfer_batch_to_device(batch, torch.device("cpu"), 0)
    assert torch.equal(after.images, expected.images.double())


def test_what_is_sent_is_bytes() -> None:
    batch = next(iter(loaders({"flip": True}).training(drawn=True)))
    assert batch.views.pixels.dtype == torch.uint8
    assert batch.views.pixels.shape == (1, 16, 3, 8, 8)  # not S times


def test_made_batches_are_sent_as_they_are() -> None:
    batch = Batch(torch.rand(2, 4, 3, 8, 8), torch.arange(4))
    sent = loaders({}).transfer_batch_to_device(batch, torch.device("cpu"), 0)
    assert torch.equal(sent.images, batch.images)


def test_channels_last_views_need_no_conversion() -> None:
    plain = next(iter(loaders({}).training()))
    last = next(iter(loaders({}, hardware={"channels_last": True}).training()))
    assert torch.equal(plain.images, last.images)
    assert last.images[1].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.gpu
@pytest.mark.parametrize("views", VIEWS.values(), ids=VIEWS)
def test_a_gpu_makes_the_same_views(views: dict) -> None:
    made, drawn = loaders(views), loaders(views)
    pairs = zip(drawn.training(drawn=True), made.training(), strict=True)
    for batch, expected in pairs:
        after = drawn.transfer_batch_to_device(batch, torch.device("cuda"), 0)
        assert torch.equal(after.targets.cpu(), expected.targets)
        # Rotated and sheared pixels between two others may round to either.
        differing = ((after.images.cpu() - expected.images).abs() > 1e-5).float().mean()
        assert differing < 1e-3


def test_a_checkpoint_is_of_the_images_that_it_was_trained_on() -> None:
    experiment = tiny()
    one, two = (
        Loaders(experiment, load_splits(replace(experiment.data, split_seed=seed)))
        for seed in (0, 1)
    )
    record = one.splits.record
    assert record is not None
    assert one.state_dict() == {"digest": record.digest}
    one.load_state_dict(one.state_dict())
    with pytest.raises(ConfigError, match="are not those that the run was trained on: restore"):
        two.load_state_dict(one.state_dict())
