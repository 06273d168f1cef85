"""Events in MeV are refused when they are read, whatever reads them; those in GeV never are."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers.random_events import random_events

from hepsets.core.errors import InputError
from hepsets.core.event_units import refuse_mev
from hepsets.core.events import Events, read_parquet
from hepsets.core.masses import M_K, M_PI

RNG = np.random.default_rng(1)


def hadrons(n, unit):
    """Pions and kaons with momenta of any size up to 3 GeV, and photons."""
    pdg = RNG.choice([211, -211, 321, 22], n)
    mass = np.select([abs(pdg) == 211, pdg == 321], [M_PI, M_K], 0.0)
    p = RNG.uniform(-3, 3, (3, n))
    energy = np.sqrt((p**2).sum(axis=0) + mass**2)
    values = dict(zip(("energy", "px", "py", "pz"), np.vstack([energy, p]), strict=True))
    return {"pdg": pdg, **{name: (one * unit).astype(np.float32) for name, one in values.items()}}


def test_mev_are_refused_and_gev_are_not():
    refuse_mev(hadrons(1000, 1.0))
    with pytest.raises(InputError, match=r"in MeV .*expected GeV; divide px, py, pz and energy by 1000"):
        refuse_mev(hadrons(1000, 1e3))


def test_few_particles_and_masses_that_mean_nothing_are_not_judged():
    refuse_mev(hadrons(40, 1e3))
    refuse_mev(random_events(100).particles)
    refuse_mev({name: one[:0] for name, one in hadrons(10, 1.0).items()})


def test_a_file_in_mev_is_refused_by_name(tmp_path):
    events = random_events(20)
    particles = {**events.particles, **hadrons(events.n_particles, 1e3)}
    pq.write_table(Events(particles, events.offsets).to_arrow(), tmp_path / "mev.parquet")
    with pytest.raises(InputError, match=r"mev\.parquet: momenta and energies in MeV"):
        read_parquet(tmp_path / "mev.parquet")
