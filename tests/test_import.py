"""`import cotrain` is cheap: heavy libraries are imported where they are used."""

import importlib
import json
import subprocess
import sys

import pytest

import cotrain

HEAVY = {
    "PIL",
    "beartype",
    "jaxtyping",
    "jsonargparse",
    "lightning",
    "matplotlib",
    "onnx",
    "pytorch_lightning",
    "sklearn",
    "timm",
    "torch",
    "torchvision",
}


def test_import_loads_nothing_heavy():
    code = "import json, sys, cotrain; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(json.loads(done.stdout))
    assert "cotrain" in modules
    assert modules & HEAVY == set()
    assert done.stderr == ""


def test_what_is_imported_when_asked_for():
    assert cotrain.Ensemble is importlib.import_module("cotrain.ensemble").Ensemble
    assert cotrain.networks is importlib.import_module("cotrain.networks")
    assert all(hasattr(cotrain, name) for name in cotrain.__all__)
    with pytest.raises(AttributeError, match="module 'cotrain' has no attribute 'nothing'"):
        _ = cotrain.nothing
