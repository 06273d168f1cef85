"""Calorimeters: resolutions, thresholds, acceptance, and where displaced photons seem to come from."""

import math

import numpy as np
import pytest

from hepsets.core.kernel import as_record
from hepsets.simulate.energy_flow import calorimeter_sigma, measure_neutral, way_to_calorimeter
from hepsets.simulate.idea import IDEA

CALORIMETERS = as_record(IDEA.energy_flow)
PARTICLE = np.dtype([(name, float) for name in ("x", "y", "z", "px", "py", "pz", "energy")])


def particle(energy, theta=90.0, *, at=(0.0, 0.0, 0.0), mass=0.0):
    made = np.zeros(1, dtype=PARTICLE)[0]
    p, angle = math.sqrt(energy**2 - mass**2), math.radians(theta)
    made["px"], made["pz"], made["energy"] = p * math.sin(angle), p * math.cos(angle), energy
    made["x"], made["y"], made["z"] = at
    return made


def measured(true, *, is_photon, n=4000):
    stream, seen = np.array([5], dtype=np.uint64), np.zeros(1, dtype=PARTICLE)[0]
    rows = []
    for _ in range(n):
        if measure_neutral(stream, CALORIMETERS, true, is_photon, seen):
            rows.append([float(seen[name]) for name in ("px", "py", "pz", "energy")])
    return np.array(rows).reshape(-1, 4)


@pytest.mark.parametrize(
    ("energy", "is_photon", "relative"), [(10, True, 0.0107), (1, True, 0.0305), (10, False, 0.0955)]
)
def test_energies_spread_as_the_card_says(energy, is_photon, relative):
    assert calorimeter_sigma(CALORIMETERS, energy, is_photon) / energy == pytest.approx(relative, rel=0.01)
    seen = measured(particle(energy), is_photon=is_photon)[:, 3]
    assert len(seen) == 4000
    assert seen.mean() == pytest.approx(energy, rel=0.01)
    assert seen.std() / energy == pytest.approx(relative, rel=0.05)


def test_faint_hadrons_and_those_along_the_beams_are_not_seen():
    assert len(measured(particle(0.5, mass=0.4976), is_photon=False)) < 2000
    assert len(measured(particle(0.1), is_photon=True)) == 4000
    assert len(measured(particle(10, 3.0), is_photon=True)) == 0


def test_a_displaced_photon_seems_to_come_from_the_origin():
    true = particle(10, at=(0.0, 22.5, 0.0))
    assert way_to_calorimeter(CALORIMETERS, true) * 10 == pytest.approx(math.sqrt(225**2 - 22.5**2))
    seen = measured(true, is_photon=True)
    assert np.arctan2(seen[:, 1], seen[:, 0]).mean() == pytest.approx(math.asin(0.1), abs=1e-3)
    assert np.linalg.norm(seen[:, :3], axis=1) == pytest.approx(seen[:, 3])


def test_directions_are_uniform_within_a_cell():
    seen = measured(particle(20, 60.0), is_photon=True)
    assert np.arctan2(seen[:, 1], seen[:, 0]).std() == pytest.approx(0.02 / math.sqrt(12), rel=0.05)
    assert np.abs(np.arctan2(seen[:, 1], seen[:, 0])).max() < 0.0101
