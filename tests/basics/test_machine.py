"""The facts of this machine, as far as a test can know them."""

import platform

import torch

import cotrain
from cotrain.basics.machine import hardware


def test_versions_and_cores():
    machine = hardware()
    assert (machine.torch, machine.python) == (torch.__version__, platform.python_version())
    assert machine.cotrain == cotrain.__version__
    assert machine.cores >= 1
    assert machine.cpu
    assert (machine.gpu is None) == (not torch.cuda.is_available())


def test_one_line_names_them_all():
    machine = hardware()
    line = str(machine)
    assert line.startswith(f"{machine.cores} cores of {machine.cpu}")
    assert f"torch {machine.torch}" in line
