"""What fewer networks answer is computed from their answers, and a cascade's from its rule."""

from dataclasses import replace

import pytest
import torch

from cotrain import divide
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.cascade import Cascade, Stage
from cotrain.networks.registry import named_spec
from cotrain.report.page.answered import Answered
from cotrain.report.page.fewer import fewer_networks_picture


@pytest.fixture
def run(tmp_path):
    """Two networks: the first is right in 3 of 4, both in 4 of 4, each as sure as the next."""
    first = torch.tensor([[4.0, 0], [4, 0], [0, 4], [1, 0]])
    second = torch.tensor([[2.0, 0], [2, 0], [0, 2], [0, 2]])
    return Answered(
        ensemble=divide(named_spec("basic_resnet8_4", num_classes=2, image_size=8), 2),
        logits=torch.stack([first, second]),
        targets=torch.tensor([0, 0, 1, 1]),
        dataset="digits",
        tested_on="test",
    )


def test_every_number_of_networks(run):
    spots = fewer_networks_picture(run).spots
    macs = run.ensemble.spec.macs / 1e6
    assert [spot[1:3] for spot in spots] == [(macs / 2, 25.0), (macs, 0.0)]
    assert spots[0].text.startswith("1 of 2: error 25.00 %")
    assert spots[0].axes.get_ylim() == (0, pytest.approx(27.5))  # all points are inside


def test_all_networks_answer_as_the_ensemble_does_whose_networks_have_weights(run):
    # The network that outweighs the other is wrong on the last image.
    weights = Calibration(combine="mean_logits", weights=(0.9, 0.1), images=20)
    rule = Cascade(
        combine="mean_logits",
        order=(1, 0),
        signal="probability",
        stages=(),
        images=20,
        accuracy=1.0,
        share=1.0,
    )
    run.ensemble.spec = replace(run.ensemble.spec, calibration=weights, cascade=rule)
    alone, together, cascade = (spot[2] for spot in fewer_networks_picture(run).spots)
    assert (alone, together, cascade) == (0.0, 25.0, 25.0)
    assert together == 100 * (1 - run.evaluation.ensemble.top1)


def test_the_cascade_asks_the_second_where_the_first_is_not_sure(run):
    rule = Cascade(
        combine="mean_logits",
        order=(0, 1),
        signal="probability",
        stages=(Stage(networks=1, threshold=0.9),),
        images=20,
        accuracy=1.0,
        share=0.6,
    )
    run.ensemble.spec = replace(run.ensemble.spec, cascade=rule)
    last = fewer_networks_picture(run).spots[-1]
    # Three images are answered by one network, the fourth by both: 5 of 8 passes.
    assert last[1:3] == (pytest.approx(run.ensemble.spec.macs / 1e6 * 5 / 8), 0.0)
    assert last.text.startswith("cascade: error 0.00 %")


def test_the_large_network_stands_beside(run):
    large = replace(
        run,
        ensemble=divide(named_spec("basic_resnet8_4", num_classes=2, image_size=8), 1),
        logits=run.logits[:1],
    )
    last = fewer_networks_picture(run, large).spots[-1]
    assert last[1:3] == (large.ensemble.spec.macs / 1e6, 25.0)
    assert last.text.startswith("large network: error 25.00 %")
