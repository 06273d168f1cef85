"""Flavour taggers as ONNX graphs; that all models score alike is in the contract of models."""

import numpy as np
import pytest
from helpers.toy_z_events import z_events

from hepsets.core.errors import InputError
from hepsets.deploy.onnx.vertexed_events import OnnxVertexedModel, export_vertexed_onnx
from hepsets.learn.training.score import score_heads
from hepsets.learn.vertexed_events.recipe import build_vertexed_model
from hepsets.represent.vertexed_events.data import VertexedData
from hepsets.represent.vertexed_events.inputs import proper_inputs


def test_the_file_says_what_goes_in_and_gives_every_class_and_the_charge(tmp_path) -> None:
    some = z_events(10, seed=1)
    model = build_vertexed_model(
        "deep_sets", classes=("b", "c", "s", "ud"), charge=True, level="hemisphere", units=8
    )
    export_vertexed_onnx(model, tmp_path / "m.onnx")
    onnx = OnnxVertexedModel(tmp_path / "m.onnx", threads=1)
    assert (onnx.spec, onnx.classes, onnx.charge, onnx.level) == (
        model.spec,
        model.classes,
        True,
        "hemisphere",
    )
    np.testing.assert_allclose(onnx.score(some), score_heads(model, some), atol=1e-5)
    features = VertexedData.from_events(some, proper_inputs("dndx+tof", structure=True))
    np.testing.assert_allclose(onnx.score(features), onnx.score(some), atol=0)
    assert onnx.score(z_events(0)).shape == (0, 5)


def test_other_files_are_refused(tmp_path) -> None:
    (tmp_path / "no.onnx").write_bytes(b"nothing")
    with pytest.raises(InputError):
        OnnxVertexedModel(tmp_path / "no.onnx")
