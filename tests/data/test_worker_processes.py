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


def test_a_program_that_holds_a_loader_ends():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "4\n", "")
