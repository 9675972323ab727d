"""Broken and malicious files by name, each with the command that meets it."""

import json
import pickle

import safetensors.torch
import torch
from hostile_makers import (
    Case,
    as_type,
    changed_state,
    exported,
    image,
    imported,
    pickled,
    teaching,
    timm,
    with_checkpoint,
    with_field,
    with_file,
    with_recipe,
    with_spec,
    with_weights,
)
from pickles import Payload

DEEP = b"[" * 100_000 + b"]" * 100_000
LAUGHS = b"a: &a [x, x]\n" + b"".join(
    b"%c: &%c [*%c, *%c, *%c]\n" % (97 + i, 97 + i, 96 + i, 96 + i, 96 + i) for i in range(1, 25)
)
CODE = '{class_path: pathlib.Path, init_args: {args: ["CANARY"]}}'
TAG = "!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path [CANARY]]"
SCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n(CANARY) (w) file closefile\nshowpage\n"

SPECS: dict[str, Case] = {
    **{
        f"spec-{name}-{str(value)[:20]}": with_field(name, value)
        for name, value in (
            ("preprocessing.margin", float("nan")),
            ("preprocessing.margin", 1e9),
            ("preprocessing.margin", -1),
            ("preprocessing.image_size", -5),
            ("preprocessing.image_size", "16"),
            ("preprocessing.image_size", 10**7),
            ("preprocessing.background", "../x"),
            ("preprocessing.mean", []),
            ("preprocessing.std", [0]),
            ("network.image_size", 10**7),
            ("network.num_classes", 10**9),
            ("network.num_classes", 3),
            ("network.family", "__import__"),
            ("network.blocks", [10**6]),
            ("network.blocks", None),
            ("network.extra", 1),
            ("classes", ["a", "b"]),
            ("classes", [1] * 10),
            ("classes", list("ab") * 5 + ["c"]),
            ("into", 10**20),
            ("into", 0),
            ("into", "2"),
            ("combine", "exec"),
            ("format", 10**30),
            ("weights_sha256", None),
            ("network", timm(versions={"no-such-package": "1"})),
            ("network", timm(versions={"timm": 3})),
            ("network", timm(kwargs={"checkpoint_path": "CANARY"})),
            ("network", timm(arch="timm:hf-hub:some/thing")),
            ("network", timm(arch="hf:../CANARY")),
            ("network", timm(arch="os:system")),
        )
    },
    "spec-utf16": with_spec(lambda record, _: json.dumps(record).encode("utf-16")),
    "spec-latin1": with_spec(lambda record, _: b'{"a": "\xe9"}'),
    "spec-deep": with_spec(lambda record, _: DEEP),
    "spec-list": with_spec(lambda record, _: "[]"),
    "spec-empty": with_spec(lambda record, _: ""),
    "spec-digits": with_spec(lambda record, _: '{"into": ' + "9" * 5000 + "}"),
    "spec-pickle": with_spec(pickled),
}
WEIGHTS: dict[str, Case] = {
    "weights-pickle": with_weights(pickled),
    "weights-empty": with_weights(lambda *_: b""),
    "weights-none": with_weights(lambda *_: safetensors.torch.save({})),
    "weights-header": with_weights(lambda *_: (2**60).to_bytes(8, "little") + b"{}"),
    "weights-cut": with_weights(lambda weights, _: safetensors.torch.save(weights)[:-100]),
    **{
        f"weights-{str(kind)[6:]}": as_type(kind)
        for kind in (torch.float64, torch.bfloat16, torch.int8, torch.bool)
    },
}
DISTILL = ["distill", "RUN", "--output", "out"]
RUNS: dict[str, Case] = {
    **{
        f"run-{name}-{verb[0]}": with_file("config.yaml", content, *verb)
        for verb in (["evaluate", "RUN"], ["table", "RUN"], ["train", "--resume", "RUN"], DISTILL)
        for name, content in {
            "class": f"network_options: {{x: {CODE}}}".encode(),
            "tag": f"network_options: {TAG}".encode(),
            "laughs": LAUGHS,
            "utf16": "into: 2".encode("utf-16"),
            "deep": DEEP,
        }.items()
    },
    "run-evaluation": with_file("evaluation.json", b'{"ensemble": []}', "table", "RUN"),
}
CHECKPOINTS: dict[str, Case] = {
    "checkpoint-list": with_checkpoint(lambda *_: [1, 2]),
    "checkpoint-number": with_checkpoint(lambda *_: 3),
    "checkpoint-empty": with_checkpoint(lambda *_: {}),
    "checkpoint-weights-only": with_checkpoint(lambda state, _: state["state_dict"]),
    "checkpoint-pickle": with_checkpoint(lambda state, canary: {"x": Payload(canary)}),
    "checkpoint-no-weights": changed_state(state_dict={}),
    "checkpoint-weights-list": changed_state(state_dict=[1]),
    "checkpoint-weights-text": changed_state(state_dict={"a": "b"}),
    "checkpoint-epoch-text": changed_state(epoch="x"),
    "checkpoint-own": changed_state(cotrain={}),
    "checkpoint-own-values": with_checkpoint(
        lambda state, _: {**state, "cotrain": {**state["cotrain"], "random_state": "x"}}
    ),
    "checkpoint-threads": with_checkpoint(
        lambda state, _: {**state, "cotrain": {**state["cotrain"], "threads": "x"}}
    ),
    "checkpoint-optimizers": changed_state(optimizer_states=[{"state": 1}]),
    "checkpoint-schedulers": changed_state(lr_schedulers="x"),
    "checkpoint-callbacks": changed_state(callbacks=[1]),
    "checkpoint-loops": changed_state(loops={"fit_loop": 1}),
    "checkpoint-float64": with_checkpoint(
        lambda state, _: {
            **state,
            "state_dict": {key: each.double() for key, each in state["state_dict"].items()},
        }
    ),
}
IMPORTS: dict[str, Case] = {
    "import-pickle": imported("x.pth", lambda path, canary: path.write_bytes(pickled(0, canary))),
    "import-torch": imported("x.pth", lambda path, canary: torch.save(Payload(canary), path)),
    "import-named": imported(
        "x.safetensors", lambda path, canary: path.write_bytes(pickled(0, canary))
    ),
    "import-list": imported("x.pth", lambda path, _: torch.save([1], path)),
    "import-keys": imported("x.pth", lambda path, _: torch.save({1: torch.ones(1)}, path)),
    "import-names": imported("x.pth", lambda path, _: torch.save({"a": torch.ones(1)}, path)),
    "import-values": imported("x.pth", lambda path, _: torch.save({"models.0.a": 1}, path)),
    "import-sparse": imported(
        "x.pth", lambda path, _: torch.save({"models.0.a": torch.ones(2, 2).to_sparse()}, path)
    ),
    "import-type": imported(
        "x.pth", lambda path, _: torch.save({"models.0.a": torch.ones(1).int()}, path)
    ),
    "import-garbage": imported("x.pth", lambda path, _: path.write_bytes(b"garbage")),
}
RECIPES: dict[str, Case] = {
    "recipe-class": with_recipe(f"network: basic_resnet8_4\nnetwork_options: {{x: {CODE}}}"),
    "recipe-optimizer": with_recipe(f"optimizer: {{options: {{x: {CODE}}}}}"),
    "recipe-tag": with_recipe(f"network: {TAG}"),
    "recipe-laughs": with_recipe(LAUGHS),
    "recipe-recursive": with_recipe("into: &a [*a]"),
    "recipe-digits": with_recipe("seed: " + "9" * 5000),
    "recipe-utf16": with_recipe("into: 2".encode("utf-16")),
    "recipe-latin1": with_recipe(b"network: caf\xe9"),
    "recipe-deep": with_recipe(DEEP),
    "recipe-nul": with_recipe(b"network: \x00"),
}
EXPORTED: dict[str, Case] = {
    **{
        f"manifest-{name}": exported({"split/manifest.json": content}, "split")
        for name, content in {
            "utf16": '{"files": []}'.encode("utf-16"),
            "latin1": b'{"files": "\xe9"}',
            "deep": DEEP,
            "list": b"[]",
            "null": b"null",
            "empty": b"",
            "files": b'{"files": 3}',
            "digits": b'{"into": ' + b"9" * 5000 + b"}",
        }.items()
    },
    "onnx-garbage": exported({"f.onnx": b"garbage"}, "f.onnx"),
    "onnx-empty": exported({"f.onnx": b""}, "f.onnx"),
    "onnx-zip": exported({"f.onnx": b"PK\x03\x04zip"}, "f.onnx"),
    "onnx-pickle": exported({"f.onnx": b"\x80\x04K\x01."}, "f.onnx"),
    "pt2": exported({"f.pt2": b"PK\x03\x04zip"}, "f.pt2"),
    "pt2-garbage": exported({"f.pt2": b"garbage"}, "f.pt2"),
    "no-suffix": exported({"f": b"PK\x03\x04zip"}, "f"),
}
IMAGES: dict[str, Case] = {
    "image-script": image("x.png", SCRIPT),
    "image-eps": image("x.eps", SCRIPT),
    "image-empty": image("x.png", b""),
    "image-text": image("x.jpg", b"CANARY"),
    "image-cut": image("x.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"),
    "image-bomb": image(
        "x.bmp",
        b"BM"
        + bytes(8)
        + (54).to_bytes(4, "little")
        + (40).to_bytes(4, "little")
        + (2**30).to_bytes(4, "little") * 2
        + (1).to_bytes(2, "little")
        + (24).to_bytes(2, "little")
        + bytes(24),
    ),
    "image-pickle": image("x.npy", pickle.dumps([1])),
}
TEACHERS: dict[str, Case] = {
    f"teacher-{name}": teaching(case)
    for name, case in {**SPECS, **WEIGHTS, **EXPORTED}.items()
    if name in ("spec-deep", "spec-pickle", "weights-pickle", "weights-cut", "onnx-pickle", "pt2")
}
HOSTILE: dict[str, Case] = {
    **SPECS,
    **WEIGHTS,
    **RUNS,
    **CHECKPOINTS,
    **IMPORTS,
    **RECIPES,
    **EXPORTED,
    **IMAGES,
    **TEACHERS,
}
