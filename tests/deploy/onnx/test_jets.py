"""What FCCAnalyses would get of an exported tagger is what the tagger itself gives."""

import json

import numpy as np
import onnxruntime
import pytest
import uproot
from helpers.jet_events import jet_events
from helpers.weaver_interface import prepared

from hepsets.core.errors import InputError
from hepsets.deploy.onnx.jets import INPUTS, LENGTH, OnnxJetTagger, export_jet_tagger, preprocessing_file
from hepsets.formats.jets import write_jets
from hepsets.learn.training.score import score_heads
from hepsets.learn.vertexed_events.recipe import build_vertexed_model
from hepsets.represent.vertexed_events.hemispheres import hemispheres

CLASSES = ("b", "c", "s", "ud")


def a_tagger(**options):
    model = build_vertexed_model(
        "particle_transformer",
        style="constituents", level="hemisphere", classes=CLASSES, units=8, **options,
    )  # fmt: skip
    data = model.prepare(hemispheres(jet_events(80, seed=2)))
    model.fit_inputs(next(iter(data.batches(200))))
    return model.eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A tagger of the three leading constituents, so that most jets have more."""
    model, path = a_tagger(cap=3), tmp_path_factory.mktemp("tagger") / "tagger.onnx"
    export_jet_tagger(model, path, preprocessing_file(path))
    return model, path


@pytest.fixture(scope="module")
def jets(tmp_path_factory):
    """Events, and the jets of the tree that is written of them, constituents by variable."""
    events, path = jet_events(40, seed=5, displaced=0.05), tmp_path_factory.mktemp("jets") / "jets.root"
    write_jets(events, path)
    with uproot.open(path) as file:
        tree = file["tree"].arrays(filter_name="pfcand_*")
    return events, [{name: np.asarray(jet[name]) for name in tree.fields} for jet in tree]


def scored(path, jets):
    session = onnxruntime.InferenceSession(path)
    inputs = [prepared(preprocessing_file(path), jet) for jet in jets]
    return np.concatenate([session.run(None, one)[0] for one in inputs])


def test_jets_of_a_tree_prepared_as_the_json_says_get_the_models_scores(exported, jets):
    model, path = exported
    events, trees = jets
    expected = score_heads(model, hemispheres(events))
    assert np.ptp(expected, axis=0).max() > 0.01
    assert scored(path, trees) == pytest.approx(expected, abs=1e-5)


def test_the_order_of_constituents_does_not_matter(exported, jets):
    _, path = exported
    random = np.random.default_rng(1)
    shuffled = []
    for jet in jets[1]:
        order = random.permutation(len(jet["pfcand_e"]))
        shuffled.append({name: values[order] for name, values in jet.items()})
    assert scored(path, shuffled) == pytest.approx(scored(path, jets[1]), abs=1e-5)


def test_what_is_not_finite_in_a_jet_is_replaced(exported, jets):
    _, path = exported
    jet = {name: values.copy() for name, values in jets[1][0].items()}
    jet["pfcand_dxydxy"][0], jet["pfcand_btagSip2dSig"][1] = np.nan, np.inf
    found = scored(path, [jet])
    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(1, abs=1e-5)


def test_the_json_names_what_fccanalyses_has(exported, jets):
    _, path = exported
    record = json.loads(preprocessing_file(path).read_text())
    assert record["input_names"] == list(INPUTS)
    assert record["output_names"] == ["recojet_isB", "recojet_isC", "recojet_isS", "recojet_isQ"]
    assert {record[name]["var_length"] for name in INPUTS} == {LENGTH}
    names = record["pf_features"]["var_names"] + record["pf_vectors"]["var_names"]
    assert set(names) <= set(jets[1][0])
    assert record["pf_mask"]["var_names"] == ["pfcand_mask"]
    shapes = {one.name: one.shape[1:] for one in onnxruntime.InferenceSession(path).get_inputs()}
    assert shapes == {name: [len(record[name]["var_names"]), LENGTH] for name in INPUTS}


def test_a_jet_of_nothing_and_one_of_many_are_scored_as_the_model_does(exported):
    model, path = exported
    data = model.prepare(hemispheres(jet_events(6, seed=9)))
    empty = hemispheres(jet_events(1, seed=3))
    alone = dict(empty.particles.particles)
    none = type(empty.particles)(
        {name: column[:0] for name, column in alone.items()}, np.zeros(3, np.int64), empty.particles.columns
    )
    nothing = model.prepare(type(empty)(none, empty.vertices))
    tagger = OnnxJetTagger(path, preprocessing_file(path))
    for one in (data, nothing):
        assert tagger.score(one) == pytest.approx(score_heads(model, one), abs=1e-5)


def test_taggers_that_look_at_more_than_constituents_are_refused(tmp_path):
    other = build_vertexed_model("particle_transformer", level="hemisphere", units=8)
    with pytest.raises(InputError, match="on constituents"):
        export_jet_tagger(other, tmp_path / "a.onnx", tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []
