"""Runs of a comparison that train nothing, and say what was asked of them."""

import os
from threading import Event

from cotrain.basics.errors import ConfigError, Interrupted
from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy.run import Run
from cotrain.config import Experiment
from cotrain.config.recipes import dump_experiment


def make_run(root, seed, **settings):
    experiment = Experiment(seed=seed, **settings)
    folder = RunFolder(root / f"seed{seed}")
    return Run(candidate="S=4", experiment=experiment, folder=folder, split_of=root)


def begin(run):
    run.folder.root.mkdir(parents=True)
    run.folder.config.write_text(dump_experiment(run.experiment))


def quick(experiment, output, *, resume, progress, split_of):
    """Note the call; fail as the seed says."""
    assert progress is False
    assert split_of == output.parent
    with open(output.parent / "calls", "a") as calls:
        calls.write(f"{output.name} resume={resume} threads={thread_count()}\n")
    if experiment.seed == 7:
        raise ConfigError("lr is wrong")
    if experiment.seed == 8:
        raise Interrupted("stopped", 15)  # takes two arguments: cannot be sent as it is
    if experiment.seed == 9:
        os._exit(1)
    output.mkdir(exist_ok=True)
    (output / "config.yaml").write_text(dump_experiment(experiment))
    if experiment.seed != 6:
        (output / "evaluation.json").touch()


def thread_count():
    import torch

    return torch.get_num_threads()


def one_hangs(experiment, output, *, resume, progress, split_of):
    """Seed 1 hangs until it is stopped; the others end once it has begun."""
    if experiment.seed == 1:
        try:
            with open(output.parent / "begun", "w") as begun:
                begun.write("1")
            for _ in range(600):
                Event().wait(0.1)  # Ray interrupts no wait
        except KeyboardInterrupt:
            (output.parent / "stopped").touch()
            raise
    else:
        (output.parent / "begun").read_text()  # a pipe: waits for its writer
        quick(experiment, output, resume=resume, progress=progress, split_of=split_of)
