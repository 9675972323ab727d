"""``cotrain cascade --output``: the picture, with the large network on it."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from training_runs import tiny

from cotrain.basics.run_folder import RunFolder
from cotrain.cli import main
from cotrain.ensemble import load_shipped
from cotrain.evaluation.cascade.of_run import cascade_of_run
from cotrain.evaluation.evaluate import read_predictions
from cotrain.report.cascade_picture import cascade_picture
from cotrain.training import fit

DATA = {"train_images": 160, "calibration": 60, "test_images": 100}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """S=1 and S=3 on the same images, and S=1 on others."""
    folder = tmp_path_factory.mktemp("runs")
    for name, into, data in (
        ("3", 3, DATA),
        ("1", 1, DATA),
        ("other", 1, DATA | {"split_seed": 5}),
    ):
        fit(tiny(into=into, epochs=1, data=data), folder / name, progress=False)
    return folder


def test_the_picture_has_the_large_network(trained: Path, tmp_path: Path, capsys):
    run, large = Path(shutil.copytree(trained / "3", tmp_path / "run")), trained / "1"
    file = tmp_path / "new" / "cascade.svg"
    main(["cascade", str(run), "--budget", "0.6", "--large", str(large), "--output", str(file)])
    assert f"picture: {file}" in capsys.readouterr().out
    assert "<svg" in file.read_text()
    found = cascade_of_run(run, budget=0.6).tested
    assert found is not None
    assert found.cascade is not None
    (axes,) = cascade_picture(run, large).axes
    handles: list[Any]
    handles, labels = axes.get_legend_handles_labels()
    assert labels == ["1 of 3", "2 of 3", "all 3", "cascade", "large network"]
    at = [handle.lines[0].get_xydata()[0].tolist() for handle in handles]
    macs, of_large = (load_shipped(each).spec.macs / 1e6 for each in (run, large))
    logits, targets = read_predictions(RunFolder(large))
    wrong = 100 * (logits[0].argmax(-1) != targets).double().mean().item()
    assert at[4] == pytest.approx([of_large, wrong])
    assert at[2] == pytest.approx([macs, 100 * (1 - found.evaluation.ensemble.top1)])
    assert at[3][0] == pytest.approx(macs * found.cascade.share)
    assert at[3][1] == pytest.approx(100 * (1 - found.cascade.scores.top1))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--output", "x.png", "--large", "{runs}/other"], "was tested on other images"),
        (["--output", "x.png", "--large", "{runs}/3"], "is a run of S=3 networks: give one of"),
        (["--output", "x.png", "--large", "{runs}/none"], "none"),
        (["--output", "x.jpg"], "x.jpg ends in neither .png, .svg nor .pdf"),
        (["--large", "{runs}/1"], "is for the picture: give its file by --output too"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_fitting(
    trained: Path, tmp_path: Path, monkeypatch, capsys, words, message
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as error:
        main(["cascade", str(trained / "3"), *(each.format(runs=trained) for each in words)])
    assert error.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (trained / "3" / "ensemble" / "cascade.json").exists()
    assert list(tmp_path.iterdir()) == []
