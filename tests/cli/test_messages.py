"""What a user is told of wrong words: the flag, the value, what it can be, the nearest word."""

import pytest

from cotrain.cli import main


def refusal(capsys, *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["trian"], "'trian' is no verb of cotrain, did you mean train?: see cotrain --help"),
        (["qqq"], "'qqq' is no verb of cotrain: see cotrain --help"),
        (["train", "--epoch", "3"], "--epoch is not known, did you mean --epochs?"),
        (
            ["train", "--data.image_sise", "3"],
            "--data.image_sise is not known, did you mean --data.image_size?",
        ),
        (["compare", "--progress", "a"], "--progress is not known: see cotrain compare --help"),
        (["predict", "a", "b", "--combin", "c"], "--combin is not known, did you mean --combine?"),
        (["evaluate", "a", "--data.rot", "c"], "did you mean --data.root?"),
        (["train", "--into", "x"], "--into x is not a whole number"),
        (["train", "--ema", "abc"], "--ema abc is not a number or null"),
        (["train", "--data.mean", "abc"], "--data.mean abc is not a list, each a number or null"),
        (["train", "--views.scale", "1"], "--views.scale 1 is not a list of 2, each a number"),
        (["train", "--views.crop", "foo"], "--views.crop foo is not one of none, pad, resized"),
        (["train", "--network-options", "5"], "--network_options 5 is not a map"),
        (
            ["train", "--hardware", "5"],
            "--hardware 5: it is a group of settings, such as --hardware.accelerator",
        ),
        (["divide"], "NETWORK is missing: see cotrain divide --help"),
        (["train", "extra"], "'extra' is one word too many"),
    ],
)
def test_wrong_words_are_told_without_types_of_python(capsys, words, told):
    line = refusal(capsys, *words)
    assert told in line
    assert not any(word in line for word in ("class '", "Literal", "Union", "Parser", "NoneType"))


def test_a_librarys_network_is_suggested_by_its_whole_name(capsys):
    line = refusal(capsys, "divide", "convnext_tiny")
    assert "did you mean timm:convnext_tiny, torchvision:convnext_tiny?" in line
