"""Lists of a module's tensors: whole, each once, and never those of before a move."""

import torch
from torch import nn

from cotrain.training.tensor_lists import TensorLists, buffers, state


def layers() -> nn.Sequential:
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 2, bias=False))
    module[2].weight = module[0].weight  # tied
    module.register_buffer("table", torch.arange(3), persistent=False)
    return module


def test_lists_are_by_type_and_hold_each_tensor_once() -> None:
    module = layers()
    floats, integers = TensorLists(module, state)()
    expected = {id(tensor) for tensor in (*module.parameters(), *module[1].buffers())}
    assert {id(tensor) for tensor in (*floats, *integers)} == expected
    assert (len(floats), [int(each) for each in integers]) == (6, [0])


def test_buffers_are_those_of_the_module() -> None:
    module = layers()
    listed = [id(tensor) for each in TensorLists(module, buffers)() for tensor in each]
    assert sorted(listed) == sorted(map(id, module.buffers()))


def test_lists_are_kept_until_a_tensor_is_another_one() -> None:
    module = layers()
    lists = TensorLists(module, buffers)
    before = lists()
    module.load_state_dict(module.state_dict())
    assert lists() is before
    module.double()
    floats = next(each for each in lists() if each[0].is_floating_point())
    assert floats[0] is module[1].running_mean
    assert floats[0].dtype == torch.float64
    module[1].register_buffer("late", torch.ones(1))
    assert any(tensor is module[1].late for each in lists() for tensor in each)
