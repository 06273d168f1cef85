"""Conversions: as often as the material says, in its layers, with Bethe and Heitler's sharing."""

import math

import numpy as np
import pytest

from hepsets.simulate.conversions import conversion_way, energy_share, material_at
from hepsets.simulate.layers import Layer, surfaces

PHOTON = np.dtype([(name, float) for name in ("x", "y", "z", "px", "py", "pz", "energy")])
LAYERS = surfaces(
    (Layer("barrel", 2, 0, 50, 0.02), Layer("barrel", 5, 0, 50, 0.04), Layer("disc", 60, 1, 50, 0.1))
)


def photon(theta=90.0, *, energy=2.0, at=(0.0, 0.0, 0.0)):
    made = np.zeros(1, dtype=PHOTON)[0]
    made["px"], made["pz"] = energy * math.sin(math.radians(theta)), energy * math.cos(math.radians(theta))
    made["x"], made["y"], made["z"] = at
    made["energy"] = energy
    return made


def ways(true, n=40_000):
    stream = np.array([9], dtype=np.uint64)
    return np.array([conversion_way(stream, LAYERS, 100.0, 100.0, true) for _ in range(n)])


def test_material_grows_with_the_slant_and_counts_from_where_the_photon_begins():
    assert material_at(LAYERS[0], photon()) == (pytest.approx(0.02), pytest.approx(1.0))
    assert material_at(LAYERS[0], photon(30.0))[0] == pytest.approx(0.04)
    assert material_at(LAYERS[0], photon(at=(3.0, 0.0, 0.0))) == (0, 0)
    assert material_at(LAYERS[0], photon(1.0)) == (0, 0)  # passes its end
    assert material_at(LAYERS[2], photon(30.0))[0] == pytest.approx(0.1 / math.cos(math.radians(30)))
    assert material_at(LAYERS[2], photon(150.0))[1] == pytest.approx(60 / math.cos(math.radians(30)) / 2)
    assert material_at(LAYERS[2], photon(90.0)) == (0, 0)


@pytest.mark.parametrize(("theta", "thickness"), [(90, 0.06), (60, 0.06 / math.sin(math.radians(60)))])
def test_photons_convert_as_often_as_the_radiation_lengths_say(theta, thickness):
    found = ways(photon(theta))
    expected = 1 - math.exp(-7 / 9 * thickness)
    assert (found >= 0).mean() == pytest.approx(expected, rel=0.05)
    radius = 2 * found[found >= 0] * math.sin(math.radians(theta))
    assert set(radius.round(6)) == {2.0, 5.0}
    assert (radius < 3).mean() == pytest.approx(1 / 3, abs=0.03)


def test_layers_beyond_the_tracker_do_not_count():
    stream = np.array([9], dtype=np.uint64)
    assert all(conversion_way(stream, LAYERS, 1.0, 1.0, photon()) == -1 for _ in range(1000))


def test_the_pair_shares_the_energy_as_bethe_and_heitler_say():
    stream = np.array([4], dtype=np.uint64)
    shares = np.array([energy_share(stream) for _ in range(40_000)])
    counts, edges = np.histogram(shares, 10, (0, 1))
    middle = 0.5 * (edges[1:] + edges[:-1])
    expected = 1 - 4 / 3 * middle * (1 - middle)
    assert counts / counts.sum() == pytest.approx(expected / expected.sum(), rel=0.06)
