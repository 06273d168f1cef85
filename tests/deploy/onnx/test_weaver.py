"""FCCAnalyses prepares a jet by our file as the model's own scaler does."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import uproot
from helpers.jet_events import jet_events
from helpers.weaver_interface import prepared
from onnx import TensorProto, helper

from hepsets.core.errors import InputError
from hepsets.deploy.onnx.weaver import WeaverInput, WeaverVariable, scaled_variables, write_weaver_json
from hepsets.formats.jets import write_jets
from hepsets.represent.scaler import Scaler

FEATURES = ["pfcand_erel_log", "pfcand_thetarel", "pfcand_btagSip3dSig", "pfcand_dndx", "pfcand_isMu"]
VECTORS = ["pfcand_e", "pfcand_p", "pfcand_theta", "pfcand_phi"]


@pytest.fixture(scope="module")
def jets(tmp_path_factory):
    path = tmp_path_factory.mktemp("jets") / "jets.root"
    write_jets(jet_events(5), path)
    with uproot.open(path) as file:
        return file["tree"].arrays(FEATURES + VECTORS)


def matrix(jet, names):
    return np.stack([np.asarray(jet[name], dtype=np.float32) for name in names], axis=1)


def fitted(jets):
    scaler = Scaler(len(FEATURES))
    everything = np.concatenate([matrix(jet, FEATURES) for jet in jets])
    scaler.fit(torch.from_numpy(everything))
    return scaler


def written(path, scaler, **lengths):
    write_weaver_json(
        path,
        [
            WeaverInput("pf_features", scaled_variables(FEATURES, scaler), **lengths),
            WeaverInput("pf_vectors", tuple(map(WeaverVariable, VECTORS)), **lengths),
            WeaverInput("pf_mask", (WeaverVariable("pfcand_mask"),), **lengths),
        ],
        ["recojet_isB", "recojet_isC"],
    )
    return path


def test_features_arrive_as_the_scaler_gives_them(tmp_path, jets):
    scaler = fitted(jets)
    path = written(tmp_path / "model.json", scaler, min_length=1, max_length=50)
    for jet in jets:
        inputs = prepared(path, {name: jet[name] for name in FEATURES + VECTORS})
        expected = scaler(torch.from_numpy(matrix(jet, FEATURES))).numpy().T[None]
        np.testing.assert_allclose(inputs["pf_features"], expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(inputs["pf_vectors"][0], matrix(jet, VECTORS).T, rtol=1e-6)
        assert (inputs["pf_mask"] == 1).all()


def test_a_model_of_the_unscaled_jet_scores_alike_on_onnx_runtime(tmp_path, jets):
    scaler = fitted(jets)
    path = written(tmp_path / "model.json", scaler)
    weights = np.random.default_rng(1).normal(size=(2, len(FEATURES))).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("ReduceSum", ["pf_features", "axis"], ["summed"], keepdims=0),
            helper.make_node("MatMul", ["summed", "weights"], ["score"]),
        ],
        "linear",
        [helper.make_tensor_value_info("pf_features", TensorProto.FLOAT, [1, len(FEATURES), None])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [1, 2])],
        [
            helper.make_tensor("axis", TensorProto.INT64, [1], [2]),
            helper.make_tensor("weights", TensorProto.FLOAT, weights.T.shape, weights.T.ravel()),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for jet in jets:
        inputs = prepared(path, {name: jet[name] for name in FEATURES + VECTORS})
        (score,) = session.run(["score"], {"pf_features": inputs["pf_features"]})
        scaled = scaler(torch.from_numpy(matrix(jet, FEATURES))).numpy()
        np.testing.assert_allclose(score[0], weights @ scaled.sum(0), rtol=1e-3, atol=1e-3)


def test_lists_are_cut_filled_clipped_and_cleaned(tmp_path):
    variable = WeaverVariable("pfcand_e", 1.0, 2.0, -5.0, 5.0, pad=-1.0, replace_inf_value=2.0)
    path = tmp_path / "model.json"
    write_weaver_json(path, [WeaverInput("pf_features", (variable,), 3, 4)], ["b"])
    short = prepared(path, {"pfcand_e": [np.nan, 100.0]})["pf_features"]
    assert short.tolist() == [[[2.0, 5.0, -1.0]]]
    long = prepared(path, {"pfcand_e": [1.0, 2.0, 3.0, -9.0, 0.0]})["pf_features"]
    assert long.tolist() == [[[0.0, 2.0, 4.0, -5.0]]]


def test_the_file_has_the_keys_that_are_read(tmp_path, jets):
    record = json.loads(written(tmp_path / "a.json", fitted(jets), min_length=75, max_length=75).read_text())
    assert record["input_names"] == ["pf_features", "pf_vectors", "pf_mask"]
    assert record["output_names"] == ["recojet_isB", "recojet_isC"]
    assert record["pf_features"]["var_names"] == FEATURES
    assert record["pf_features"]["var_length"] == 75
    assert set(record["pf_mask"]["var_infos"]["pfcand_mask"]) == {
        *("median", "norm_factor", "replace_inf_value", "lower_bound", "upper_bound", "pad")
    }


@pytest.mark.parametrize(
    ("inputs", "outputs", "reason"),
    [
        ([], ["b"], "no inputs"),
        ([WeaverInput("x", ())], ["b"], "no variable of x"),
        ([WeaverInput("x", (WeaverVariable("e"), WeaverVariable("e")))], ["b"], "'e' twice"),
        ([WeaverInput("x", (WeaverVariable("e"),), 5, 3)], ["b"], "lengths 5 to 3"),
        ([WeaverInput("x", (WeaverVariable("e", pad=9, upper_bound=5),))], ["b"], "pad 9.0 of e"),
        ([WeaverInput("x", (WeaverVariable("e", float("nan")),))], ["b"], "median = nan of e"),
        ([WeaverInput("x", (WeaverVariable("e"),))], ["b", "b"], "output 'b' twice"),
    ],
)
def test_what_would_be_misread_is_refused(tmp_path, inputs, outputs, reason):
    with pytest.raises(InputError, match=reason):
        write_weaver_json(tmp_path / "a.json", inputs, outputs)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="2 names for a scaler of 1"):
        scaled_variables(["a", "b"], Scaler(1))
