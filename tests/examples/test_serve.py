"""The example that serves a file over HTTP: its functions, and a real request where it can run."""

import base64
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import types
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

EXAMPLE = Path(__file__).parents[2] / "examples" / "serve.py"


@pytest.fixture
def request_body(pixels, tmp_path):
    Image.fromarray(pixels[0, 0].numpy()).save(tmp_path / "image.png")
    image = base64.b64encode((tmp_path / "image.png").read_bytes()).decode()
    return {"image": image}


@pytest.fixture
def expected(ensemble, pixels):
    probability, label = ensemble.predict(ensemble.spec.preprocessing.normalize(pixels[:1])).max(-1)
    return ("cat", "dog", "owl")[int(label)], probability.item()


def test_functions(onnx_file, request_body, expected, pixels, monkeypatch):
    monkeypatch.setitem(sys.modules, "litserve", types.SimpleNamespace(LitAPI=object))
    found: Any = importlib.util.spec_from_file_location("serve", EXAMPLE)
    serve = importlib.util.module_from_spec(found)
    found.loader.exec_module(serve)
    api = serve.EnsembleAPI(str(onnx_file))
    api.setup("cpu")
    image = api.decode_request(request_body)
    np.testing.assert_array_equal(image, pixels[0].numpy())
    outputs = api.unbatch(api.predict(api.batch([image, image])))
    assert len(outputs) == 2
    answer = api.encode_response(outputs[1])
    assert answer["label"] == expected[0]
    assert answer["probability"] == pytest.approx(expected[1], abs=1e-5)


def test_a_request(onnx_file, request_body, expected, tmp_path):
    pytest.importorskip("litserve")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(tmp_path / "log", "w") as log:
        command = [sys.executable, str(EXAMPLE), str(onnx_file), str(port)]
        server = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=tmp_path, start_new_session=True
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", server, tmp_path / "log")
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/predict",
            json.dumps(request_body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # its workers outlive it otherwise
        server.wait(30)
    assert answer["label"] == expected[0]
    assert answer["probability"] == pytest.approx(expected[1], abs=1e-5)


def wait_for(url: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(300):
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())
