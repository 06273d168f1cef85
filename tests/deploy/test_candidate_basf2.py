"""Candidates out of basf2 and their scores back into it, with a fake of the calls that it takes."""

import sys
import tomllib
from pathlib import Path as File

import numpy as np
import pytest
from helpers.fake_candidates import Path, Store, candidates
from helpers.house import ROOT
from helpers.random_candidates import candidates_of_sizes

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.deploy import candidate_basf2
from hepsets.deploy.apply import apply_file
from hepsets.deploy.candidate_basf2 import MAP, read_scores, write_candidates
from hepsets.deploy.scorers import find_scorer
from hepsets.formats.candidate_map import CandidateMap
from hepsets.formats.candidate_sets import Collision, iter_candidates
from hepsets.learn.files import save
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.particle_id import MASSES


def with_probable_masses(events):
    """The same with energies as they follow from the most probable species."""
    p = events.particles
    probable = np.stack([p[name] for name in ("electron", "muon", "pion", "kaon", "proton")]).argmax(axis=0)
    mass = np.where(p["charge"] != 0, np.array(MASSES)[probable], 0.0)
    energy = np.sqrt(sum(p[name].astype(np.float64) ** 2 for name in ("px", "py", "pz")) + mass**2)
    return ParticleSets({**p, "energy": energy}, events.offsets, events.columns)


EVENTS = with_probable_masses(candidates_of_sizes([0, *range(3, 23)], seed=9))
LIST = "B0:mine"


@pytest.fixture
def store(monkeypatch):
    found = Store(LIST)
    for name, module in found.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return found


def by_event():
    """Three candidates in each event but the last."""
    made = candidates(EVENTS)
    return [made[i : i + 3] for i in range(0, len(made), 3)]


def written(store, folder, suffix, **options):
    path = Path()
    out = folder / f"mine.{suffix}"
    write_candidates(LIST, str(out), path, **options)
    path.process(store, by_event())
    return out


@pytest.mark.parametrize("suffix", ["root", "parquet"])
def test_the_file_holds_the_particles_under_the_names_of_the_map(store, tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(candidate_basf2, "WRITTEN_AT_ONCE", 5)
    out = written(store, tmp_path, suffix, variables=["isSignal", "deltaE"])
    beams = Collision(BELLE2.beams.velocity, BELLE2.beams.energy)
    found = ParticleSets.concatenate([piece.sets for piece in iter_candidates(out, MAP, beams)])
    np.testing.assert_array_equal(found.offsets, EVENTS.offsets)  # without the K_L
    order = [np.lexsort([sets.particles["px"], sets.event_of_particle]) for sets in (EVENTS, found)]
    for name in ("px", "pz", "charge", "from_candidate", "kaon", "dz"):
        one, other = (sets.particles[name][which] for sets, which in zip((EVENTS, found), order, strict=True))
        np.testing.assert_allclose(other, one, atol=2e-6, err_msg=name)
    np.testing.assert_allclose(found.columns["candidate_px"], EVENTS.columns["candidate_px"], atol=1e-5)
    assert found.columns["is_signal"].tolist() == EVENTS.columns["label"].tolist()
    assert found.columns["event_number"].tolist() == [i // 3 for i in range(len(EVENTS))]


def test_a_mask_chooses_of_the_rest_of_event(store, tmp_path):
    out = written(store, tmp_path, "parquet", roe_mask="clean")
    beams = Collision(BELLE2.beams.velocity, BELLE2.beams.energy)
    (piece,) = iter_candidates(out, MAP, beams)
    rest = ~piece.sets.particles["from_candidate"]
    assert (piece.sets.particles["charge"][rest] != 0).all()


def test_scores_come_back_to_their_candidates(store, tmp_path):
    out = written(store, tmp_path, "root")
    model = build_set_model("multi_deep_sets", units=4)
    model.made_of = MAP.record()
    save(model, tmp_path / "model.safetensors")
    scored = tmp_path / "scored.root"
    apply_file(find_scorer(tmp_path / "model.safetensors"), out, scored)
    path, events = Path(), by_event()
    read_scores(LIST, str(scored), path)
    path.process(store, [*events, candidates(EVENTS[:1])])
    scores = list(candidate_basf2.read_file(scored, "score").values())
    found = [particle.extra["hepsets_continuum"] for one in events for particle in one]
    assert found == scores
    assert len(set(found)) > 10
    assert store.warnings == ["1 candidates of B0:mine without a score: hepsets_continuum is NaN"]


def test_without_a_rest_of_event_nothing_is_written(store, tmp_path):
    (particle,) = candidates(EVENTS[:1])
    particle.rest = None
    path = Path()
    write_candidates(LIST, str(tmp_path / "mine.root"), path)
    with pytest.raises(InputError, match="buildRestOfEvent"):
        path.process(store, [[particle]])
    assert not list(tmp_path.iterdir())


def test_a_file_of_other_candidates_is_refused(store, tmp_path):
    out = written(store, tmp_path, "parquet")
    with pytest.raises(InputError, match=r"lacks score \(for the score\)"):
        read_scores(LIST, str(out), Path())


def test_the_map_of_the_examples_is_this_one():
    text = tomllib.loads(File(ROOT / "examples" / "continuum_candidates.toml").read_text())
    data = text["data"]
    found = CandidateMap(text["sets"], data["columns"], tuple(data.get("variables", ())), data["frame"])
    assert found == MAP
