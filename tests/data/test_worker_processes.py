"""Processes that load images end with the program."""

import subprocess
import sys

PROGRAM = """
import torch
from cotrain.config import Views
from cotrain.data import TensorImages, TrainingBatches, training_loader
from cotrain.ensemble.preprocessing import Preprocessing

images = TensorImages(tensor=torch.zeros(8, 1, 8, 8).byte(), targets=torch.arange(8) % 2)
shape = Preprocessing(image_size=8, in_channels=1, mean=(0.5,), std=(0.5,))
batches = TrainingBatches(
    images=images, views=Views(), preprocessing=shape, num_classes=2, into=1, seed=0
)
loader = training_loader(batches, batch_size=4, workers=2)
passing = iter(loader)
print(next(passing).images.shape[1])
"""


COLLECTED = """
import gc
import multiprocessing
from torch.utils.data import _utils

_utils.MP_STATUS_CHECK_INTERVAL = 0.5
passing.itself = passing  # as the traceback of an error can hold it
del passing, loader
gc.collect()
print(len(multiprocessing.active_children()))
"""


def test_a_program_that_holds_a_loader_ends():
    assert printed(PROGRAM) == "4\n"


def test_processes_end_with_a_loader_that_is_garbage():
    """Asked by queues that are closed before, they would wait, and the program for them."""
    assert printed(PROGRAM + COLLECTED) == "4\n0\n"


def printed(program: str) -> str:
    """What a program prints that ends well."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout
