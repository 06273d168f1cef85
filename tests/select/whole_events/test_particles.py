"""Whole events hold all that the detector saw, tracks first, in the Υ(4S)'s frame."""

import numpy as np
import pytest
from helpers.mixed_events import mixed_events, seen_events

from hepsets.select.whole_events.particles import COLUMNS, TRUE_SPECIES, TRUTH, whole_events
from hepsets.simulate.particle_id import SPECIES_NAMES


@pytest.fixture(scope="module")
def sets():
    return whole_events(seen_events())


def test_every_track_and_cluster_is_there_once_and_tracks_stand_first(sets):
    seen = seen_events()
    assert (
        sets.multiplicity.tolist() == (np.diff(seen.track_offsets) + np.diff(seen.cluster_offsets)).tolist()
    )
    assert set(sets.particles) == {*COLUMNS, TRUTH, TRUE_SPECIES}
    is_track = sets.particles["charge"] != 0
    assert is_track.sum() == len(seen.tracks)
    first = np.concatenate(
        [
            np.flatnonzero(np.diff(is_track[a:b].astype(int)) > 0)
            for a, b in zip(sets.offsets[:-1], sets.offsets[1:], strict=True)
        ]
    )
    assert len(first) == 0


def test_momenta_are_of_the_frame_in_which_b_mesons_are_nearly_at_rest(sets):
    p = sets.particles
    seen = np.array([np.bincount(sets.event_of_particle, p[name]) for name in ("px", "py", "pz", "energy")])
    assert np.abs(seen[:3].mean(axis=1)).max() < 0.25  # in the laboratory 3 GeV along z
    assert 7 < seen[3].mean() < 10.6  # of 10.58, neutrinos and losses off


def test_each_finds_what_it_comes_from(sets):
    events, truth = mixed_events(), sets.particles[TRUTH]
    there = truth >= 0
    pdg = events.particles["pdg"][events.offsets[sets.event_of_particle[there]] + truth[there]]
    charge = sets.particles["charge"][there]
    sign = np.where(np.isin(np.abs(pdg), (11, 13)), -np.sign(pdg), np.sign(pdg))
    assert (sign[charge != 0] == charge[charge != 0]).all()
    assert (np.abs(pdg[charge == 0]) == 22).mean() > 0.5
    assert (sets.particles["charge"][~there] == 0).all()  # beam background leaves clusters


def test_tracks_have_probabilities_and_clusters_shapes(sets):
    p = sets.particles
    total = sum(p[name] for name in SPECIES_NAMES)
    assert total[p["charge"] != 0] == pytest.approx(1, abs=1e-5)
    assert (total[p["charge"] == 0] == 0).all()
    assert ((p["region"] > 0) == (p["charge"] == 0)).all()
    assert (p["d0_error"] > 0).sum() == (p["charge"] != 0).sum()


def test_some_may_be_left_out():
    seen = seen_events()
    only = whole_events(seen, clusters=np.zeros(len(seen.clusters), dtype=bool))
    assert only.multiplicity.tolist() == np.diff(seen.track_offsets).tolist()
    assert (only.particles["charge"] != 0).all()


def test_a_track_truly_is_what_was_generated_and_a_cluster_is_no_species(sets):
    pdg = mixed_events().particles["pdg"]
    is_track = sets.particles["charge"] != 0
    assert (sets.particles[TRUE_SPECIES][~is_track] == -1).all()
    first = mixed_events().offsets[sets.event_of_particle[is_track]]
    ids = np.abs(pdg[first + sets.particles["truth"][is_track]])
    assert np.array_equal(np.array([11, 13, 211, 321, 2212])[sets.particles[TRUE_SPECIES][is_track]], ids)
