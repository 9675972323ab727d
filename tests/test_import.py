"""`import cotrain` is cheap: heavy libraries are imported where they are used."""

import json
import subprocess
import sys

HEAVY = {
    "PIL",
    "jsonargparse",
    "lightning",
    "matplotlib",
    "onnx",
    "pytorch_lightning",
    "sklearn",
    "timm",
    "torchvision",
}


def test_import_loads_nothing_heavy():
    code = "import json, sys, cotrain; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(json.loads(done.stdout))
    assert "cotrain" in modules
    assert modules & HEAVY == set()
    assert done.stderr == ""
