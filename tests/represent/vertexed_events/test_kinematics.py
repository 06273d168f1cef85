"""Momenta in the thrust frame."""

import numpy as np
from helpers.toy_z_events import mirrored, turned, z_events

from hepsets.represent.vertexed_events.geometry import Geometry
from hepsets.represent.vertexed_events.kinematics import BEAM_ENERGY, direction, kinematics, side


def test_momenta_are_logarithms_of_ratios_towards_the_axis() -> None:
    seen = Geometry(z_events(20, seed=1))
    found = kinematics(seen)
    np.testing.assert_allclose(np.exp(found["log_momentum"]) * BEAM_ENERGY, seen.momentum, rtol=1e-6)
    pt = np.exp(found["log_pt_rel"]) * BEAM_ENERGY
    along = pt * np.sinh(found["eta_rel"])
    np.testing.assert_allclose(np.hypot(pt, along), seen.momentum, rtol=1e-4)
    assert (found["eta_rel"] >= 0).all()


def test_they_do_not_know_turns_and_mirrors_and_directions_know_mirrors_by_one_sign() -> None:
    some = z_events(20, seed=2)
    here = Geometry(some)
    for change in (lambda events: turned(events, 2.0), mirrored):
        there = Geometry(change(some))
        for name, values in kinematics(here).items():
            np.testing.assert_allclose(values, kinematics(there)[name], atol=1e-3)
        assert (side(here)["side"] == side(there)["side"]).all()
    sides = direction(here)["direction_2"], direction(Geometry(mirrored(some)))["direction_2"]
    np.testing.assert_allclose(sides[0], -sides[1], atol=1e-5)
