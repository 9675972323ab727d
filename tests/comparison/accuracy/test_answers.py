"""Answers read from a run's predictions, image by image."""

from itertools import combinations

import numpy as np
import pytest
import safetensors.torch
import torch
from sklearn.metrics import log_loss

from cotrain import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy.answers import answers_of, read_answers, read_run
from cotrain.comparison.accuracy.fitting import RunFit
from cotrain.ensemble.calibration import Calibration
from cotrain.ensemble.cascade import Cascade, Stage

CALIBRATION = Calibration(combine="mean_logits", temperature=2.0, images=20)
CASCADE = Cascade(
    combine="mean_logits",
    order=(2, 0, 1),
    signal="probability",
    stages=(Stage(networks=1, threshold=0.6),),
    images=20,
    accuracy=0.5,
    share=0.5,
)
WARM = RunFit(calibration=CALIBRATION, cascade=CASCADE)


def written(folder, seed=0, images=50):
    """Logits [3, N, 4] and classes of a run, as they are read."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, images, 4, generator=generator)
    targets = torch.arange(images) % 4
    folder.mkdir(exist_ok=True)
    path = RunFolder(folder).predictions
    safetensors.torch.save_file({"logits": logits, "targets": targets}, path)
    return logits, targets


def test_answers_are_those_of_the_mean_of_logits(tmp_path):
    logits, targets = written(tmp_path)
    tested = read_run(RunFolder(tmp_path))
    mean, given = logits.double().mean(0), tested.given
    assert given.errors.shape == given.nlls.shape == given.confidences.shape == (1, 50)
    wrong = (mean.argmax(-1) != targets).double().mean().item()
    assert given.errors.mean() == pytest.approx(wrong * 100)
    assert set(given.errors.ravel().tolist()) == {0.0, 100.0}
    assert given.nlls.mean() == pytest.approx(log_loss(targets, mean.softmax(-1)))
    assert given.confidences[0] == pytest.approx(mean.softmax(-1).amax(-1).numpy())
    assert np.array_equal(tested.targets, targets)
    assert tested.calibrated is None
    assert tested.best is given


def test_networks_alone_and_their_disagreement_are_counted(tmp_path):
    logits, targets = written(tmp_path)
    tested = read_run(RunFolder(tmp_path))
    labels = logits.argmax(-1).numpy()
    alone = [np.mean(each != targets.numpy()) for each in labels]
    assert tested.single_errors == pytest.approx([np.mean(alone) * 100])
    pairs = [np.mean(one != two) for one, two in combinations(labels, 2)]
    assert tested.disagreements == pytest.approx([np.mean(pairs) * 100])


def test_calibrated_answers_stand_beside_them(tmp_path):
    logits, targets = written(tmp_path)
    tested = read_run(RunFolder(tmp_path), WARM)
    assert tested.calibrated is not None
    assert tested.best is tested.calibrated
    expected = log_loss(targets, (logits.double().mean(0) / 2).softmax(-1))
    assert tested.calibrated.nlls.mean() == pytest.approx(expected)
    assert (tested.calibrated.errors == tested.given.errors).all()


def test_a_cascade_is_replayed(tmp_path):
    """Where network 2 is sure it answers alone, elsewhere all do."""
    logits, targets = written(tmp_path)
    (point,) = read_run(RunFolder(tmp_path), WARM).cascades
    sure = logits[2].double().softmax(-1).amax(-1) >= 0.6
    answers = logits.double().mean(0).argmax(-1).where(~sure, logits[2].argmax(-1))
    assert 0 < sure.sum() < 50
    assert point.accuracy == pytest.approx((answers == targets).double().mean().item())
    assert point.share == pytest.approx((sure * 1 + ~sure * 3).double().mean().item() / 3)
    assert read_run(RunFolder(tmp_path)).cascades == ()


def test_the_surest_images_are_counted_by_hand():
    """Confidences fall; the third of four is wrong: risks 0, 0, 1/3, 1/4."""
    p = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]], dtype=torch.float64)
    found = answers_of(p.log(), torch.tensor([0, 0, 1, 0]))
    assert found.aurcs == pytest.approx([100 * (1 / 3 + 1 / 4) / 4])
    assert found.coverages == pytest.approx([50])
    assert found.briers == pytest.approx([2 * (0.1**2 + 0.2**2 + 0.7**2 + 0.4**2) / 4])
    assert found.eces == pytest.approx([(0.1 + 0.2 + 0.7 + 0.4) / 4], abs=1e-6)


def test_seeds_are_joined_in_order(tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for seed, folder in enumerate(folders):
        written(folder, seed)
    joined = read_answers({"S=3": [RunFolder(each) for each in folders]}, {"S=3": [WARM, WARM]})
    alone = [read_run(RunFolder(each), WARM) for each in folders]
    tested = joined["S=3"]
    assert tested.calibrated is not None
    for row, each in enumerate(alone):
        assert each.calibrated is not None
        assert (tested.given.errors[row] == each.given.errors[0]).all()
        assert tested.calibrated.eces[row] == each.calibrated.eces[0]
        assert tested.disagreements[row] == each.disagreements[0]


@pytest.mark.parametrize(("images", "message"), [(1, "one test image"), (49, "on other images")])
def test_other_images_and_one_image_are_refused(tmp_path, images, message):
    written(tmp_path / "a", images=1 if images == 1 else 50)
    written(tmp_path / "b", images=images)
    folders = [RunFolder(tmp_path / name) for name in "ab"]
    with pytest.raises(ConfigError, match=message):
        read_answers({"S=3": folders}, {})
