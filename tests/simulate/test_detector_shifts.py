"""Shifted detectors: each does what its name says, by as much as its description says, and nothing else."""

import numpy as np
import pytest
from helpers.decay_chains import directions, gun

from hepsets.core.errors import InputError
from hepsets.simulate.belle2 import BELLE2, SHIFTS, detector
from hepsets.simulate.detector import simulate

N = 20_000


@pytest.fixture(scope="module")
def beam():
    """Momenta of 0.3 to 2.5 GeV in the acceptance."""
    rng = np.random.default_rng(1)
    return rng.uniform(0.3, 2.5, N)[:, None] * directions(rng, N, 20, 140)


@pytest.fixture(scope="module")
def measured(beam):
    """What each detector measures, by its name."""
    return {name: measure(beam, detector(name)) for name in (None, *SHIFTS)}


def measure(beam, config):
    seen = {
        pdg: simulate(gun(pdg, beam), seed=1, event_numbers=np.arange(N), detector=config)
        for pdg in (321, 211, 22)
    }
    kaon, pion = (seen[pdg].tracks for pdg in (321, 211))
    ratio = np.sqrt(sum(pion[name] ** 2 for name in ("px", "py", "pz")))
    ratio /= np.linalg.norm(beam, axis=1)[pion["particle"]]
    clusters = seen[22].clusters
    energy = clusters["energy"][clusters["particle"] >= 0]
    energy = energy / np.linalg.norm(beam, axis=1)[clusters["particle"][clusters["particle"] >= 0]]
    return {
        "tracks": len(kaon) / N,
        "kaons kept": np.mean(kaon["kaon"] > kaon["pion"]),
        "pions passing": np.mean(pion["kaon"] > pion["pion"]),
        "momentum": np.median(ratio),
        "momentum width": np.quantile(abs(ratio - np.median(ratio)), 0.68),
        "impact width": np.quantile(abs(pion["d0"]), 0.68),
        "photon energy": np.median(energy),
        "photon width": np.quantile(abs(energy - np.median(energy)), 0.68),
        "background": np.mean(clusters["particle"] < 0) * len(clusters) / N,
    }


@pytest.mark.parametrize(
    ("shift", "what", "change"),
    [
        ("momentum_scale", "momentum", 1.001),
        ("momentum_scale", "photon energy", 1.005),
        ("resolution", "momentum width", 1.12),
        ("resolution", "impact width", 1.12),
        ("resolution", "photon width", 1.12),
        ("identification", "kaons kept", 0.856 / 0.874),
        ("identification", "pions passing", 0.079 / 0.055),
        ("beam_background", "background", 2.0),
        ("beam_background", "tracks", 0.94 / 0.95),
    ],
)
def test_a_shift_is_as_large_as_described(measured, shift, what, change):
    allowed = max(0.15 * abs(change - 1), 0.0003)
    assert measured[shift][what] / measured[None][what] == pytest.approx(change, abs=allowed)


TOUCHED = {
    "momentum_scale": {"momentum", "momentum width", "impact width", "photon energy", "photon width"},
    "resolution": {"momentum", "momentum width", "impact width", "photon energy", "photon width"},
    "identification": {"kaons kept", "pions passing"},
    "beam_background": {"tracks", "background"},
}


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_shift_leaves_everything_else_alone(measured, shift):
    for what in set(measured[None]) - TOUCHED[shift]:
        assert measured[shift][what] == pytest.approx(measured[None][what], rel=0.03), what


def test_without_a_name_the_detector_is_the_nominal_one():
    assert detector(None) is BELLE2
    with pytest.raises(InputError, match=r"'worse'.*momentum_scale, resolution"):
        detector("worse")
