"""``cotrain completion``: bash itself completes with what it prints."""

import shutil
import subprocess

import pytest

from cotrain.cli import main

ASK = """
COMP_WORDS=({words}); COMP_CWORD={last}
_shtab_cotrain
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(script: str, *words: str) -> list[str]:
    ask = ASK.format(words=" ".join(words), last=len(words) - 1)
    done = subprocess.run(["bash", "-c", script + ask], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_verbs_flags_and_choices(capsys):
    main(["completion", "bash"])
    script = capsys.readouterr().out
    assert completed(script, "cotrain", "tr") == ["train"]
    assert completed(script, "cotrain", "predict", "--comb") == ["--combine"]


@pytest.mark.parametrize("words", [[], ["fish"], ["bash", "zsh"]])
def test_other_words_are_told_what_to_give(capsys, words):
    with pytest.raises(SystemExit) as ended:
        main(["completion", *words])
    assert ended.value.code == 2
    assert "completion takes the shell, bash or zsh" in capsys.readouterr().err


def test_zsh(capsys):
    main(["completion", "zsh"])
    assert capsys.readouterr().out.startswith("#compdef cotrain")
