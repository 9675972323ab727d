"""Runs of a comparison with answers that are given, in the place of training."""

import safetensors.torch
import torch

from cotrain import TrainingError, divide, networks
from cotrain.basics.run_folder import RunFolder
from cotrain.config import Experiment, Hardware
from cotrain.config.recipes import dump_experiment

IMAGES, CLASSES = 40, 3
EXPERIMENT = Experiment(network="basic_resnet8_8", hardware=Hardware(threads=1))


def answers(into, seed):
    """Logits [S, N, C] and targets: the large network is wrong on half, S=2 on seed + 1 images."""
    targets = torch.arange(IMAGES) % CLASSES
    wrong = IMAGES // 2 if into == 1 else seed + 1
    given = torch.where(torch.arange(IMAGES) < wrong, (targets + 1) % CLASSES, targets)
    logits = 4.0 * torch.nn.functional.one_hot(given, CLASSES)
    return logits.expand(into, -1, -1).contiguous(), targets


def fake_fit(experiment, output, *, resume, progress, split_of):
    """Leave what a run leaves; seed 9 fails, and seed 8 is tested on other images."""
    with open(output.parent / "calls", "a") as calls:
        calls.write(f"{output.name}\n")
    if experiment.seed == 9:
        raise TrainingError("the loss is NaN")
    spec = networks.spec("basic_resnet8_8", num_classes=CLASSES, in_channels=1, image_size=8)
    divide(spec, experiment.into, seed=experiment.seed).save(output / "ensemble")
    folder = RunFolder(output)
    folder.config.write_text(dump_experiment(experiment))
    logits, targets = answers(experiment.into, experiment.seed)
    if experiment.seed == 8:
        targets = targets.flip(0)
    safetensors.torch.save_file({"logits": logits, "targets": targets}, folder.predictions)
    folder.evaluation.write_text("{}")
