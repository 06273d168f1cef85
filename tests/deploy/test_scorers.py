"""Which model is meant: of a run, of a file, exported, or a filter of the package."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.small_filter import small_filter, small_model

from hepsets.core.errors import InputError
from hepsets.deploy.decay_tree_scores import DecayTreeScorer
from hepsets.deploy.flavour_tags import FlavourTagger
from hepsets.deploy.onnx.decay_trees import export_onnx
from hepsets.deploy.scorers import find_scorer, why_default
from hepsets.learn.files import save
from hepsets.learn.vertexed_events.recipe import build_vertexed_model


@pytest.mark.parametrize("name", [None, "own/two"])
def test_a_run_that_is_not_there_is_told_as_such(tmp_path, name):
    with pytest.raises(InputError, match=r"no file or folder .*RUN; expected the folder of a run"):
        find_scorer(tmp_path / "RUN", name)


def test_a_run_with_several_models_asks_which(tmp_path):
    models = tmp_path / "run" / "models"
    models.mkdir(parents=True)
    with pytest.raises(InputError, match="folder of a finished run"):
        find_scorer(tmp_path / "run")
    model = build_vertexed_model("deep_sets", identification="truth", classes=("b", "c"), units=4)
    save(model, models / "one.safetensors")
    assert find_scorer(tmp_path / "run").path.stem == "one"
    (models / "found").mkdir()
    save(model, models / "found" / "two.safetensors")
    with pytest.raises(
        InputError, match="run without --name; expected one of found/two, one; name it with --name"
    ):
        find_scorer(tmp_path / "run")
    assert find_scorer(tmp_path / "run", "found/two").path.stem == "two"
    (models / "seeded").mkdir()
    save(model, models / "seeded" / "vertex_graph.safetensors")
    assert find_scorer(tmp_path / "run").path.stem == "vertex_graph"
    with pytest.raises(InputError, match="single file"):
        find_scorer(models / "one.safetensors", "one")


def test_what_a_run_found_best_is_taken(tmp_path):
    (tmp_path / "models").mkdir()
    for name in ("first", "second"):
        save(small_model(), tmp_path / "models" / f"{name}.safetensors")
    record = {"analysis": "smart-background", "metrics": {"best_model": "second"}}
    (tmp_path / "result.json").write_text(json.dumps(record))
    assert find_scorer(tmp_path).path.stem == "second"


def test_the_kind_of_a_file_tells_how_it_scores(tmp_path):
    assert isinstance(find_scorer(small_filter()), DecayTreeScorer)
    tagger = build_vertexed_model("deep_sets", identification="truth", classes=("b", "c"), units=4)
    save(tagger, tmp_path / "tagger.safetensors")
    assert isinstance(find_scorer(tmp_path / "tagger.safetensors"), FlavourTagger)


def test_an_exported_graph_that_is_no_filter_is_told_what_it_lacks(tmp_path):
    export_onnx(small_model(), tmp_path / "graph.onnx")
    with pytest.raises(InputError, match=r"exported deep_sets.*hepsets export"):
        find_scorer(tmp_path / "graph.onnx")


def test_a_filter_of_the_package_is_found_by_its_name():
    found = find_scorer(Path("hadronic_b0"))
    assert isinstance(found, DecayTreeScorer)
    assert found.outputs == ("hadronic_b0",)


def test_what_is_estimated_of_many_events_is_no_score(tmp_path, monkeypatch):
    path = tmp_path / "set.safetensors"
    path.touch()
    model = SimpleNamespace(name="morphing", kind="data_sets")
    monkeypatch.setattr("hepsets.learn.files.load", lambda _: model)
    with pytest.raises(InputError, match="hepsets infer"):
        find_scorer(path)


@pytest.mark.parametrize(
    ("crowned", "models", "words"),
    [("a", "ab", "calls it best"), (None, "ab", "calls none best"), (None, "a", "no other")],
)
def test_why_a_model_is_taken_that_nobody_named(tmp_path, crowned, models, words):
    assert why_default(tmp_path) == ""
    metrics = {"best_model": "a", "crowned_model": crowned, "models": [{"name": name} for name in models]}
    record = {"analysis": "smart-background", "metrics": metrics}
    (tmp_path / "result.json").write_text(json.dumps(record))
    assert words in why_default(tmp_path)
