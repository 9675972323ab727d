"""predict by a cascade: each row as the networks answer that were asked about its image."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from cascades import counting_ensemble, make_cascade
from PIL import Image

from cotrain import ConfigError
from cotrain.cli import main
from cotrain.evaluation.prediction import predict_files


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    draw = np.random.default_rng(0)
    paths = [str(tmp_path / f"{place}.png") for place in range(12)]
    for path in paths:
        Image.fromarray(draw.integers(0, 256, (8, 8), dtype=np.uint8)).save(path)
    return paths


def test_rows_are_the_cascades(files: list[str]):
    ensemble = counting_ensemble(cascade=make_cascade(thresholds=(0.4, 0.38)))
    rows = list(predict_files(ensemble, files, batch_size=5, cascade=True))
    assert [row.path for row in rows] == files
    pixels = torch.stack([torch.from_numpy(np.array(Image.open(file)))[None] for file in files])
    found = ensemble.answer_in_stages(ensemble.prepare(pixels))
    assert [row.asked for row in rows] == found.asked.tolist()
    assert len({row.asked for row in rows}) > 1
    best = found.log_p.exp().max(-1)
    assert [row.label for row in rows] == list(map(str, best.indices.tolist()))
    assert [row.probability for row in rows] == pytest.approx(best.values.tolist(), abs=1e-6)
    alone = [row for row in rows if row.asked == 1]
    assert {row.disagreement for row in alone} == {0.0}
    assert [row.mutual_information for row in alone] == pytest.approx([0.0] * len(alone))
    assert all(row.asked is None for row in predict_files(ensemble, files))


def test_a_broken_network_is_named(files: list[str]):
    ensemble = counting_ensemble(cascade=make_cascade(thresholds=(0.0,)))
    ensemble.networks[2].layer.bias.data[0] = float("nan")  # type: ignore[union-attr]
    rows = list(predict_files(ensemble, files[:2], cascade=True))
    assert [row.error for row in rows] == ["network 2 gives NaN or infinite logits"] * 2
    assert [row.asked for row in rows] == [3, 3]


def test_without_a_cascade_for_this_way_one_line_says_so(files: list[str]):
    ensemble = counting_ensemble(cascade=make_cascade())
    with pytest.raises(ConfigError, match="is not the way that the cascade was fitted for"):
        list(predict_files(ensemble, files, combine="max_logits", cascade=True))
    with pytest.raises(ConfigError, match="has no cascade"):
        list(predict_files(counting_ensemble(), files, cascade=True))


def test_every_format_has_the_column(files, tmp_path: Path, capsys, monkeypatch):
    ensemble = counting_ensemble(cascade=make_cascade(thresholds=(0.0,)))
    monkeypatch.setattr("cotrain.export.open_answering", lambda *_, **__: ensemble)
    main(["predict", "run", files[0], "--cascade", "--format", "jsonl"])
    assert json.loads(capsys.readouterr().out)["asked"] == 1
    main(["predict", "run", files[0], "--cascade", "--format", "csv"])
    header, row = capsys.readouterr().out.splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["asked"] == "1"
    main(["predict", "run", files[0], "--cascade"])
    assert "asked" in capsys.readouterr().out
    main(["predict", "run", files[0]])
    assert "asked" not in capsys.readouterr().out
