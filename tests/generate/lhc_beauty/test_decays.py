"""Forced decays: four-momentum, decay times, oscillation, line shapes and angles."""

import numpy as np
import pytest

from hepsets.core.lorentz import boost_to_rest, mass_squared
from hepsets.core.masses import M_DS, M_PHI
from hepsets.generate.lhc_beauty.chains import FORCED, KSTAR_K, LIFETIMES, NON_RESONANT, PHI_PI
from hepsets.generate.lhc_beauty.decays import CM_PER_PS, DELTA_GAMMA_S, DELTA_M, PLACES, chain_table, decay

N = 40_000


def decays(sample, n=N, seed=1):
    rng = np.random.default_rng(seed)
    hadron = FORCED[sample].hadron * np.where(rng.random(n) < 0.5, 1, -1)
    momentum = rng.normal([0, 0, 80], [3, 3, 20], (n, 3))
    return hadron, decay(
        sample, hadron, momentum, np.zeros((n, 4)), seed=seed, numbers=np.arange(n), trials=np.zeros(n)
    )


@pytest.fixture(scope="module")
def signal():
    return decays("bs_dspi")


def mass(p):
    return np.sqrt(mass_squared(p))


@pytest.mark.parametrize("sample", FORCED)
def test_daughters_have_the_momentum_of_their_mother(sample):
    _, found = decays(sample, 2000)
    for i in range(2000):
        for place in set(found.mother[i, 1:][found.mother[i, 1:] >= 0]):
            daughters = np.flatnonzero(found.mother[i, 1:] == place) + 1
            total = found.momentum[i, daughters].sum(axis=0)
            assert total == pytest.approx(found.momentum[i, place], rel=1e-9, abs=1e-8)


def test_a_decay_does_not_depend_on_others():
    hadron, found = decays("bs_dspi", 50)
    rng = np.random.default_rng(1)
    rng.random(50)
    momentum = rng.normal([0, 0, 80], [3, 3, 20], (50, 3))[7:9]
    again = decay(
        "bs_dspi",
        hadron[7:9],
        momentum,
        np.zeros((2, 4)),
        seed=1,
        numbers=np.array([7, 8]),
        trials=np.zeros(2),
    )
    assert np.array_equal(again.momentum, found.momentum[7:9])
    assert np.array_equal(again.time, found.time[7:9])


@pytest.mark.parametrize("sample", ["bs_dspi", "b0_dpi", "lb_lcpi"])
def test_hadrons_live_as_long_as_known_and_fly_as_far_as_they_live(sample):
    _, found = decays(sample)
    life = LIFETIMES[FORCED[sample].hadron]
    if sample == "bs_dspi":  # two exponentials
        light, heavy = 1 / life + DELTA_GAMMA_S / 2, 1 / life - DELTA_GAMMA_S / 2
        life = (1 / light**2 + 1 / heavy**2) / (1 / light + 1 / heavy)
    assert found.time.mean() == pytest.approx(life, abs=4 * life / np.sqrt(N))
    flight = np.linalg.norm(found.vertex[:, 1, :3], axis=1)
    gamma_beta = np.linalg.norm(found.momentum[:, 0, :3], axis=1) / mass(found.momentum[:, 0])
    assert flight / gamma_beta / CM_PER_PS == pytest.approx(found.time, rel=1e-6)


def test_b_s_mesons_oscillate_with_their_frequency():
    hadron, found = decays("bs_dspi")
    mixed = found.flavour != np.sign(hadron)
    assert mixed.mean() == pytest.approx(
        0.4993, abs=4 * 0.5 / np.sqrt(N)
    )  # χ_s of the Review of Particle Physics
    # the mean of ± cos(Δm t) is a half at the true frequency, and nothing elsewhere
    sign = np.where(mixed, -1, 1)
    for frequency in np.linspace(14, 22, 41):
        wave = (sign * np.cos(frequency * found.time)).mean()
        near = abs(frequency - DELTA_M[531]) < 0.5
        if not near and abs(frequency - DELTA_M[531]) > 3:
            assert abs(wave) < 0.06
    assert (sign * np.cos(DELTA_M[531] * found.time)).mean() == pytest.approx(0.5, abs=0.02)


def test_b0_mesons_mix_as_often_as_known_and_baryons_never():
    hadron, found = decays("b0_dpi")
    assert (found.flavour != np.sign(hadron)).mean() == pytest.approx(0.1858, abs=0.01)  # χ_d
    hadron, found = decays("lb_lcpi", 2000)
    assert (found.flavour == np.sign(hadron)).all()


def test_what_decays_as_the_other_flavour_has_all_charges_turned(signal):
    _, found = signal
    for flavour in (1, -1):
        which = found.flavour == flavour
        assert (found.pdg[which, 1] == -431 * flavour).all()
        assert (found.pdg[which, 2] == 211 * flavour).all()


def test_the_modes_of_the_d_s_have_their_shares_and_line_shapes(signal):
    _, found = signal
    share = {mode: (found.mode == mode).mean() for mode in (PHI_PI, KSTAR_K, NON_RESONANT)}
    assert [share[mode] for mode in share] == pytest.approx([0.414, 0.479, 0.107], abs=0.01)
    phi = mass(found.momentum[found.mode == PHI_PI, 3])
    assert np.median(phi) == pytest.approx(M_PHI, abs=0.0015)
    assert (np.abs(phi - M_PHI) < 0.01).mean() > 0.8
    kstar = mass(found.momentum[found.mode == KSTAR_K, 3])
    assert np.median(kstar) == pytest.approx(0.897, abs=0.005)
    assert (np.abs(kstar - 0.8955) < 0.05).mean() > 0.7
    assert mass(found.momentum[:, 1]) == pytest.approx(M_DS, abs=1e-7)


@pytest.mark.parametrize(("mode", "expected"), [(PHI_PI, 3 / 5), (KSTAR_K, 3 / 5), (NON_RESONANT, 1 / 3)])
def test_a_vector_out_of_the_d_s_is_longitudinal(signal, mode, expected):
    # the mean of cos² θ is 3/5 for a density cos² θ, 1/3 without a law
    _, found = signal
    which = found.mode == mode
    frame, kaon, other = found.momentum[which, 3], found.momentum[which, 5], found.momentum[which, 4]
    k, _ = boost_to_rest(kaon[:, :3], kaon[:, 3], frame)
    o, _ = boost_to_rest(other[:, :3], other[:, 3], frame)
    cosine = (k * o).sum(axis=1) / np.linalg.norm(k, axis=1) / np.linalg.norm(o, axis=1)
    assert (cosine**2).mean() == pytest.approx(expected, abs=0.02)
    assert cosine.mean() == pytest.approx(0, abs=0.04)


def test_the_photon_of_a_longitudinal_d_s_star_goes_across():
    _, found = decays("bs_dsstpi")
    which = found.pdg[:, 4] == 22
    frame, photon, pion = found.momentum[which, 1], found.momentum[which, 4], found.momentum[which, 2]
    g, _ = boost_to_rest(photon[:, :3], photon[:, 3], frame)
    p, _ = boost_to_rest(pion[:, :3], pion[:, 3], frame)
    cosine = (g * p).sum(axis=1) / np.linalg.norm(g, axis=1) / np.linalg.norm(p, axis=1)
    assert (cosine**2).mean() == pytest.approx(1 / 5, abs=0.01)  # of a density sin² θ


def test_tables_of_chains_are_as_long_as_their_steps():
    table = chain_table("bs_dsstpi")
    assert table.n_steps.tolist() == [4] * 6
    assert table.pdg.shape == (6, PLACES)
    assert table.share[-1] == pytest.approx(1)
