"""Serve an exported ensemble over HTTP, without cotrain: images that come together are answered
together.

    pip install litserve onnxruntime pillow
    python serve.py ensemble.onnx 8000
    curl localhost:8000/predict -H 'Content-Type: application/json' \
        -d "{\"image\": \"$(base64 -w0 cat.png)\"}"
"""

import base64
import io
import json
import sys

import litserve
import numpy as np
import onnxruntime
from PIL import Image, ImageOps


class EnsembleAPI(litserve.LitAPI):
    def __init__(self, path, **options):
        super().__init__(**options)
        self.path = path

    def setup(self, device):
        self.session = onnxruntime.InferenceSession(self.path)
        self.about = json.loads(self.session.get_modelmeta().custom_metadata_map["cotrain"])

    def decode_request(self, request):
        size, channels = self.about["image_size"], self.about["in_channels"]
        image = Image.open(io.BytesIO(base64.b64decode(request["image"])))
        image = ImageOps.fit(image.convert("L" if channels == 1 else "RGB"), (size, size))
        return np.asarray(image, np.float32).reshape(size, size, channels).transpose(2, 0, 1)

    def batch(self, inputs):
        return np.stack(inputs)

    def predict(self, images):
        outputs = ["probabilities", "disagreement"]
        return list(zip(*self.session.run(outputs, {"images": images}), strict=True))

    def unbatch(self, output):
        return output

    def encode_response(self, output):
        probabilities, disagreement = output
        label = int(probabilities.argmax())
        return {
            "label": self.about["classes"][label] if self.about["classes"] else label,
            "probability": float(probabilities[label]),
            "disagreement": float(disagreement),
        }


if __name__ == "__main__":
    api = EnsembleAPI(sys.argv[1], max_batch_size=16, batch_timeout=0.005)
    litserve.LitServer(api, accelerator="cpu").run(port=int(sys.argv[2]))
