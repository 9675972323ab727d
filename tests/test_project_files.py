"""The files that ask something of people: they are read, and what they tell to run runs."""

import re
import subprocess
import sys
from pathlib import Path

import yaml

from cotrain.basics.machine import hardware

ROOT = Path(__file__).parents[1]


def read(name: str):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_bug_template_asks_for_command_settings_and_machine():
    fields = {each["id"]: each for each in read(".github/ISSUE_TEMPLATE/bug.yml")["body"][1:]}
    assert list(fields) == ["command", "result", "config", "machine"]
    asked = fields["machine"]["attributes"]["description"]
    (code,) = re.findall(r'python -c "(.*)"', asked)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{hardware()}\n"


def test_the_citation_names_the_paper():
    (paper,) = read("CITATION.cff")["references"]
    assert paper["url"] == "https://arxiv.org/abs/2011.14660"
    assert [each["family-names"] for each in paper["authors"]][:2] == ["Zhao", "Zhou"]


def test_commits_are_checked_by_the_tools_of_the_environment():
    (hooks,) = read(".pre-commit-config.yaml")["repos"]
    entries = {each["id"]: each["entry"].split()[0] for each in hooks["hooks"]}
    assert entries == {
        "ruff-check": ".venv/bin/ruff",
        "ruff-format": ".venv/bin/ruff",
        "pyright": ".venv/bin/pyright",
    }
