"""Accelerated networks answer in stages as the ensemble does, in batches of few sizes."""

import warnings
from dataclasses import replace

import pytest
import torch
from cascades import counting_ensemble, make_cascade

from cotrain import ConfigError, divide, networks
from cotrain.execution import Acceleration, prepare
from cotrain.execution.sizes import in_buckets

IMAGES = torch.randn(33, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def ensemble():
    spec = networks.spec("basic_resnet8_4", num_classes=4, in_channels=1, image_size=8)
    ensemble = divide(spec, 3, seed=0).eval()
    for parameter in ensemble.parameters():
        parameter.data.mul_(1.2)
    first = (ensemble.networks[2](IMAGES) / 1.5).softmax(-1).amax(-1).sort().values.tolist()
    middle = (first[15] + first[16]) / 2
    ensemble.spec = replace(ensemble.spec, cascade=make_cascade(thresholds=(middle, 1.0)))
    return ensemble


@pytest.mark.parametrize("how", [{}, {"channels_last": True, "fold": True}])
def test_the_answers_are_the_ensembles(ensemble, how):
    expected = ensemble.answer_in_stages(IMAGES)
    assert (expected.asked == 1).sum() == 17
    with prepare(ensemble, "loop", acceleration=Acceleration(**how)) as execution:
        found = execution.answer_in_stages(IMAGES)
    assert found.asked.tolist() == expected.asked.tolist()
    torch.testing.assert_close(found.probabilities, expected.probabilities, rtol=1e-4, atol=1e-5)


def test_what_runs_its_networks_together_is_refused(ensemble):
    with prepare(ensemble, "stacked") as execution, pytest.raises(ConfigError, match="'loop'"):
        execution.answer_in_stages(IMAGES)
    with pytest.raises(ConfigError, match="is closed"):
        execution.answer_in_stages(IMAGES)


def test_what_is_left_of_a_batch_is_padded_to_few_sizes():
    ensemble = counting_ensemble(cascade=make_cascade(thresholds=(0.45, 0.4)))
    sizes = []

    def ask(index, images):
        sizes.append(len(images))
        return ensemble.networks[index](images)

    padding = in_buckets(ask)
    for count in (33, 32, 17, 16, 9, 5, 1):
        some = IMAGES[:count]
        torch.testing.assert_close(padding(0, some), ensemble.networks[0](some))
    assert sizes == [33, 32, 32, 16, 16, 8, 1]


def test_sizes_that_are_powers_of_two_are_not_warned_of():
    from cotrain.execution.sizes import Sizes

    sizes = Sizes([torch.nn.Linear(1, 1)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [sizes.of(IMAGES[:n]) for n in (33, 32, 16, 8, 4, 2, 1)] == [33, 32, 16, 8, 4, 2, 1]
    with pytest.warns(UserWarning, match="padded"):
        assert sizes.of(IMAGES[:3]) == 4
