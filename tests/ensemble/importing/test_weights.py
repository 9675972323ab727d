"""Reading files of others without running code, and fitting them to networks by order."""

import argparse
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from foreign_networks import names_of, save, written
from pickles import poison
from torch import Tensor

from cotrain import ConfigError
from cotrain.ensemble.importing.weights import fit_by_order, read_weights

__all__ = ["poison"]  # a fixture


@pytest.fixture(scope="module")
def network():
    (network,) = written("wide_resnet16_1", "cifar10", 1)
    return network


@pytest.fixture(scope="module")
def state(network):
    """Its tensors under foreign names."""
    return names_of([network])


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as error:
        read_weights(path)
    assert "\n" not in str(error.value)
    return str(error.value)


def misfit(given: dict[str, Tensor], expected: dict[str, Tensor]) -> str:
    with pytest.raises(ConfigError) as error:
        fit_by_order(given, expected, "here")
    assert "\n" not in str(error.value)
    return str(error.value)


def unwrapped(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix("module."): each for name, each in state.items()}


def equal(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    pairs = zip(left.values(), right.values(), strict=True)
    return left.keys() == right.keys() and all(torch.equal(*pair) for pair in pairs)


def test_a_training_state_gives_its_weights(tmp_path, state):
    assert equal(read_weights(save(tmp_path / "model_best.pth.tar", state)), unwrapped(state))


def test_bare_weights_are_read_too(tmp_path, state):
    for legacy in (False, True):
        torch.save(state, tmp_path / "x.pth", _use_new_zipfile_serialization=not legacy)
        assert equal(read_weights(tmp_path / "x.pth"), unwrapped(state))


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."]
)
def test_names_are_those_before_a_network_was_wrapped(tmp_path, prefix):
    inner = {"a.weight": torch.ones(2), "module.bias": torch.zeros(1)}
    torch.save({prefix + name: each for name, each in inner.items()}, tmp_path / "x.pth")
    assert equal(read_weights(tmp_path / "x.pth"), inner)


def test_code_in_a_file_is_not_run(tmp_path, poison):
    content, created = poison
    path = tmp_path / "poison.pth.tar"
    path.write_bytes(content)
    assert "poison.pth.tar" in refusal(path)
    assert not created.exists()


def test_objects_beside_the_weights_are_refused_by_name(tmp_path, state):
    path = save(tmp_path / "x.pth.tar", state, args=Fraction(1, 2))
    assert "loading it would run fractions.Fraction: ask for" in refusal(path)


@pytest.mark.parametrize("kept_as", ["state_dict", "model", "state_dict_ema", "model_ema"])
def test_states_of_other_programs_give_their_weights_averaged_where_they_are(tmp_path, kept_as):
    """As timm's ``load_state_dict`` chooses, beside the arguments of the program that wrote it."""
    weights = {"fc.weight": torch.ones(2)}
    others = {"state_dict": {"fc.weight": torch.zeros(2)}} if "ema" in kept_as else {}
    arguments = argparse.Namespace(lr=0.1, model="x", sizes=[1, 2], nested=argparse.Namespace())
    content = {"epoch": 3, "args": arguments, **others, kept_as: weights}
    torch.save(content, tmp_path / "x.pth")
    assert equal(read_weights(tmp_path / "x.pth"), weights)


@pytest.mark.parametrize("module", ["numpy._core.multiarray", "numpy.core.multiarray"])
@pytest.mark.parametrize("best", [np.float64(82.5), np.float32(82.5)])
def test_a_numpy_accuracy_is_passed_over(tmp_path, state, module, best):
    path = tmp_path / "numpy.pth.tar"
    content = {"state_dict": state, "best_acc1": best}
    torch.save(content, path, _use_new_zipfile_serialization=False)
    current = np.float64(0).__reduce__()[0].__module__  # as the installed NumPy calls it
    before, after = (f"{name}\nscalar".encode() for name in (current, module))
    assert before in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(before, after))
    assert equal(read_weights(path), unwrapped(state))


def test_numpy_rebuilds_nothing_from_a_file(tmp_path):
    path = save(tmp_path / "x.pth.tar", {"models.0.fc.weight": np.float64(1)})
    assert "models.0.fc.weight is no plain tensor" in refusal(path)


@pytest.mark.parametrize("name", ["x.pth.tar", "x.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04"])
def test_damaged_files_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert "or it is damaged: copy it again" in refusal(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds no state_dict"),
        ({"state_dict": None}, "state_dict is no plain tensor"),
        ({"state_dict": {}}, "holds no state_dict"),
        ({"epoch": 3}, "epoch is no plain tensor"),
        ({"state_dict": {1: torch.ones(1)}}, "1 is no plain tensor"),
        ({"a": torch.empty(2, device="meta")}, "a is no plain tensor"),
        ({"a": torch.tensor([1, math.nan]).bfloat16()}, "a has NaN"),
    ],
)
def test_other_contents_are_refused(tmp_path, content, message):
    torch.save(content, tmp_path / "x.pth.tar")
    assert message in refusal(tmp_path / "x.pth.tar")


def test_a_missing_file_is_named(tmp_path):
    assert "nothing.pth is missing" in refusal(tmp_path / "nothing.pth")


def test_the_expected_names_get_copies_of_the_tensors(network, state):
    fitted = fit_by_order(state, network.state_dict(), "here")
    assert equal(fitted, network.state_dict())
    addresses = {each.data_ptr() for each in state.values()}
    assert addresses.isdisjoint(each.data_ptr() for each in fitted.values())


def test_half_precision_is_widened_and_missing_counts_are_zero(network, state):
    half = {name: each.half() for name, each in state.items() if "num_batches" not in name}
    fitted = fit_by_order(half, network.state_dict(), "here")
    assert fitted.keys() == network.state_dict().keys()
    kept = [each for name, each in fitted.items() if "num_batches" not in name]
    for ours, theirs in zip(kept, half.values(), strict=True):
        assert ours.dtype == torch.float32
        assert torch.equal(ours, theirs.float())
    counts = [each for name, each in fitted.items() if "num_batches" in name]
    assert {(count.item(), count.dtype) for count in counts} == {(0, torch.int64)}


def without(state: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key: each for key, each in state.items() if key != name}


def test_the_first_tensor_that_does_not_fit_is_named(network, state):
    first, last = next(iter(state)), list(state)[-1]
    cases = {
        "nothing stands where fc.bias [10] belongs": without(state, last),
        "models.0.l1.weight [16] stands where layer0.0.weight [16, 3": without(state, first),
        "more [1] stands where the network has ended": {**state, "more": torch.ones(1)},
        "l0.weight [16, 3, 3, 3] of torch.int64 stands": {**state, first: state[first].long()},
        "l1.bias [16] stands where layer0.1.weight [16] belongs": {
            name.replace("l1.weight", "l1.bias"): each for name, each in state.items()
        },
    }
    for message, given in cases.items():
        found = misfit(given, network.state_dict())
        assert message in found
        assert "another network, S or data set: check --arch, --into, --dataset" in found


def test_another_number_of_classes_is_told_from_another_network(state):
    (other,) = written("wide_resnet16_1", "cifar100", 1)
    assert misfit(state, other.state_dict()).endswith(
        "[10, 64] stands where fc.weight [100, 64] belongs: it is of another data set: "
        "give its --dataset, or --num-classes 10"
    )
