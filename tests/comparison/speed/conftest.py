"""What the tests of benchmarking share: tiny networks, and processes that are none."""

import pytest

from cotrain import networks
from cotrain.comparison.speed import benchmarking as running
from cotrain.comparison.speed.targets import find_targets


class NoProcesses:
    """Answers as processes would, in no time."""

    def __init__(self, work):
        self.work, self.prepared = work, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def prepare(self, case, image_shape):
        self.prepared.append((case.condition, tuple(image_shape)))

    def seconds(self, case):
        return 0.25


@pytest.fixture
def no_processes(monkeypatch):
    """The benchmark's processes, which are not started; gives those that were made."""
    made = []

    def make(work):
        made.append(NoProcesses(work))
        return made[-1]

    monkeypatch.setattr(running, "Processes", make)
    return made


@pytest.fixture
def tiny():
    """The large network, and two networks in its place, for images of 8 pixels."""

    def make(*names, into=(1, 2)):
        return find_targets(
            names or ["basic_resnet8_4"], into=into, dataset="cifar10", image_size=8
        )

    return make


@pytest.fixture
def tiny_spec():
    return networks.spec("basic_resnet8_4", dataset="cifar10", image_size=8)
