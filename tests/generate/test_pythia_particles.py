"""What Pythia knows after the table is loaded."""

import pytest
from particle import Particle

from hepsets.core.units import MM_PER_CM, SPEED_OF_LIGHT
from hepsets.generate.decay_table import belle2_decay_table
from hepsets.generate.pythia_particles import load_into, set_lifetimes

pythia8mc = pytest.importorskip("pythia8mc")


@pytest.fixture(scope="module")
def particle_data():
    data = pythia8mc.Pythia("", False).particleData
    load_into(data, belle2_decay_table())
    set_lifetimes(data, belle2_decay_table())
    return data


@pytest.mark.parametrize("mother", [413, 421, 431, 443, 100443])
def test_decays_are_those_of_the_table_alone(particle_data, mother):
    entry, channels = particle_data.particleDataEntryPtr(mother), belle2_decay_table().channels[mother]
    assert entry.sizeChannels() == len(channels)
    for i, channel in enumerate(channels):
        found = entry.channel(i)
        assert found.bRatio() == pytest.approx(channel.branching_fraction)
        assert tuple(found.product(k) for k in range(found.multiplicity())) == channel.products


def test_particles_that_only_the_table_knows_are_there(particle_data):
    assert particle_data.m0(30343) == pytest.approx(1.8)
    assert not particle_data.hasAnti(30363)


@pytest.mark.parametrize("pdg", [310, 421, 511])
def test_lifetimes_are_those_of_the_particle_data_group(particle_data, pdg):
    expected = Particle.from_pdgid(pdg).lifetime * SPEED_OF_LIGHT * MM_PER_CM
    assert particle_data.tau0(pdg) == pytest.approx(expected)
