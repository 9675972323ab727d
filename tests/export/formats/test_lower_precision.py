"""float16 and int8: smaller files, and what they cost in accuracy, measured."""

from dataclasses import replace

import onnx
import pytest
import torch

from cotrain import ConfigError
from cotrain.data import Splits, TensorImages
from cotrain.data.splits import held_out
from cotrain.export import ExportOptions, export_ensemble, load_exported
from cotrain.export.formats.quantization import calibration_batches


@pytest.fixture
def splits(ensemble):
    """Random images whose class is what the ensemble answers."""
    generator = torch.Generator().manual_seed(2)
    pixels = torch.randint(256, (90, 1, 8, 8), generator=generator, dtype=torch.uint8)
    shape = ensemble.spec.preprocessing
    labels = ensemble.predict(shape.normalize(pixels)).argmax(-1)
    parts = [
        TensorImages(tensor=pixels[part], targets=labels[part])
        for part in torch.arange(90).split([40, 30, 20])
    ]
    return Splits(
        train=parts[0],
        val=parts[1],
        test=parts[2],
        classes=ensemble.spec.classes,
        preprocessing=shape,
        unreadable=(),
        tested_on="test",
    )


def nll(ensemble, images):
    p = ensemble.predict(ensemble.spec.preprocessing.normalize(images.tensor))
    return -p.gather(1, images.targets[:, None]).log().mean().item()


def test_half_precision_is_half_the_size_and_its_cost_is_measured(
    ensemble, splits, tmp_path, onnx_file
):
    path = tmp_path / "half.onnx"
    report = export_ensemble(ensemble, path, ExportOptions(format="onnx", precision="fp16"), splits)
    model = onnx.load(path)
    floats = {tensor.data_type for tensor in model.graph.initializer if len(tensor.dims) == 4}
    assert floats == {onnx.TensorProto.FLOAT16}
    types = {each.type.tensor_type.elem_type for each in (*model.graph.input, *model.graph.output)}
    assert types == {onnx.TensorProto.FLOAT}
    assert 1e-6 < report.distance.probabilities < 2e-2
    cost = report.cost
    assert cost is not None
    assert (cost.split, cost.images, cost.top1[0]) == ("validation", 30, 1.0)
    assert cost.nll[0] == pytest.approx(nll(ensemble, splits.val), rel=1e-4)
    assert cost.nll[1] == pytest.approx(cost.nll[0], abs=0.01)
    assert "on 30 validation images: accuracy 100.00% -> " in report.summary()


@pytest.mark.parametrize("calibration_images", [0, 24])
def test_int8_computes_in_8_bits(ensemble, splits, tmp_path, calibration_images):
    path = tmp_path / "int8.onnx"
    options = ExportOptions(format="onnx", precision="int8", calibration_images=calibration_images)
    report = export_ensemble(ensemble, path, options, replace(splits, val=None))
    operations = {node.op_type for node in onnx.load(path).graph.node}
    assert ("QuantizeLinear" if calibration_images else "ConvInteger") in operations
    assert report.distance.probabilities > 1e-4
    assert report.cost is not None
    assert (report.cost.split, report.cost.images) == ("test", 20)
    assert report.cost.top1[1] >= 0.75
    assert load_exported(path).spec.precision == "int8"


def test_half_precision_in_a_graph_of_pytorch(linear_ensemble, splits, tmp_path, pixels):
    options = ExportOptions(format="torch-export", precision="fp16")
    report = export_ensemble(linear_ensemble, tmp_path / "half.pt2", options, splits)
    assert 0 < report.distance.logits < 0.05
    assert load_exported(tmp_path / "half.pt2", trust=True)(pixels).dtype == torch.float32


def test_calibration_images_are_drawn_from_those_trained_on(splits):
    batches = calibration_batches(splits.train, 24, None)
    assert [len(batch) for batch in batches] == [16, 8]
    trained = {tuple(image.flatten().tolist()) for image in splits.train.tensor}
    drawn = {tuple(map(int, image.flatten().tolist())) for image in torch.cat(batches)}
    assert len(drawn) == 24
    assert drawn <= trained
    again = calibration_batches(splits.train, 24, splits.preprocessing)
    torch.testing.assert_close(torch.cat(again), splits.preprocessing.normalize(torch.cat(batches)))


def test_what_cannot_be_measured_or_calibrated_is_refused(ensemble, splits, tmp_path):
    with pytest.raises(ConfigError, match="no validation and no test images"):
        held_out(replace(splits, val=None, test=None))
    options = ExportOptions(format="onnx", precision="int8", calibration_images=41)
    with pytest.raises(ConfigError, match="between 0 and the 40 training images"):
        export_ensemble(ensemble, tmp_path / "f.onnx", options, splits)
    other = replace(splits, classes=("cow", "dog", "owl"))
    with pytest.raises(ConfigError, match="class 0 is 'cat'"):
        export_ensemble(ensemble, tmp_path / "f.onnx", ExportOptions(format="onnx"), other)
