"""Files of a split folder are asked in stages, with the answers of PyTorch's cascade."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import torch
from cascades import make_cascade
from split_cascades import PIXELS, linear_ensemble, with_cascade

from cotrain import ConfigError
from cotrain.config.cascade import CascadeSignal
from cotrain.ensemble.cascade import Cascade
from cotrain.export import Exported, ExportOptions, export_ensemble, load_exported


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cascade") / "files"
    ensemble = with_cascade(linear_ensemble())
    export_ensemble(ensemble, folder, ExportOptions(format="onnx", split=True))
    return folder


@pytest.fixture
def opened(files: Path, monkeypatch) -> Callable[[Cascade | None], tuple[Exported, list[int]]]:
    """The files with this rule, and how many images each of them is asked about."""

    def open_with(cascade: Cascade | None) -> tuple[Exported, list[int]]:
        exported = load_exported(files)
        exported.spec = replace(exported.spec, cascade=cascade)
        counts, ask = [0] * exported.spec.into, exported._ask
        assert ask is not None

        def counting(index: int, images: torch.Tensor) -> torch.Tensor:
            counts[index] += len(images)
            return ask(index, images)

        monkeypatch.setattr(exported, "_ask", counting)
        return exported, counts

    return open_with


@pytest.mark.parametrize("signal", get_args(CascadeSignal))
def test_files_answer_and_skip_as_pytorch_does(files: Path, opened, signal):
    stored = with_cascade(linear_ensemble()).cascade
    assert load_exported(files).spec.cascade == stored
    ensemble = with_cascade(linear_ensemble(), signal)
    exported, counts = opened(ensemble.cascade)
    expected = ensemble.answer_in_stages(ensemble.prepare(PIXELS))
    found = exported.answer_in_stages(PIXELS)
    assert found.asked.tolist() == expected.asked.tolist()
    torch.testing.assert_close(found.probabilities, expected.probabilities, rtol=1e-4, atol=1e-5)
    # The last network is asked first, about all; it alone agrees with itself, and none goes on.
    goes_on = [int((expected.asked > place).sum()) for place in range(3)]
    assert counts[::-1] == goes_on
    assert goes_on[0] == 40 > goes_on[1]
    assert (goes_on[2] > 0) == (signal != "agreement")
    full, last = exported.run(PIXELS)["probabilities"], found.asked == 3
    torch.testing.assert_close(found.probabilities[last], full[last], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("threshold", "asked"), [(0.0, 1), (1.0, 3)])
def test_all_or_none_may_leave_at_the_first_stage(opened, threshold, asked):
    exported, counts = opened(make_cascade(thresholds=(threshold, threshold)))
    found = exported.answer_in_stages(PIXELS)
    assert found.asked.tolist() == [asked] * 40
    assert sum(counts) == 40 * asked
    assert found.share == pytest.approx(asked / 3)


def test_no_images_give_no_answers(opened):
    exported, counts = opened(make_cascade())
    found = exported.answer_in_stages(PIXELS[:0])
    assert found.probabilities.shape == (0, 4)
    assert found.asked.shape == (0,)
    assert counts == [0, 0, 0]


def test_files_without_a_cascade_say_so(opened):
    with pytest.raises(ConfigError, match="has no cascade: fit one with cotrain cascade RUN"):
        opened(None)[0].answer_in_stages(PIXELS)


def test_one_file_of_all_networks_cannot_be_asked_in_stages(tmp_path: Path):
    ensemble = with_cascade(linear_ensemble())
    export_ensemble(ensemble, tmp_path / "all.onnx", ExportOptions(format="onnx"))
    exported = load_exported(tmp_path / "all.onnx")
    assert exported.spec.cascade is None
    with pytest.raises(ConfigError, match="export it with --split for a cascade"):
        exported.answer_in_stages(PIXELS)


def test_a_damaged_cascade_in_a_manifest_is_refused(files: Path, tmp_path: Path):
    manifest = Path(shutil.copytree(files, tmp_path / "files")) / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"networks": 1', '"networks": 2', 1))
    with pytest.raises(ConfigError, match=r"damaged \(cascade.stages ask \[2, 2\] of 3"):
        load_exported(tmp_path / "files")
