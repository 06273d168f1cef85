"""Models of candidates on ntuples, on tables of variables and on sets of particles."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from helpers.random_candidates import random_candidates

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets, write_particle_sets
from hepsets.deploy.apply import apply_file
from hepsets.deploy.candidate_scores import CandidateScorer
from hepsets.deploy.scorers import find_scorer
from hepsets.learn.files import save
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.tables.boosted_trees import BoostedTreesConfig, fit_trees
from hepsets.learn.training.score import score
from hepsets.select.variables.continuum import VARIABLES, continuum_variables
from hepsets.simulate.belle2 import BELLE2

N = 300
COLUMNS = {name: np.random.default_rng(place).uniform(0, 1, N) for place, name in enumerate(VARIABLES)}
EVENTS = ParticleSets({"px": np.zeros(0)}, np.zeros(N + 1, dtype=np.int64), COLUMNS)


@pytest.fixture(scope="module")
def trees():
    return fit_trees(EVENTS, COLUMNS["R2"] > 0.5, VARIABLES, config=BoostedTreesConfig(trees=8))[0]


@pytest.fixture
def scorer(tmp_path, trees):
    save(trees, tmp_path / "bdt.safetensors")
    return find_scorer(tmp_path / "bdt.safetensors")


def basf2(name):
    if name.startswith(("et", "mm2", "hso", "hoo")):
        return f"KSFWVariables__bo{name}__bc"
    return f"CleoConeCS__bo{name[-1]}__bc" if name.startswith("cleoCone") else name


def test_branches_of_an_ntuple_are_found_by_their_names_in_basf2(tmp_path, scorer, trees):
    columns = {basf2(name): column.copy() for name, column in COLUMNS.items()}
    columns["R2"][3], columns["thrustOm"][4] = np.nan, -1.0
    with uproot.recreate(tmp_path / "mine.root") as file:
        file.mktree("B0", {**dict.fromkeys(columns, "float64"), "mine": "int32"})
        file["B0"].extend({**columns, "mine": np.arange(N, dtype=np.int32)})
        file.mktree("other", {"y": "int64"})
        file["other"].extend({"y": np.arange(3)})
    done = apply_file(scorer, tmp_path / "mine.root", tmp_path / "out.root", prefix="bdt")
    assert done.columns == ("bdt",)
    with uproot.open(tmp_path / "out.root") as file:
        found = file["B0"].arrays(["bdt", "mine"], library="np")
        assert file["other"].num_entries == 3
    assert np.flatnonzero(np.isnan(found["bdt"])).tolist() == [3, 4]
    assert found["mine"].tolist() == list(range(N))
    rest = np.delete(np.arange(N), [3, 4])
    np.testing.assert_allclose(found["bdt"][rest], trees.score(EVENTS)[rest], atol=1e-6)
    assert any("2 candidates without a score" in line for line in done.lines())


def test_a_table_of_variables_is_scored_row_by_row(tmp_path, scorer, trees):
    table = pa.table({**COLUMNS, "R2": pa.array([None, *COLUMNS["R2"][1:]]), "text": ["a"] * N})
    pq.write_table(table, tmp_path / "mine.parquet", row_group_size=100)
    apply_file(scorer, tmp_path / "mine.parquet", tmp_path / "out.parquet")
    found = pq.read_table(tmp_path / "out.parquet")["score"].to_numpy()
    assert np.isnan(found[0])
    np.testing.assert_allclose(found[1:], trees.score(EVENTS)[1:], atol=1e-6)


def test_sets_of_particles_need_no_variables(tmp_path, scorer, trees):
    events = random_candidates(40)
    small = {name: events.particles[name] / 4 for name in ("px", "py", "pz", "energy")}
    others = {name: column for name, column in events.columns.items() if name not in VARIABLES}
    others["candidate_energy"] = others["candidate_energy"] / 4
    events = ParticleSets({**events.particles, **small}, events.offsets, others)
    write_particle_sets(events, tmp_path / "sets.parquet")
    apply_file(scorer, tmp_path / "sets.parquet", tmp_path / "out.parquet")
    expected = trees.score(events.with_columns(**continuum_variables(events, BELLE2.beams.energy)))
    found = pq.read_table(tmp_path / "out.parquet")["score"].to_numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_networks_on_sets_score_the_same_file(tmp_path):
    events = random_candidates(40)
    write_particle_sets(events, tmp_path / "sets.parquet")
    model = build_set_model("deep_sets", units=4)
    apply_file(
        CandidateScorer(model, _saved(model, tmp_path)), tmp_path / "sets.parquet", tmp_path / "out.parquet"
    )
    found = pq.read_table(tmp_path / "out.parquet")["score"].to_numpy()
    np.testing.assert_allclose(found, score(model, events), atol=1e-6)


def test_a_network_on_particles_refuses_rows_of_variables(tmp_path):
    pq.write_table(pa.table(COLUMNS), tmp_path / "mine.parquet")
    model = build_set_model("deep_sets", units=4)
    scorer = CandidateScorer(model, _saved(model, tmp_path))
    with pytest.raises(InputError, match=r"rows of variables.*sees variables alone"):
        apply_file(scorer, tmp_path / "mine.parquet", tmp_path / "out.parquet")


def test_missing_variables_are_named(tmp_path, scorer):
    pq.write_table(pa.table({"R2": COLUMNS["R2"]}), tmp_path / "mine.parquet")
    with pytest.raises(InputError, match="lacks thrustBm"):
        apply_file(scorer, tmp_path / "mine.parquet", tmp_path / "out.parquet")


def _saved(model, folder):
    save(model, folder / "model.safetensors")
    return folder / "model.safetensors"
