"""``cotrain views``: a picture of what each network would see."""

import numpy as np
import pytest
from PIL import Image

from cotrain.cli import main


def test_a_recipe_is_the_plain_word_which_flags_change(tmp_path, capsys):
    file = tmp_path / "new" / "views.png"
    main(["views", "--into", "2", "digits", "--views.crop", "none", "--output", str(file)])
    assert capsys.readouterr().out == f"views: {file}\n"
    with Image.open(file) as image:
        whole = np.asarray(image.convert("L"))
    assert whole.shape == (1605, 585)
    # Without a crop and a flip both networks see the original: the columns are equal.
    rows = whole[60:]
    columns = np.split(rows, 3, axis=1)
    assert np.abs(columns[0] - columns[1].astype(int)).mean() < 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--output", "views.jpg"], "--output views.jpg ends in neither .png, .svg nor .pdf"),
        (["--images", "0"], "images=0 is below 1"),
        (["digits", "other"], "'other' is one word too many"),
        (["--views.crop", "none", "--views.padding", "2"], "views.padding=2"),
    ],
)
def test_impossible_wishes_are_refused_in_one_line(capsys, words, message):
    with pytest.raises(SystemExit) as error:
        main(["views", *words])
    assert error.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
