"""Which flying ancestor a particle comes from."""

import numpy as np

from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.core.reconstructed import FROM_B, FROM_C, FROM_C_OF_B, FROM_PRIMARY, FROM_STRANGE
from hepsets.simulate.origins import flying_ancestors, origins


def chain(*pdg):
    """Each particle the daughter of the one before it."""
    particles = {name: np.zeros(len(pdg), dtype) for name, dtype in PARTICLE_COLUMNS.items()}
    particles["pdg"] = np.array(pdg)
    particles["index"] = np.arange(len(pdg))
    particles["mother_index"] = np.maximum(np.arange(len(pdg)) - 1, 0)
    return Events(particles, [0, len(pdg)])


def test_the_last_to_fly_decides():
    assert origins(chain(23, 211))[-1] == FROM_PRIMARY
    assert origins(chain(23, -511, 413, 421, -321)).tolist() == [0, 0, FROM_B, FROM_B, FROM_C_OF_B]
    assert origins(chain(23, 4122, 3122, 2212)).tolist() == [0, 0, FROM_C, FROM_STRANGE]
    assert origins(chain(23, -521, 310, 211))[-1] == FROM_STRANGE


def test_what_decays_at_once_is_no_origin():
    # B** → B π, D* → D⁰ π, J/ψ → μμ
    assert origins(chain(23, 10521, 211))[-1] == FROM_PRIMARY
    assert origins(chain(23, 413, 211))[-1] == FROM_PRIMARY
    assert origins(chain(23, 521, 443, 13))[-1] == FROM_B


def test_a_tau_hands_on_where_it_comes_from():
    assert origins(chain(23, 531, -431, 15, -211))[-1] == FROM_C_OF_B


def test_the_last_charm_and_b_hadron_that_flew_are_found():
    # B⁰ → D*⁻ π⁺, D*⁻ → D̄⁰ π⁻, D̄⁰ → K⁺ π⁻, and a pion of the string
    pdg = [511, -413, 211, -421, -211, 321, -211, 211]
    mother = [0, 0, 0, 1, 1, 3, 3, 7]
    columns = {name: np.zeros(8, dtype) for name, dtype in PARTICLE_COLUMNS.items()}
    columns["pdg"][:], columns["mother_index"][:], columns["index"][:] = pdg, mother, np.arange(8)
    charm, beauty = flying_ancestors(Events(columns, np.array([0, 8])))
    assert charm.tolist() == [-1, -1, -1, -1, -1, 3, 3, -1]
    assert beauty.tolist() == [-1, 0, 0, 0, 0, 0, 0, -1]
