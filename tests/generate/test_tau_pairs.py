"""τ pairs: conserved, back to back, and with as many charged daughters as measured."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.generate.cross_sections import CROSS_SECTION, TAU_PAIR
from hepsets.generate.samples import generate_sample
from hepsets.generate.tau_pairs import EVENT_TYPE, generate_tau_block

CHARGED = (11, 13, 211, 321)


@pytest.fixture(scope="module")
def events():
    pytest.importorskip("pythia8mc")
    return generate_tau_block("taupair", 1, 0, 250)


def descendants(events, of):
    """Which particles descend from any of those marked."""
    below, ancestor = of.copy(), events.mothers
    for _ in range(6):
        below, ancestor = below | below[ancestor], ancestor[ancestor]
    return below


def test_each_event_has_one_tau_of_either_charge_and_no_copies_of_them(events):
    for sign in (1, -1):
        assert (np.bincount(events.event_of_particle, events.particles["pdg"] == sign * 15) == 1).all()
    assert (events.columns["event_type"] == EVENT_TYPE).all()
    assert len(CROSS_SECTION) + 1 == EVENT_TYPE


def test_roots_carry_the_momentum_of_the_beams(events):
    roots = events.mothers == np.arange(events.n_particles)
    energy = np.bincount(events.event_of_particle[roots], events.particles["energy"][roots])
    assert energy == pytest.approx(np.full(len(events), 11.006), abs=0.05)


def test_final_particles_carry_what_the_taus_had(events):
    p = events.particles
    final = np.ones(events.n_particles, dtype=bool)
    final[events.mothers[events.mothers != np.arange(events.n_particles)]] = False
    below = descendants(events, np.abs(p["pdg"]) == 15)
    taus = np.bincount(events.event_of_particle, p["energy"] * (np.abs(p["pdg"]) == 15))
    assert np.bincount(events.event_of_particle, p["energy"] * (final & below)) == pytest.approx(
        taus, rel=1e-4
    )


def test_five_in_six_taus_have_one_charged_daughter_and_nearly_all_others_three(events):
    pdg = np.abs(events.particles["pdg"])
    final = np.ones(events.n_particles, dtype=bool)
    final[events.mothers[events.mothers != np.arange(events.n_particles)]] = False
    counted = final & np.isin(pdg, CHARGED) & ~descendants(events, np.isin(pdg, (111, 310)))
    prongs = []
    for sign in (15, -15):
        below = descendants(events, events.particles["pdg"] == sign)
        prongs.append(np.bincount(events.event_of_particle, counted & below, minlength=len(events)))
    found = np.concatenate(prongs)
    one, three = (found == 1).mean(), (found == 3).mean()
    assert (found % 2 == 1).all()
    assert one == pytest.approx(0.8524, abs=4 * np.sqrt(0.85 * 0.15 / len(found)))  # PDG
    assert three == pytest.approx(0.1455, abs=4 * np.sqrt(0.85 * 0.15 / len(found)))


def test_the_sample_has_a_name_and_a_cross_section():
    assert pytest.approx(0.919) == TAU_PAIR
    (some,) = generate_sample("taupair", 3, seed=2)
    assert len(some) == 3
    with pytest.raises(InputError, match="ditau"):
        generate_tau_block("ditau", 1, 0, 3)
