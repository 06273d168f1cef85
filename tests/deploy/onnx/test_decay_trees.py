from pathlib import Path

import numpy as np
import onnx
import pytest
from helpers.random_events import random_events

from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.deploy.onnx.decay_trees import OnnxModel, export_onnx
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.training.score import score

EVENTS = random_events(30)
PDG_MAP = PdgMap.fit(EVENTS.particles["pdg"])


def test_the_graph_takes_physical_columns_and_pdg_ids(tmp_path) -> None:
    path = tmp_path / "model.onnx"
    export_onnx(build_model("deep_sets_pdg", PDG_MAP, drop=("x",)), path)
    graph = onnx.load(path).graph
    assert [entry.name for entry in graph.input] == ["particles", "pdg", "mothers", "offsets"]
    assert [entry.name for entry in graph.output] == ["score"]
    shape = graph.input[0].type.tensor_type.shape.dim
    assert shape[0].dim_param
    assert shape[1].dim_value == 8
    assert [item.name for item in tmp_path.iterdir()] == ["model.onnx"]  # one file, nothing beside it


@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("coordinates", ["cartesian", "cylindrical"])
def test_scaler_features_and_heads_are_in_the_graph(coordinates: str, heads: int, tmp_path) -> None:
    options = {"coordinates": coordinates, "heads": heads, "drop": ("energy",)}
    model = build_model("deep_sets_gcn_pdg_normalized", PDG_MAP, **options)
    model.fit_scaler(model.prepare(EVENTS).features)
    export_onnx(model, tmp_path / "model.onnx")
    exported = OnnxModel(tmp_path / "model.onnx", threads=1)
    np.testing.assert_allclose(exported.score(EVENTS), score(model, EVENTS), rtol=0, atol=1e-5)
    np.testing.assert_allclose(
        exported.score(EVENTS, batch_events=7), score(model, EVENTS), rtol=0, atol=1e-5
    )


def test_a_file_does_not_tell_where_it_was_made(tmp_path) -> None:
    export_onnx(build_model("decay_sweep", PDG_MAP), tmp_path / "model.onnx")
    content = (tmp_path / "model.onnx").read_bytes()
    assert b".py" not in content
    assert str(Path(__file__).parents[2]).encode() not in content


def test_a_model_without_known_ids_can_be_exported(tmp_path) -> None:
    model = build_model("deep_sets_pdg", PdgMap(()))
    export_onnx(model, tmp_path / "model.onnx")
    exported = OnnxModel(tmp_path / "model.onnx", threads=1)
    np.testing.assert_allclose(exported.score(EVENTS), score(model, EVENTS), rtol=0, atol=1e-5)


def test_exporting_leaves_the_model_as_found(tmp_path) -> None:
    model = build_model("gcn_stack", PDG_MAP).train()
    export_onnx(model, tmp_path / "model.onnx")
    assert model.training


def test_a_file_that_is_no_exported_model_is_refused(tmp_path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="hepsets export"):
        OnnxModel(path)
    with pytest.raises(InputError, match="hepsets export"):
        OnnxModel(tmp_path / "nowhere.onnx")
