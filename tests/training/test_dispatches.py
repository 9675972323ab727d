"""A training step asks for as many operations for few images as for many, and waits for none."""

import torch
from dispatches import Dispatches

from cotrain.config import Data, Experiment, Views
from cotrain.data import TensorImages
from cotrain.data.batches import TrainingBatches
from cotrain.data.epoch_order import Key
from cotrain.ensemble import CoTrainingLoss, Preprocessing, divide
from cotrain.networks import spec_for_images
from cotrain.training.optimization import build_optimizer

BUDGET = 1200
SETTINGS = Experiment(
    network="basic_resnet8_4",
    into=4,
    data=Data(dataset="cifar10"),
    views=Views(padding=1, policy="autoaugment-cifar10", erasing=0.5),
)


def step(batch_size: int) -> Dispatches:
    """Views, forward, loss, backward and optimizer of S=4, counted from the drawn batch on."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (batch_size, 3, 16, 16), generator=generator).byte()
    preprocessing = Preprocessing(image_size=16, in_channels=3, mean=(0.5,) * 3, std=(0.5,) * 3)
    batches = TrainingBatches(
        images=TensorImages(tensor=pixels, targets=torch.arange(batch_size) % 10),
        views=SETTINGS.views,
        preprocessing=preprocessing,
        num_classes=10,
        into=4,
        seed=0,
    )
    large = spec_for_images(SETTINGS.network, num_classes=10, in_channels=3, image_size=16)
    ensemble, loss = divide(large, 4, seed=0), CoTrainingLoss()
    optimizer = build_optimizer(ensemble, SETTINGS.optimizer, into=4)
    drawn = batches.draw(Key(0, 0, tuple(range(batch_size))))
    for counted in (False, True):  # the first step makes the optimizer's state
        with Dispatches() as seen:
            batch = batches.finish(drawn)
            loss(ensemble(batch.images), batch.targets, weight=0.5).total.backward()
            optimizer.step()
            optimizer.zero_grad()
        if counted:
            return seen
    raise AssertionError


def test_a_step_has_a_fixed_budget_whatever_the_batch() -> None:
    few, many = step(256), step(512)
    assert few.counts == many.counts
    assert few.total <= BUDGET
    assert few.waits == []
