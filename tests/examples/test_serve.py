"""The example that serves an ensemble over HTTP: its functions, and real requests where it can run.

Every kind of image file is answered as ``cotrain predict`` does it, and what is none with 4xx.
"""

import base64
import importlib.util
import io
import json
import signal
import socket
import subprocess
import sys
import time
import types
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

import cotrain

EXAMPLE = Path(__file__).parents[2] / "examples" / "serve.py"


def png_bomb() -> bytes:
    """A PNG of some kilobytes with 60,000 x 60,000 pixels of 1 bit."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return len(content).to_bytes(4, "big") + checked + zlib.crc32(checked).to_bytes(4, "big")

    size = (60_000).to_bytes(4, "big")
    pixels = zlib.compress(bytes(60_000 // 8 + 1) * 60)
    header = chunk(b"IHDR", size + size + bytes([1, 0, 0, 0, 0]))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def encoded(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def kinds_of_images() -> dict[str, bytes]:
    values = np.random.default_rng(0).integers(256, size=(9, 12, 4), dtype=np.uint8)
    rgb = Image.fromarray(values[..., :3])
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    deep = Image.fromarray(values[..., 0].astype(np.uint16) * 257)
    return {
        "rgb": encoded(rgb, format="PNG"),
        "turned": encoded(rgb, format="JPEG", exif=turned),
        "transparent": encoded(Image.fromarray(values), format="PNG"),
        "grey": encoded(Image.fromarray(values[..., 1]), format="PNG"),
        "deep grey": encoded(deep, format="PNG"),
        "palette": encoded(rgb.convert("P"), format="GIF"),
        "cmyk": encoded(rgb.convert("CMYK"), format="JPEG"),
    }


GOOD = kinds_of_images()
BAD = {"text": b"no image", "nothing": b"", "cut": GOOD["rgb"][:60], "bomb": png_bomb()}


@pytest.fixture
def expected(onnx_file, tmp_path) -> dict[str, dict[str, Any]]:
    """What ``predict`` answers to the good files, by kind."""
    for name, content in GOOD.items():
        (tmp_path / name).write_bytes(content)
    rows = cotrain.load(onnx_file).predict_files([tmp_path / name for name in GOOD])
    assert len({row.probability for row in rows}) == len(GOOD)
    fields = ("label", "probability", "disagreement", "mutual_information")
    return {
        name: {field: getattr(row, field) for field in fields}
        for name, row in zip(GOOD, rows, strict=True)
    }


class Refused:
    """Stands for starlette's response where that is not installed."""

    def __init__(self, content: dict[str, str], status_code: int) -> None:
        self.content, self.status_code = content, status_code


def test_functions(onnx_file, expected, monkeypatch):
    """One bad image of a batch does not fail the good ones, in whatever order they come."""
    stands_for = {
        "litserve": types.SimpleNamespace(LitAPI=object),
        "pydantic": types.SimpleNamespace(BaseModel=object),
        "starlette": types.ModuleType("starlette"),
        "starlette.responses": types.SimpleNamespace(JSONResponse=Refused),
    }
    for name, module in stands_for.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)
    found: Any = importlib.util.spec_from_file_location("serve", EXAMPLE)
    serve = importlib.util.module_from_spec(found)
    found.loader.exec_module(serve)
    monkeypatch.setattr(serve, "end_with_parent", lambda: None)
    api = serve.EnsembleAPI(str(onnx_file))
    api.setup("cpu")
    mixed = {**GOOD, **BAD}
    requests = [base64.b64encode(mixed[name]).decode() for name in sorted(mixed)] + ["no base64!"]
    inputs = [api.decode_request(types.SimpleNamespace(image=each)) for each in requests]
    outputs = [api.encode_response(each) for each in api.unbatch(api.predict(api.batch(inputs)))]
    answers = dict(zip([*sorted(mixed), "no base64"], outputs, strict=True))
    for name, answer in expected.items():
        assert answers.pop(name) == pytest.approx(answer), name
    assert {name: each.status_code for name, each in answers.items()} == dict.fromkeys(
        [*BAD, "no base64"], 422
    )
    assert "3600000000 pixels" in answers["bomb"].content["detail"]


@pytest.fixture
def server(onnx_file, tmp_path) -> Iterator[tuple[subprocess.Popen, int]]:
    """The server's process and its port."""
    pytest.importorskip("litserve")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(tmp_path / "log", "w") as log:
        command = [sys.executable, str(EXAMPLE), str(onnx_file), str(port)]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path)
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, tmp_path / "log")
        yield process, port
    finally:
        process.kill()
        process.wait(30)


def wait_for(url: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())


def poster(port: int) -> Callable[[bytes], tuple[int, Any]]:
    """What sends a body, and gives the status and the answer."""

    def post(body: bytes) -> tuple[int, Any]:
        url, kind = f"http://127.0.0.1:{port}/predict", {"Content-Type": "application/json"}
        try:
            request = urllib.request.Request(url, body, kind)
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    return post


def body_of(content: bytes) -> bytes:
    return json.dumps({"image": base64.b64encode(content).decode()}).encode()


def children_of(pid: int) -> set[int]:
    """The processes that a process started, and those that they did (Linux)."""
    found: set[int] = set()
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, path.read_text().split()):
            found |= {child, *children_of(child)}
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_requests(server, expected, tmp_path, number):
    process, port = server
    post = poster(port)
    bodies = [body_of(content) for content in (*GOOD.values(), *BAD.values())]
    with ThreadPoolExecutor(len(bodies)) as pool:
        answers = list(pool.map(post, bodies))
    for (status, answer), wanted in zip(answers[: len(GOOD)], expected.values(), strict=True):
        assert (status, answer) == (200, pytest.approx(wanted))
    assert [status for status, _ in answers[len(GOOD) :]] == [422] * len(BAD)
    for body in (b"{", b"[]", b"{}", b'{"image": 3}', b"[" * 10**5, b'{"image": "!"}'):
        assert 400 <= post(body)[0] < 500, body[:20]
    assert post(body_of(bytes(13 * 2**20)))[0] == 413
    with pytest.raises(OSError, match="refused"):  # another address of this machine
        socket.create_connection(("127.0.0.2", port), timeout=5)
    assert post(bodies[0])[0] == 200
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*GOOD, "log"])
    others = children_of(process.pid)
    assert len(others) >= 2
    process.send_signal(number)
    process.wait(30)
    for _ in range(100):
        if not any(map(is_alive, others)):
            return
        time.sleep(0.1)
    raise AssertionError(f"of {others} some outlive the server")
