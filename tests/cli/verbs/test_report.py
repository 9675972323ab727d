"""``cotrain report``: where the page is written, and what is refused."""

import shutil

import pytest
from reported import odd_run

from cotrain.cli import main


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return odd_run(tmp_path_factory.mktemp("report"))


def refused(capsys, *words):
    with pytest.raises(SystemExit) as error:
        main(["report", *map(str, words)])
    assert error.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    return line


def test_the_page_is_written_into_the_run_or_where_one_says(run, tmp_path, capsys):
    main(["report", str(run)])
    page = run / "report.html"
    assert capsys.readouterr().out.splitlines() == [str(page), str(run / "report_pictures")]
    main(["report", str(run), "--output", str(tmp_path / "it.html")])
    assert (tmp_path / "it.html").read_bytes() == page.read_bytes()
    assert len(page.read_bytes()) < 2**20


def test_impossible_wishes_are_refused_in_one_line(run, tmp_path, capsys):
    said = refused(capsys, tmp_path)
    assert "is no run, and no comparison that has ended: it has no config.yaml" in said
    assert "give the --output of cotrain train or cotrain compare" in said
    images = run.parent / "images"
    assert "where it would be taken for images" in refused(
        capsys, run, "--output", images / "page.html"
    )
    assert "is no regular file" in refused(capsys, run, "--output", tmp_path)


def test_an_ensemble_answers_the_images_that_are_given(run, tmp_path, capsys):
    shutil.copytree(run / "ensemble", tmp_path / "mine")
    said = refused(capsys, tmp_path / "mine")
    assert "mine is an ensemble without answers: give the images that it should answer" in said
    images = ["--data.root", str(run.parent / "images")]
    main(["report", str(tmp_path / "mine"), *images])
    page = tmp_path / "mine" / "report-imagefolder.html"
    assert capsys.readouterr().out.splitlines()[0] == str(page)
    assert "of 96 images right" in page.read_text()
    said = refused(capsys, tmp_path / "mine", *images, "--output", run.parent / "images/x.html")
    assert "where it would be taken for images" in said
    assert "device=cuda would be ignored" in refused(capsys, run, "--device", "cuda")
