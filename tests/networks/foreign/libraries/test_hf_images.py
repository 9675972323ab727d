"""Images of transformers' own processors, which ours are to be pixel for pixel."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from cotrain.basics.errors import ConfigError
from cotrain.data.fitting import fit_image
from cotrain.data.images import to_tensor
from cotrain.ensemble.preprocessing import native_images
from cotrain.networks import ForeignSpec
from cotrain.networks.foreign.libraries.hf_images import images_of, why_not

transformers = pytest.importorskip("transformers")


def _photo(width, height):
    blocks = np.random.default_rng(0).integers(0, 255, (height // 10, width // 10, 3))
    return Image.fromarray(blocks.repeat(10, 0).repeat(10, 1).astype("uint8"))


def _spec(folder, native):
    config = {"model_type": "vit"}
    (folder / "config.json").write_text(json.dumps(config))
    return ForeignSpec(
        arch=f"hf:{folder}",
        source="hf",
        num_classes=3,
        image_size=native.image_size,
        kwargs=config,
    )


@pytest.mark.parametrize("size", [(300, 200), (150, 250), (80, 80)])
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("ViT", {"size": {"height": 48, "width": 48}}),
        ("DeiT", {"size": {"height": 64, "width": 64}, "crop_size": 48}),
        ("Beit", {"size": {"height": 48, "width": 48}}),
        ("Siglip", {"size": {"height": 48, "width": 48}}),
        ("CLIP", {"size": {"shortest_edge": 48}, "crop_size": 48}),
        ("Bit", {"size": {"shortest_edge": 64}, "crop_size": 48}),
        ("ConvNext", {"size": {"shortest_edge": 48}, "crop_pct": 0.8}),
        ("ConvNext", {}),
        ("PoolFormer", {}),
        ("Levit", {}),
        ("EfficientNet", {"size": {"height": 48, "width": 48}}),
        ("EfficientNet", {"size": {"height": 48, "width": 48}, "include_top": False}),
        ("EfficientNet", {"rescale_factor": 1 / 127.5, "rescale_offset": True}),
        ("ViT", {"do_normalize": False}),
        ("ViT", {"do_rescale": False, "image_mean": [99.0] * 3, "image_std": [60.0] * 3}),
    ],
)
def test_images_are_those_of_the_processor(tmp_path, kind, settings, size):
    maker = getattr(transformers, f"{kind}ImageProcessorPil", None)
    if maker is None:
        pytest.skip("this transformers has no processors that use Pillow by this name")
    processor = maker(**settings)
    processor.save_pretrained(tmp_path)
    photo = _photo(*size)
    expected = torch.as_tensor(np.asarray(processor(photo)["pixel_values"][0]))
    native = native_images(_spec(tmp_path, images_of(tmp_path, 1)))
    assert native is not None
    images = native.normalize(to_tensor(fit_image(photo, native)))
    torch.testing.assert_close(images, expected.float(), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize(
    ("written", "size", "margin", "crop_mode"),
    [  # as older versions wrote them
        ({"feature_extractor_type": "ViTFeatureExtractor", "size": 224}, 224, 1, "squash"),
        (
            {"feature_extractor_type": "DeiTFeatureExtractor", "do_center_crop": True}
            | {"size": 256, "crop_size": 224},
            224,
            256 / 224,
            "squash",
        ),
        (
            {"feature_extractor_type": "CLIPFeatureExtractor", "do_center_crop": True}
            | {"size": 224, "crop_size": 224},
            224,
            1,
            "center",
        ),
        (
            {"feature_extractor_type": "ConvNextFeatureExtractor", "size": 224, "crop_pct": 0.875},
            224,
            256 / 224,
            "center",
        ),
    ],
)
def test_a_size_that_is_one_number(tmp_path, written, size, margin, crop_mode):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(written))
    native = images_of(tmp_path, 1)
    assert (native.image_size, native.crop_mode) == (size, crop_mode)
    assert native.margin == pytest.approx(margin)


def test_without_a_file_images_are_those_of_imagenet(tmp_path):
    native = images_of(tmp_path, (32, 48))
    assert (native.image_size, native.margin, native.crop_mode) == (48, 1, "center")
    assert native.mean == (0.485, 0.456, 0.406)


@pytest.mark.parametrize("written", ['{"size": "big"}', '{"size": 8, "image_mean": 1}', "[1]"])
def test_a_file_that_is_not_understood_is_named(tmp_path, written):
    (tmp_path / "preprocessor_config.json").write_text(written)
    with pytest.raises(ConfigError, match=r"preprocessor_config.json .*: fetch it again"):
        images_of(tmp_path, 1)


def test_what_is_not_done_to_images_is_said(tmp_path):
    path = tmp_path / "preprocessor_config.json"
    assert why_not(tmp_path) is None
    path.write_text('{"do_flip_channel_order": true}')
    assert why_not(tmp_path) == "their channels are blue, green and red"
    path.write_text('{"do_color_quantize": true}')
    assert why_not(tmp_path) == "their colours are clustered"
