"""Models of images as ONNX graphs: the same probabilities, whichever way an image is turned."""

import numpy as np
import onnx
import pytest
import torch
from helpers.turned import blobs

from hepsets.core.errors import InputError
from hepsets.deploy.onnx.images import OnnxImageModel, export_image_onnx
from hepsets.learn.images.recipe import image_recipe


def test_the_graph_gives_the_same_probabilities_and_does_not_mind_turns(tmp_path) -> None:
    model, images = image_recipe("p4cnn").build((1, 16, 16), 4, seed=1), blobs([9, 50, 0] * 30, size=16)
    model.network.train()(torch.from_numpy(images.pixels))  # statistics of the batch norms
    model.network.eval()
    export_image_onnx(model, tmp_path / "m.onnx")
    exported = OnnxImageModel(tmp_path / "m.onnx", threads=1)
    assert (exported.shape, exported.classes) == ((1, 16, 16), 4)
    found = exported.probabilities(images)
    np.testing.assert_allclose(found, model.probabilities(images), atol=1e-5)
    assert np.ptp(found) > 0.05
    turned = images.with_pixels(np.rot90(images.pixels, axes=(2, 3)))
    np.testing.assert_allclose(exported.probabilities(turned), found, atol=1e-5)
    np.testing.assert_allclose(exported.probabilities(images[:1]), found[:1], atol=1e-6)
    assert exported.probabilities(images[:0]).shape == (0, 4)
    operators = {node.op_type for node in onnx.load(tmp_path / "m.onnx").graph.node}
    assert "Conv" in operators
    assert "Gather" not in operators  # the turned filters are laid out, once
    with pytest.raises(InputError, match=r"expected \(1, 16, 16\)"):
        exported.probabilities(blobs([3]))


def test_other_files_are_refused(tmp_path) -> None:
    (tmp_path / "no.onnx").write_bytes(b"nothing")
    with pytest.raises(InputError):
        OnnxImageModel(tmp_path / "no.onnx")
