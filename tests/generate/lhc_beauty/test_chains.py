"""Forced decays as data: charges, masses, shares."""

import pytest
from particle import Particle

from hepsets.generate.lhc_beauty.chains import FORCED, LIFETIMES, MASSES, PAIR, final_states


def charge(pdg):
    return 0 if pdg == PAIR else Particle.from_pdgid(pdg).charge


@pytest.mark.parametrize("sample", FORCED)
def test_every_chain_conserves_charge_and_its_masses_fit(sample):
    forced = FORCED[sample]
    assert sum(chain.share for chain in forced.chains) == pytest.approx(1)
    for final in final_states(sample):
        assert sum(map(charge, final)) == 0
        assert sum(MASSES[abs(pdg)] for pdg in final) < MASSES[forced.hadron]


@pytest.mark.parametrize(
    ("sample", "charged"),
    [
        ("bs_dspi", {211: 2, 321: 2}),
        ("b0_dpi", {211: 3, 321: 1}),
        ("lb_lcpi", {211: 2, 321: 1, 2212: 1}),
        ("bs_dsrho", {211: 2, 321: 2}),
    ],
)
def test_four_charged_hadrons_are_left(sample, charged):
    for final in final_states(sample):
        found = [abs(pdg) for pdg in final if charge(pdg)]
        assert {pdg: found.count(pdg) for pdg in set(found)} == charged


def test_b_to_c_takes_the_charm_quark_along():
    # b̄ → c̄ W⁺: a B_s⁰ gives D_s⁻ π⁺; only D_s K has the other charge, and B⁰ → D_s⁺ π⁻ is b̄ → ū
    charm = {
        sample: {pdg for c in FORCED[sample].chains for s in c.steps for pdg in s.daughters}
        for sample in FORCED
    }
    assert -431 in charm["bs_dspi"]
    assert 431 not in charm["bs_dspi"]
    assert {431, -431} <= charm["bs_dsk"]
    assert 431 in charm["b0_dspi"]
    assert -411 in charm["b0_dpi"]
    assert 4122 in charm["lb_lcpi"]


@pytest.mark.parametrize("pdg", LIFETIMES)
def test_lifetimes_are_those_of_the_review(pdg):
    assert LIFETIMES[pdg] == pytest.approx(
        Particle.from_pdgid(pdg).lifetime * 1e3, rel=0.01
    )  # of the package [ns]
