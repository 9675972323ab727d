"""Images of none of the classes: of a folder, or of a data set, as the ensemble takes them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from image_folders import write_folder

from cotrain import ConfigError, Ensemble, divide, networks
from cotrain.config import Data
from cotrain.data import load_test
from cotrain.ensemble import Preprocessing
from cotrain.evaluation.uncertainty.others import logits_of_others


def ensemble_for(size: int, channels: int) -> Ensemble:
    spec = networks.spec("basic_resnet8_4", num_classes=3, in_channels=channels, image_size=size)
    ensemble = divide(spec, 2, seed=0).eval()
    shape = Preprocessing(
        image_size=size, in_channels=channels, mean=(0.5,) * channels, std=(0.25,) * channels
    )
    ensemble.spec = replace(ensemble.spec, preprocessing=shape)
    return ensemble


def test_images_of_a_folder_whatever_they_show(tmp_path: Path):
    ensemble = ensemble_for(8, 1)
    write_folder(tmp_path / "others", count=3)
    (tmp_path / "others" / "ant" / "001.png").write_bytes(b"no image")
    folder = str(tmp_path / "others")
    one, several = (logits_of_others(ensemble, folder, batch_size=each) for each in (1, 64))
    assert several.shape == (2, 5, 3)
    torch.testing.assert_close(one, several)
    for path in tmp_path.glob("*/*/*"):
        path.write_bytes(b"no image")
    with pytest.raises(ConfigError, match="none of its images can be decoded: give another"):
        logits_of_others(ensemble, folder)


def test_a_data_set_comes_at_the_ensembles_size_and_channels():
    ensemble = ensemble_for(12, 3)
    shape = ensemble.spec.preprocessing
    assert shape is not None
    found = load_test(Data(dataset="digits"), keep_files=False, shape=shape, classes=())
    assert found.test is not None
    assert found.test.pixels([0]).shape == (1, 3, 12, 12)
    logits = logits_of_others(ensemble, "digits")
    assert logits.shape == (2, len(found.test), 3)
    with torch.no_grad():
        first = ensemble(ensemble.prepare(found.test.pixels([0])))
    torch.testing.assert_close(logits[:, :1], first)


@pytest.mark.parametrize(
    ("ood", "root", "message"),
    [
        ("svhn", None, "ood=svhn is a data set: give the folder that it lies in by --ood_root"),
        ("digits", "/data", "ood_root=/data would be ignored"),
        ("/photos", "/data", "ood_root=/data would be ignored: ood=/photos is none of digits"),
        ("cifar10", "/nothing", "ood_root='/nothing' does not hold cifar10: give the folder"),
        ("nothing", None, "nothing is neither a file nor a folder"),
    ],
)
def test_what_is_missing_or_ignored_is_said(ood: str, root: str | None, message: str):
    with pytest.raises(ConfigError, match=message):
        logits_of_others(ensemble_for(8, 1), ood, root)
