"""Momenta of off-resonance candidates, scaled to the resonance."""

import numpy as np
import pytest
from helpers.random_candidates import random_candidates

from hepsets.core.errors import InputError
from hepsets.select.variables.continuum import VARIABLES, continuum_variables
from hepsets.select.variables.scaled_energy import POWERS, factor, scaled_sets, scaled_variables

ON, BELOW = 10.58, 0.06


@pytest.fixture
def candidates():
    sets = random_candidates(50, seed=1)
    beam = 0.5 * (ON - BELOW)
    momentum = np.random.default_rng(2).normal(0, 0.2, (3, 50))
    names = ("candidate_px", "candidate_py", "candidate_pz")
    return sets.with_columns(
        **dict(zip(names, momentum, strict=True)),
        candidate_energy=np.full(50, beam + 0.05),
        delta_e=np.full(50, 0.05),
        mbc=np.sqrt(beam**2 - np.sum(momentum**2, axis=0)),
    )


def test_mbc_ends_at_the_beam_energy_on_resonance_and_masses_stay(candidates):
    found = scaled_sets(candidates, ON, BELOW)
    columns = found.columns
    p2 = sum(columns[f"candidate_p{axis}"] ** 2 for axis in "xyz")
    assert columns["mbc"] == pytest.approx(np.sqrt((0.5 * ON) ** 2 - p2))
    masses = [
        sets.particles["energy"].astype(float) ** 2
        - sum(sets.particles[f"p{axis}"].astype(float) ** 2 for axis in "xyz")
        for sets in (candidates, found)
    ]
    assert masses[1] == pytest.approx(np.maximum(masses[0], 0), abs=1e-5)
    assert columns["delta_e"] == pytest.approx(columns["candidate_energy"] - 0.5 * ON)


def test_delta_e_of_a_file_grows_by_what_energies_gain_whatever_masses_the_daughters_got(candidates):
    """As where daughters are taken for kaons, and ΔE is that of another hypothesis."""
    own = candidates.with_columns(candidate_energy=candidates.columns["candidate_energy"] + 0.7)
    right, found = (scaled_sets(one, ON, BELOW).columns for one in (candidates, own))
    assert found["delta_e"] == pytest.approx(right["delta_e"])


def test_variables_of_scaled_particles_are_the_scaled_variables(candidates):
    """As far as particles are massless; what is a ratio stays what it is."""
    p = candidates.particles
    light = {**p, "energy": np.sqrt(p["px"] ** 2 + p["py"] ** 2 + p["pz"] ** 2)}
    sets = type(candidates)(light, candidates.offsets, candidates.columns)
    by = factor(ON, BELOW)
    sets = sets.with_columns(candidate_energy=np.full(len(sets), 0.5 * (ON - BELOW)))
    before = continuum_variables(sets, ON - BELOW)
    moved = scaled_sets(sets, ON, BELOW).with_columns(candidate_energy=np.full(len(sets), 0.5 * ON))
    after, short = continuum_variables(moved, ON), scaled_variables(before, by)
    for name in VARIABLES:
        assert after[name] == pytest.approx(short[name], rel=2e-4, abs=2e-4), name
    assert POWERS["mm2"] == 2
    assert np.array_equal(short["R2"], before["R2"])


def test_nothing_is_scaled_on_resonance_and_impossible_energies_are_refused(candidates):
    assert factor(ON, 0.0) == 1
    same = scaled_sets(candidates, ON, 0.0)
    assert same.particles["px"] == pytest.approx(candidates.particles["px"])
    with pytest.raises(InputError, match="data taken 11 GeV below"):
        factor(ON, 11.0)
    bare = candidates.with_columns()
    del bare.columns["candidate_energy"]
    with pytest.raises(InputError, match="candidates without candidate_energy"):
        scaled_sets(bare, ON, BELOW)
