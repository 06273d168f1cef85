"""What tells the kinds of particles apart."""

import numpy as np
from helpers.toy_z_events import without, z_events

from hepsets.represent.vertexed_events.geometry import Geometry
from hepsets.represent.vertexed_events.identification import dndx, kinds, time_of_flight, truth


def test_time_of_flight_knows_slow_kaons() -> None:
    some = z_events(60, seed=1)
    seen = Geometry(some)
    found = time_of_flight(seen)
    slow = (seen.momentum < 2) & (some.particles.particles["charge"] != 0)
    kaon = slow & (np.abs(some.particles.particles["true_pdg"]) == 321)
    pion = slow & (np.abs(some.particles.particles["true_pdg"]) == 211)
    assert np.median(np.sinh(found["flight_mass"][kaon])) * 0.1 > 0.15
    assert abs(np.median(found["flight_kaon"][kaon])) < 0.3
    assert abs(np.median(found["flight_pion"][pion])) < 0.3
    assert (found["flight_pion"][kaon & (seen.momentum < 1)] > 2).all()


def test_clusters_are_counted_per_length() -> None:
    some = z_events(10, seed=2)
    found = dndx(Geometry(some))
    track = some.particles.particles["is_track"]
    density = np.exp(found["clusters_per_cm"][track] / 10) * 10
    np.testing.assert_allclose(density, some.particles.particles["n_clusters"][track] / 160, rtol=1e-5)
    assert (found["clusters_per_cm"][~track] == 0).all()


def test_what_a_file_does_not_tell_is_masked() -> None:
    bare = Geometry(without(z_events(5), "n_clusters", "flight_time", "true_pdg", "kind"))
    for make in (dndx, time_of_flight, truth):
        assert all((values == 0).all() for values in make(bare).values())
    found = kinds(bare)
    charged = bare.particle("charge") != 0
    assert (found["is_charged_hadron"] == charged).all()
    assert (found["is_photon"] == ~charged).all()


def test_the_truth_is_one_kind_each() -> None:
    some = z_events(10, seed=3)
    found = truth(Geometry(some))
    total = sum(values for name, values in found.items() if name != "truth_known")
    assert (total == 1).all()
    assert (found["truth_kaon"] == (np.abs(some.particles.particles["true_pdg"]) == 321)).all()
