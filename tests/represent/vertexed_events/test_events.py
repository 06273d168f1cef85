"""Events as a whole."""

import numpy as np
from helpers.toy_z_events import events_of_sizes, turned, without, z_events

from hepsets.represent.vertexed_events.events import events
from hepsets.represent.vertexed_events.geometry import Geometry


def test_counts_and_energies_are_those_of_the_particles() -> None:
    some = z_events(10, seed=1)
    found = events(Geometry(some))
    np.testing.assert_allclose(np.expm1(found["log_particles"]), some.particles.multiplicity)
    np.testing.assert_allclose(np.expm1(found["log_vertices"]), 2, rtol=1e-6)
    for name, values in events(Geometry(turned(some, 1.0))).items():
        np.testing.assert_allclose(values, found[name], atol=1e-5)


def test_an_empty_event_and_an_unknown_thrust_are_masked() -> None:
    found = events(Geometry(without(events_of_sizes([0, 5]), "thrust")))
    assert (found["has_thrust"] == 0).all()
    assert found["has_primary"].tolist() == [0, 1]
    assert found["log_particles"][0] == 0
