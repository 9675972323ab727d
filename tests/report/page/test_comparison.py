"""The page of a comparison holds its record's numbers, and what its runs say."""

import json
import shutil
from pathlib import Path

import pytest
from html_pages import check_whole, read_html
from reported import small_comparison
from training_runs import tiny

from cotrain.basics.errors import ConfigError
from cotrain.basics.run_folder import RunFolder
from cotrain.comparison.accuracy.compare import compare
from cotrain.comparison.accuracy.peers import list_peers
from cotrain.evaluation.evaluate import read_predictions
from cotrain.report.accuracy import write_comparison
from cotrain.report.page.comparison import comparison_page
from cotrain.report.page.rendering import html_of
from cotrain.report.page.subject import page_of
from cotrain.training import fit


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_comparison(tmp_path_factory.mktemp("comparison"))


def test_it_is_whole_and_says_what_the_record_says(folder):
    record = json.loads((folder / "comparison.json").read_text())
    page = comparison_page(folder)
    document = read_html(html_of(page))
    check_whole(document)
    assert [each.name for each in page.pictures] == [
        "error-macs",
        "error-latency-1",
        "error-latency-64",
        "accuracy",
        "divergence",
        "disagreement",
        "reliability",
        "risk-coverage",
    ]
    macs, latency = page.pictures[:2]
    for number, each in enumerate(record["candidates"]):
        error = each["given"]["error"]["mean"]
        assert macs.spots[number].y == error
        assert f"{each['cost']['macs'] / 1e6:.4g} million MACs" in macs.spots[number].text
        assert latency.spots[number].x == each["latencies"][0]["median_ms"]
    table = next(each for each in document.all("table") if "NLL" in each.rows()[0])
    assert [row[0] for row in table.rows()[1:]] == ["S=1", "S=2"]
    assert [row[2] for row in table.rows()[1:]] == [
        f"{each['given']['nll']['mean']:.4f}" for each in record["candidates"]
    ]
    assert list(page.verdict) == record["verdict"]


def test_recalls_are_those_of_the_runs(folder):
    section = comparison_page(folder).sections[-2]
    rows = [row.cells for row in section.tables[0].rows if row]
    for place, run in enumerate(("s1-seed0", "s2-seed0")):
        record = json.loads((folder / run / "evaluation.json").read_text())
        expected = [f"{100 * each['recall']:.2f}" for each in record["by_class"]["classes"]]
        assert [row[1 + place][0] for row in rows] == expected


def test_without_its_runs_the_record_is_shown(folder, tmp_path):
    (tmp_path / "comparison.json").write_bytes((folder / "comparison.json").read_bytes())
    page = comparison_page(tmp_path)
    assert [each.title for each in page.sections] == ["Error and cost", "How training went"]
    assert page.sections[1].says == ["Its runs are gone: there are no curves."]


def test_what_a_peer_answers_is_drawn_and_has_no_page_of_its_own(folder, tmp_path):
    pytest.importorskip("torch_uncertainty")
    peers = tmp_path / "peers"
    shutil.copytree(folder, peers)
    settings = tiny(hardware={"threads": 1})
    (peer,) = list_peers(settings, ["packed:2"])
    run = peers / f"{peer.slug}-seed0"
    fit(peer.experiment, run, progress=False, split_of=peers / "s1-seed0")
    compared = compare(
        settings, peers, into=(1, 2), seeds=(0,), independent=False, peers=["packed:2"]
    )
    write_comparison(compared, peers)
    page = comparison_page(peers)
    curves = next(each for each in page.pictures if each.name == "reliability")
    assert "packed 2" in curves.alt
    recalls = next(each for each in page.sections if "lass" in each.title).tables[0]
    assert [" ".join(each) for each in recalls.columns][1:] == ["S=1", "S=2", "packed 2"]
    with pytest.raises(ConfigError, match="of a packed network, which has no page of its own"):
        page_of(run)


@pytest.mark.parametrize("content", ["{}", "[]", "no JSON"])
def test_a_damaged_record_is_named(tmp_path, content):
    (tmp_path / "comparison.json").write_text(content)
    with pytest.raises(ConfigError, match=r"comparison\.json is of another version, or damaged"):
        comparison_page(tmp_path)


def test_images_that_are_answered_otherwise_are_shown_with_both_votes(folder):
    [section] = [
        each for each in comparison_page(folder).sections if each.title == "Where they differ"
    ]
    right = []
    for run in ("s1-seed0", "s2-seed0"):
        logits, targets = read_predictions(RunFolder(folder / run))
        right.append(logits.mean(0).argmax(-1) == targets)
    counts = [int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())]
    assert sum(counts) > 0
    assert f"alone answers {counts[0]} right, and S=2 alone {counts[1]}" in section.says[0]
    titles = ["S=1 right, S=2 wrong", "S=2 right, S=1 wrong"]
    shown = {each.title: each.exhibits for each in section.galleries}
    for title, count in zip(titles, counts, strict=True):
        assert len(shown.get(title, ())) == min(count, 12)
        for each in shown.get(title, ()):
            assert [vote.voter for vote in each.votes] == ["S=1, seed 0", "S=2, seed 0"]
            assert [vote.right for vote in each.votes] == [title == titles[0], title == titles[1]]
