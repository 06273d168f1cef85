"""Event shapes of generated B B̄ and continuum, with one true B (or one hemisphere) as the candidate."""

import numpy as np
import pytest
from particle import pdgid
from scipy.stats import kstest

from hepsets.core.lorentz import boost_to_rest
from hepsets.core.particle_sets import ParticleSets
from hepsets.generate.pythia import generate_block
from hepsets.select.variables.continuum import continuum_variables
from hepsets.select.variables.event_shape import thrust

pytestmark = pytest.mark.validate

pytest.importorskip("pythia8mc")

SQRT_S = 10.58
B_MESONS = (511, 521)
INVISIBLE = (12, 14, 16, 130, 2112)


def sets_of(sample, n_events=5000):
    """Visible final particles in the centre-of-mass frame; the candidate is the first B or a hemisphere.

    Events with photons of more than 50 MeV that the beams radiated are left out: those fly along the beams.
    """
    events = generate_block(sample, 5, 0, n_events)
    radiated = (events.particles["pdg"] == 22) & (events.mothers == np.arange(events.n_particles))
    energy = np.bincount(events.event_of_particle, radiated * events.particles["energy"], minlength=n_events)
    events = events[energy < 0.05]
    n_events = len(events)
    pdg, mothers = np.abs(events.particles["pdg"]), events.mothers
    root = mothers == np.arange(events.n_particles)
    p = np.stack([events.particles[name].astype(float) for name in ("px", "py", "pz")], axis=1)
    energy = events.particles["energy"].astype(float)
    total = np.stack(
        [np.bincount(events.event_of_particle, root * c, minlength=n_events) for c in (*p.T, energy)], axis=1
    )
    p, energy = boost_to_rest(p, energy, total[events.event_of_particle])
    final = ~np.isin(np.arange(len(pdg)), mothers[~root])
    seen = final & ~np.isin(pdg, INVISIBLE)
    offsets = np.concatenate(
        [[0], np.cumsum(np.bincount(events.event_of_particle[seen], minlength=n_events))]
    )
    if sample == "mixed":
        ancestor = np.arange(len(pdg))
        while not np.array_equal(
            ancestor, up := np.where(root[mothers[ancestor]], ancestor, mothers[ancestor])
        ):
            ancestor = up  # to the B that came first
        is_b = np.isin(pdg, B_MESONS) & root[mothers] & ~root
        first = np.full(n_events, -1)
        which = np.flatnonzero(is_b)[::-1]
        first[events.event_of_particle[which]] = which
        candidate = (ancestor == first[events.event_of_particle])[seen]
    else:
        axis = thrust(p[seen], offsets).axis
        candidate = np.sum(p[seen] * np.repeat(axis, np.diff(offsets), axis=0), axis=1) > 0
    ids, place = np.unique(events.particles["pdg"][seen], return_inverse=True)
    charge = np.array([float(pdgid.charge(int(i)) or 0) for i in ids])[place]
    columns = dict(zip(("px", "py", "pz"), p[seen].T, strict=True))
    return ParticleSets(
        {**columns, "energy": energy[seen], "charge": charge, "from_candidate": candidate},
        offsets,
        {"candidate_energy": np.full(n_events, SQRT_S / 2)},
    )


@pytest.fixture(scope="module")
def b_pairs():
    return continuum_variables(sets_of("mixed"), SQRT_S)


@pytest.fixture(scope="module")
def continuum():
    return continuum_variables(sets_of("uubar"), SQRT_S)


def test_two_b_mesons_decay_without_knowing_of_each_other(b_pairs):
    some = b_pairs["thrustOm"] > 0
    # they move at 0.06 c, back to back, and beam and mixing tie nothing together
    assert kstest(b_pairs["cosTBTO"][some], "uniform").statistic < 0.03
    assert np.mean(b_pairs["cosTBTO"][some]) == pytest.approx(0.5, abs=0.02)
    assert kstest(b_pairs["cosTBz"][some], "uniform").statistic < 0.03
    for name in ("hso02", "hso12", "hso04", "hso14"):
        assert abs(np.mean(b_pairs[name])) < 0.05 * np.mean(b_pairs[f"{name[:4]}0"])


def test_jets_are_back_to_back_narrow_and_know_the_beam(b_pairs, continuum):
    assert np.mean(continuum["cosTBTO"] > 0.9) > 0.5
    assert np.mean(continuum["R2"]) > 2.5 * np.mean(b_pairs["R2"])
    assert np.mean(continuum["hso02"]) > 0.2 * np.mean(continuum["hso00"])
    cones = np.array([np.mean(continuum[f"cleoCone{i}"]) for i in range(1, 10)])
    assert cones[:3].sum() > 0.6 * cones.sum()
    # 1 + cos² of the quarks against the beam: its mean is 9/16, that of a flat distribution 1/2
    assert np.mean(continuum["cosTBz"]) == pytest.approx(9 / 16, abs=0.02)
