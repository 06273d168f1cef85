"""One candidate per event and the rest of the event, on events whose truth is known."""

import numpy as np
import pytest
from helpers.decay_chains import upsilon_events
from helpers.perfect_detector import PERFECT
from hypothesis import given
from hypothesis import strategies as st

from hepsets.generate.beams import BeamConfig
from hepsets.select.candidates.combine import combine
from hepsets.select.candidates.rest_of_event import (
    ANY_B,
    EVENT_COLUMNS,
    PARTICLE_COLUMNS,
    _bits,
    best_candidates,
    candidate_events,
)
from hepsets.select.skims.hadronic_tag import CHARGED_B, MODE_NAMES, NEUTRAL_B, find_b_mesons
from hepsets.simulate.detector import simulate
from hepsets.simulate.particle_id import MASSES, SPECIES_NAMES

D_MINUS = (-411, [321, -211, -211])
ANTI_D0 = (-421, [321, -211])
B0 = (511, [D_MINUS, 211])
B_PLUS = (521, [ANTI_D0, 211])
SEMILEPTONIC = (-511, [(411, [-321, 211, 211]), 13, -14])


def lists_of(events, seed=1, detector=PERFECT):
    numbers = 100 + np.arange(len(events))
    seen = simulate(events, seed=seed, event_numbers=numbers, detector=detector)
    return combine(seen, event_numbers=numbers), numbers


@pytest.fixture(scope="module")
def simple():
    """B0 -> D- pi+ beside a semileptonic B, seen by a nearly perfect detector."""
    return candidate_events(*lists_of(upsilon_events([B0, SEMILEPTONIC], 200, seed=2)))


def total(sets, which):
    """Four-momentum of the chosen particles of each event, shape ``(n_events, 4)``."""
    event = sets.event_of_particle[which]
    return np.column_stack(
        [np.bincount(event, sets.particles[name][which], len(sets)) for name in ("px", "py", "pz", "energy")]
    )


def test_the_columns_are_those_that_are_named(simple):
    assert set(simple.particles) == set(PARTICLE_COLUMNS)
    assert set(simple.columns) == {*EVENT_COLUMNS, "is_correct", "event_number"}


def test_the_particles_of_a_candidate_make_up_its_momentum(simple):
    columns = simple.columns
    momentum = total(simple, simple.particles["from_candidate"])
    wanted = np.column_stack([columns[f"candidate_{name}"] for name in ("px", "py", "pz", "energy")])
    charged = np.isin(columns["mode"], [MODE_NAMES.index(name) for name in ("D- pi+", "D- pi+ pi+ pi-")])
    assert charged.sum() > 100
    assert momentum[charged] == pytest.approx(wanted[charged], abs=1e-5)
    half = 0.5 * BeamConfig().energy
    assert np.sqrt(half**2 - (wanted[:, :3] ** 2).sum(axis=1)) == pytest.approx(columns["mbc"])
    assert wanted[:, 3] - half == pytest.approx(columns["delta_e"])


def test_a_correct_candidate_has_its_true_particles_and_hypotheses(simple):
    right = simple[simple.columns["is_correct"]]
    assert len(right) > 100
    inside = right.select_particles(right.particles["from_candidate"])
    assert (inside.multiplicity == 4).all()
    assert (np.bincount(inside.event_of_particle, inside.particles["charge"]) == 0).all()
    species = inside.particles["species"].reshape(-1, 4)
    b0 = species.sum(axis=1) == 321 - 211
    assert np.array_equal(np.sort(species[b0]), np.tile([-211, -211, 211, 321], (b0.sum(), 1)))
    assert np.array_equal(np.sort(species[~b0]), np.tile([-321, -211, 211, 211], ((~b0).sum(), 1)))
    assert (right.columns["candidate_charge"] == 0).all()
    assert right.columns["mbc"] == pytest.approx(5.2796, abs=0.01)


def test_the_rest_of_the_event_flies_against_the_candidate():
    """Two B that leave all in the detector: momenta sum to zero, energies to that of the beams."""
    both = upsilon_events([B0, (-511, [(411, [-321, 211, 211]), -211])], 200, seed=3)
    sets = candidate_events(*lists_of(both))
    complete = sets.multiplicity == 8  # nothing lost, no photon radiated
    assert complete.sum() > 50
    right = sets[complete & sets.columns["is_correct"]]
    everything = total(right, np.ones(right.n_particles, dtype=bool))
    assert np.abs(np.median(everything[:, :3], axis=0)).max() < 0.01
    assert np.median(np.linalg.norm(everything[:, :3], axis=1)) < 0.1
    assert np.median(everything[:, 3]) == pytest.approx(BeamConfig().energy, abs=0.02)


def test_every_track_and_cluster_of_the_event_is_there_once(simple):
    lists, numbers = lists_of(upsilon_events([B0, SEMILEPTONIC], 200, seed=2))
    seen = lists.reconstructed
    events = simple.columns["event_number"] - numbers[0]
    is_track = simple.particles["charge"] != 0
    n_tracks = np.bincount(simple.event_of_particle[is_track], minlength=len(simple))
    assert np.array_equal(n_tracks, np.diff(seen.track_offsets)[events])
    assert np.array_equal(simple.multiplicity - n_tracks, np.diff(seen.cluster_offsets)[events])
    for place, event in enumerate(events[:5]):
        own = simple[place : place + 1].particles
        tracks = seen.tracks[seen.track_offsets[event] : seen.track_offsets[event + 1]]
        for name in SPECIES_NAMES:
            assert own[name][: len(tracks)] == pytest.approx(tracks[name], abs=1e-6)
        assert own["dz"][: len(tracks)] == pytest.approx(tracks["z0"], abs=1e-5)
        assert own["dr"][: len(tracks)] == pytest.approx(abs(tracks["d0"]), abs=1e-5)
        assert (own["species"][len(tracks) :] == 22).all()
        for name in (*SPECIES_NAMES, "dr", "dz", "charge"):
            assert not own[name][len(tracks) :].any()


def test_masses_are_those_of_the_hypotheses(simple):
    p = {name: simple.particles[name].astype(float) for name in ("px", "py", "pz", "energy")}
    mass2 = p["energy"] ** 2 - p["px"] ** 2 - p["py"] ** 2 - p["pz"] ** 2
    mass_of = dict(zip((11, 13, 211, 321, 2212), MASSES, strict=True)) | {22: 0.0}
    expected = np.array([mass_of[abs(int(s))] for s in simple.particles["species"]])
    assert mass2 == pytest.approx(expected**2, abs=1e-4)
    charge_of = np.sign(simple.particles["species"]) * np.where(expected < 0.12, -1, 1)
    assert np.array_equal(simple.particles["charge"], np.where(expected == 0, 0, charge_of))


def test_the_best_candidate_is_the_most_probable_of_both_kinds_of_b():
    events = upsilon_events([B_PLUS, (-521, [(421, [-321, 211]), -211])], 150, seed=4)
    lists, numbers = lists_of(events)
    found = find_b_mesons(lists, numbers, ANY_B)
    best = best_candidates(found)
    assert len(found) > len(best) > 100
    for event in np.unique(found.values["event"]):
        own = found.values[found.values["event"] == event]["signal_probability"]
        (chosen,) = best[found.values["event"][best] == event]
        assert found.values["signal_probability"][chosen] == own.max()
    apart = [find_b_mesons(lists, numbers, modes) for modes in (NEUTRAL_B, CHARGED_B)]
    assert sum(map(len, apart)) == len(found)
    assert np.array_equal(
        np.sort(np.concatenate([part.signal_probability for part in apart])),
        np.sort(found.signal_probability),
    )


def test_events_without_a_candidate_are_left_out():
    sets = candidate_events(*lists_of(upsilon_events([(511, [12, -12]), SEMILEPTONIC], 50, seed=5)))
    assert len(sets) < 5
    none = candidate_events(*lists_of(upsilon_events([B0, SEMILEPTONIC], 3, seed=5)[:0]))
    assert len(none) == 0
    assert none.n_particles == 0


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 80)), min_size=1, max_size=5))
def test_bits_of_a_mask_belong_to_the_first_64_particles(events):
    masks = np.array([mask for mask, _ in events], dtype=np.uint64)
    offsets = np.concatenate([[0], np.cumsum([count for _, count in events])])
    wanted = [bool(mask >> i & 1) if i < 64 else False for mask, count in events for i in range(count)]
    assert _bits(masks, offsets).tolist() == wanted
