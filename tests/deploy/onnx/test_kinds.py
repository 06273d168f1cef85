"""A network is exported as its kind is; what is no network is refused."""

import numpy as np
import pytest
from helpers.random_candidates import random_candidates

from hepsets.core.errors import InputError
from hepsets.deploy.onnx.kinds import export_network
from hepsets.deploy.onnx.particle_sets import OnnxSetModel
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.training.score import score


def test_a_network_of_sets_becomes_a_graph_of_sets(tmp_path):
    events = random_candidates(20, seed=3)
    model = build_set_model("fixed_mlp", units=4)
    export_network(model, tmp_path / "sets.onnx")
    graph = OnnxSetModel(tmp_path / "sets.onnx")
    np.testing.assert_allclose(graph.score(events), score(model, events), atol=1e-5)


def test_trees_have_no_graph(tmp_path):
    with pytest.raises(InputError, match="a dict to export; expected a network"):
        export_network({}, tmp_path / "no.onnx")
    assert not list(tmp_path.iterdir())
