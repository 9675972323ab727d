"""Serve an ensemble over HTTP, with the answers of ``cotrain predict``; images that come at the
same time are answered together.

    pip install 'cotrain[export]' litserve
    python serve.py ensemble.onnx 8000        # or a run folder, or an ensemble's own folder
    curl localhost:8000/predict -H 'Content-Type: application/json' \
        -d "{\"image\": \"$(base64 -w0 cat.png)\"}"

It is reached from this machine alone unless ``--host 0.0.0.0`` is given; put what asks who one is
before it then. What is no image, or too large, is answered with a status of 4xx and the reason.
"""

import argparse
import base64
import ctypes
import io
import os
import signal
import sys

import litserve
from PIL import Image
from pydantic import BaseModel
from starlette.responses import JSONResponse

import cotrain
from cotrain.basics.processes import end_with_parent
from cotrain.evaluation.prediction import predict_files

LARGEST_BODY = 16 * 2**20  # bytes; base64 makes 12 MB of image 16
MOST_PIXELS = 50_000_000  # of an image: a small file can hold gigabytes


class Picture(BaseModel):
    """A request: an image file in base64."""

    image: str


class EnsembleAPI(litserve.LitAPI):
    """Answers requests; its methods run in a process of its own.

    Args:
        path: What ``cotrain.load`` opens.
        options: LitServe's, such as ``max_batch_size``.
    """

    def __init__(self, path: str, **options) -> None:
        super().__init__(**options)
        self.path = path

    def setup(self, device) -> None:
        end_with_parent()
        Image.MAX_IMAGE_PIXELS = MOST_PIXELS
        self.ensemble = cotrain.load(self.path)

    def decode_request(self, request: Picture) -> io.BytesIO:
        """The file; nothing is raised here, as that would fail all requests of the batch."""
        try:
            return io.BytesIO(base64.b64decode(request.image, validate=True))
        except ValueError:  # no base64, which is then no image
            return io.BytesIO()

    def batch(self, inputs):
        return list(inputs)

    def predict(self, x):
        return list(predict_files(self.ensemble, x, batch_size=len(x)))

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        if output.error is not None:
            return JSONResponse({"detail": output.error}, status_code=422)
        names = ("label", "probability", "disagreement", "mutual_information")
        return {name: getattr(output, name) for name in names}


def end_forked_with_parent() -> None:
    """LitServe's other processes are forked, and would outlive one that is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


if __name__ == "__main__":
    words = argparse.ArgumentParser()
    words.add_argument("path", help="a run folder, an ensemble's folder, or an exported file")
    words.add_argument("port", type=int)
    words.add_argument("--host", default="127.0.0.1", choices=("127.0.0.1", "0.0.0.0", "::"))
    given = words.parse_args()
    os.register_at_fork(after_in_child=end_forked_with_parent)
    litserve.LitServer(
        EnsembleAPI(given.path, max_batch_size=16, batch_timeout=0.005),
        accelerator="cpu",
        max_payload_size=LARGEST_BODY,
    ).run(host=given.host, port=given.port, generate_client_file=False)
