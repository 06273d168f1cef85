"""Models that carry the column map of a user's files score more of them: branches, columns, NaN."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot
from helpers.own_candidates import MAP, branches, write_parquet, write_root
from helpers.random_candidates import random_candidates

from hepsets.core.errors import InputError
from hepsets.deploy import own_candidate_scores
from hepsets.deploy.apply import apply_file
from hepsets.deploy.onnx.particle_sets import export_set_onnx
from hepsets.deploy.scorers import find_scorer
from hepsets.learn.files import save
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.training.score import score
from hepsets.select.variables.continuum import continuum_variables
from hepsets.select.variables.own_frames import own_frame_variables
from hepsets.simulate.belle2 import BELLE2

EVENTS = random_candidates(90, seed=7, mean_particles=8.0)


@pytest.fixture(scope="module")
def expected():
    energy = BELLE2.beams.energy
    known = EVENTS.with_columns(**continuum_variables(EVENTS, energy), **own_frame_variables(EVENTS, energy))
    return score(model(), known)


def model(of_map=MAP):
    made = build_set_model("combined", units=8, seed=3).eval()
    made.made_of = of_map.record()
    return made


def saved(folder, made):
    save(made, folder / "model.safetensors")
    return find_scorer(folder / "model.safetensors")


def test_a_score_is_that_of_our_own_path_on_the_same_candidates(tmp_path, expected, monkeypatch):
    monkeypatch.setattr(own_candidate_scores, "AT_ONCE", 40)
    scorer = saved(tmp_path, model())
    given = branches(EVENTS)
    for name in ("truth", "Mbc", "dE"):  # data has no truth, and models do not see the others
        del given[name]
    done = apply_file(scorer, write_root(tmp_path / "mine.root", given), tmp_path / "out.root")
    with uproot.open(tmp_path / "out.root") as file:
        np.testing.assert_allclose(file["B0"]["score"].array(library="np"), expected, atol=2e-6)
        assert '"roe_tracks"' in str(file["score_note"])
    assert done.told[0].startswith("90 candidates")
    write_parquet(tmp_path / "mine.parquet", given)
    apply_file(scorer, tmp_path / "mine.parquet", tmp_path / "out.parquet", prefix="cs")
    found = pq.read_table(tmp_path / "out.parquet")
    np.testing.assert_allclose(found["cs"].to_numpy(), expected, atol=2e-6)
    assert found.column_names[:-1] == list(given)


@pytest.mark.parametrize("named", ["", ":analysis/B0"])
def test_a_tree_in_a_folder_gets_its_scores_there(tmp_path, expected, named):
    with uproot.open(write_root(tmp_path / "flat.root", branches(EVENTS))) as file:
        given = file["B0"].arrays()
    with uproot.recreate(tmp_path / "mine.root") as file:
        file.mktree("analysis/B0", {name: given[name].type.content for name in given.fields})
        file["analysis/B0"].extend({name: given[name] for name in given.fields})
        file["other"] = {"x": np.arange(3)}
    apply_file(saved(tmp_path, model()), Path(f"{tmp_path}/mine.root{named}"), tmp_path / "out.root")
    with uproot.open(tmp_path / "out.root") as file:
        np.testing.assert_allclose(file["analysis/B0"]["score"].array(library="np"), expected, atol=2e-6)
        assert file["other"]["x"].array(library="np").tolist() == [0, 1, 2]


def test_the_map_goes_into_the_exported_graph(tmp_path, expected):
    export_set_onnx(model(), tmp_path / "model.onnx")
    apply_file(
        find_scorer(tmp_path / "model.onnx"),
        write_parquet(tmp_path / "mine.parquet", branches(EVENTS)),
        tmp_path / "out.parquet",
    )
    np.testing.assert_allclose(pq.read_table(tmp_path / "out.parquet")["score"], expected, atol=1e-5)


def test_a_candidate_without_a_number_has_no_score(tmp_path):
    of_map = dataclasses.replace(MAP, variables=("mine",))
    given = branches(EVENTS) | {"mine": np.where(np.arange(90) == 4, np.nan, 0.0)}
    done = apply_file(
        saved(tmp_path, model(of_map)), write_root(tmp_path / "mine.root", given), tmp_path / "out.root"
    )
    with uproot.open(tmp_path / "out.root") as file:
        assert np.flatnonzero(np.isnan(file["B0"]["score"].array(library="np"))).tolist() == [4]
    assert "1 candidates not used (mine not finite 1)" in done.told


def test_a_file_without_a_branch_of_the_map_is_refused(tmp_path):
    given = branches(EVENTS)
    del given["bc_py"]
    path = write_parquet(tmp_path / "mine.parquet", given)
    with pytest.raises(InputError, match=r"lacks bc_py \(for sets\.candidate_clusters\.py\)"):
        apply_file(saved(tmp_path, model()), path, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_a_map_that_is_none_is_refused_with_the_name_of_the_file(tmp_path):
    made = model()
    made.made_of = {"sets": {"roe_tracks": 1}}
    path = write_parquet(tmp_path / "mine.parquet", branches(EVENTS))
    with pytest.raises(InputError, match=r"model\.safetensors: a column map"):
        apply_file(saved(tmp_path, made), path, tmp_path / "out.parquet")
