"""B⁺ → ρ⁺ρ⁰: forced in one B of each event, longitudinal, with the table's branching fraction."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.lorentz import boosted
from hepsets.generate.decay_table import belle2_decay_table
from hepsets.generate.pythia import generate_block
from hepsets.generate.rho_rho_decays import RHO_RHO_ALIAS_BASE, rho_rho_decays
from hepsets.generate.tag_decays import tag_decays

pytest.importorskip("pythia8mc")

EVENTS = 800


@pytest.fixture(scope="module")
def events():
    return generate_block("charged", 3, 0, EVENTS, forced="rho_rho")


def rho_pairs(events):
    """Per B → ρρ the B and its two ρ, by position; and the daughters of every particle."""
    pdg = events.particles["pdg"]
    below = [[] for _ in pdg]
    for particle, mother in enumerate(events.mothers):
        if mother != particle:
            below[mother].append(particle)
    found = []
    for b in np.flatnonzero(np.abs(pdg) == 521):
        rhos = sorted(below[b], key=lambda k: abs(pdg[k]))
        if [abs(pdg[k]) for k in rhos] == [113, 213]:
            found.append((b, *rhos))
    return found, below


def test_one_b_of_each_event_decays_so(events):
    found, below = rho_pairs(events)
    pdg = events.particles["pdg"]
    assert len(found) == EVENTS  # by chance the other does so in 24 of a million
    for b, neutral, charged in found:
        assert np.sign(pdg[charged]) == np.sign(pdg[b])
        assert sorted(pdg[below[neutral]]) == [-211, 211]
        assert sorted(np.sign(pdg[b]) * pdg[below[charged]], key=abs) == sorted([np.sign(pdg[b]) * 111, 211])
    positive = sum(pdg[b] > 0 for b, *_ in found)
    assert abs(positive - EVENTS / 2) < 4 * np.sqrt(EVENTS) / 2


@pytest.mark.parametrize("which", [1, 2])
def test_both_rho_are_longitudinal(events, which):
    """cos² of the decay angle has the mean 3/5 for a longitudinal ρ, 1/3 for one without polarisation."""
    found, below = rho_pairs(events)
    p = np.column_stack([events.particles[name] for name in ("px", "py", "pz", "energy")]).astype(float)
    squares = []
    for row in found:
        b, rho = row[0], row[which]
        pion = next(k for k in below[rho] if abs(events.particles["pdg"][k]) == 211)
        against = p[[rho]] * [-1, -1, -1, 1]
        one, other = (boosted(p[[k]], against)[0, :3] for k in (pion, b))
        squares.append((one @ other) ** 2 / (one @ one) / (other @ other))
    assert abs(np.mean(squares) - 0.6) < 4 * np.std(squares) / np.sqrt(len(squares))


def test_the_table_is_extended_and_its_fraction_taken():
    forced, plain = rho_rho_decays(), belle2_decay_table()
    assert forced.branching_fraction[521] == pytest.approx(2.4e-5, rel=0.05)
    assert all(forced.table.channels[mother] is channels for mother, channels in plain.channels.items())
    new = forced.table.aliases.keys() - plain.aliases.keys()
    assert max(tag_decays().table.aliases) < RHO_RHO_ALIAS_BASE < min(new)


def test_neutral_b_have_no_such_decay():
    with pytest.raises(InputError, match=r"'rho_rho' in sample 'mixed'.*charged"):
        generate_block("mixed", 1, 0, 10, forced="rho_rho")
