import numpy as np
import pytest
import torch
from helpers.toy_z_events import z_events

from hepsets.core.errors import InputError
from hepsets.core.vertexed_events import write_vertexed_events
from hepsets.deploy import flavour_export
from hepsets.deploy.flavour_export import edge_cases, export_tagger
from hepsets.deploy.onnx.jets import OnnxJetTagger
from hepsets.deploy.onnx.vertexed_events import OnnxVertexedModel
from hepsets.learn.training.score import score_heads
from hepsets.learn.vertexed_events.recipe import build_vertexed_model
from hepsets.represent.vertexed_events.hemispheres import hemispheres

CLASSES = ("b", "c", "s", "ud")


@pytest.fixture
def events(tmp_path):
    path = tmp_path / "events.parquet"
    write_vertexed_events(z_events(40), path)
    return path


def a_model(level, style="proper"):
    model = (
        build_vertexed_model("particle_transformer", classes=CLASSES, units=8, level=level, style=style)
        if style == "constituents"
        else build_vertexed_model(
            "deep_sets", classes=CLASSES, units=6, level=level, charge=level == "hemisphere"
        )
    )
    seen = z_events(50, seed=3)
    data = model.prepare(hemispheres(seen) if level == "hemisphere" else seen)
    model.fit_inputs(data.batch(torch.arange(len(data))))
    return model


@pytest.mark.parametrize("level", ["event", "hemisphere"])
def test_an_exported_tagger_gives_the_model_s_probabilities(tmp_path, events, level):
    model, out = a_model(level), tmp_path / "tagger.onnx"
    number, worst = export_tagger(model, out, events)
    assert number == (80 if level == "hemisphere" else 40)
    assert worst <= 1e-5
    exported = OnnxVertexedModel(out)
    assert (exported.classes, exported.level) == (CLASSES, level)
    for part in edge_cases(z_events(3, seed=9)):
        seen = hemispheres(part) if level == "hemisphere" else part
        assert exported.score(seen) == pytest.approx(score_heads(model, seen), abs=1e-5)


def test_a_tagger_of_jets_gets_the_json_that_fccanalyses_wants_beside_it(tmp_path, events):
    model, out = a_model("hemisphere", "constituents"), tmp_path / "tagger.onnx"
    number, worst = export_tagger(model, out, events)
    assert number == 80
    assert worst <= 1e-5
    assert (tmp_path / "tagger.json").exists()


def test_of_both_files_of_a_tagger_of_jets_neither_appears_where_the_graph_differs(
    tmp_path, events, monkeypatch
):
    class Another(OnnxJetTagger):
        def score(self, jets):
            return super().score(jets) + np.float32(1e-3)

    monkeypatch.setattr(flavour_export, "OnnxJetTagger", Another)
    with pytest.raises(InputError, match="differs from its ONNX graph by 0"):
        export_tagger(a_model("hemisphere", "constituents"), tmp_path / "tagger.onnx", events)
    assert [path.name for path in tmp_path.iterdir()] == ["events.parquet"]


def test_edge_cases_are_empty_and_unattached_events():
    one, nothing, unattached = edge_cases(z_events(3))
    assert len(one) == len(nothing) == len(unattached) == 1
    assert nothing.particles.n_particles == nothing.vertices.n_particles == 0
    assert unattached.particles.n_particles == one.particles.n_particles
    assert (unattached.particles.particles["vertex"] == -1).all()


def test_a_graph_that_differs_is_not_written(tmp_path, events, monkeypatch):
    class Another(OnnxVertexedModel):
        def score(self, *arguments, **options):
            return super().score(*arguments, **options) + np.float32(1e-3)

    monkeypatch.setattr(flavour_export, "OnnxVertexedModel", Another)
    with pytest.raises(InputError, match="differs from its ONNX graph by 0"):
        export_tagger(a_model("event"), tmp_path / "tagger.onnx", events)
    assert not (tmp_path / "tagger.onnx").exists()
