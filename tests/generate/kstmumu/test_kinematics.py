"""Momenta of B⁰ → K*⁰μ⁺μ⁻ and the angles that are read off them again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.lorentz_kernels import boost_from
from hepsets.core.masses import M_B0, M_K, M_KSTAR, M_MU, M_PI, WIDTH_KSTAR
from hepsets.generate.kstmumu.kinematics import (
    KAON,
    MU_MINUS,
    MU_PLUS,
    PION,
    decay_momenta,
    decay_variables,
    kstar_lineshape,
)

MASSES = np.array([M_K, M_PI, M_MU, M_MU])

decays = st.tuples(
    st.floats(0.05, 19.0),
    st.floats(-0.999, 0.999),
    st.floats(-0.999, 0.999),
    st.floats(-3.14, 3.14),
    st.sampled_from([1, -1]),
    st.floats(0.65, 0.92),
)


def momenta_of(decay):
    momenta = np.zeros((4, 4))
    q_squared, costheta_mu, costheta_K, chi, flavour, m_kpi = decay
    decay_momenta(q_squared, costheta_mu, costheta_K, chi, flavour, m_kpi, momenta)
    return momenta


def variables_of(momenta, flavour):
    return np.array(decay_variables(np.ascontiguousarray(momenta), flavour, np.zeros((7, 4))))


def to_frame(p, frame):
    moved = p.copy()
    boost_from(moved, frame.copy(), -1.0)
    return moved


def unit(vector):
    return vector / np.linalg.norm(vector)


@given(decays)
def test_four_momentum_is_conserved_and_all_are_on_their_mass_shell(decay):
    momenta = momenta_of(decay)
    assert momenta.sum(axis=0) == pytest.approx([0, 0, 0, M_B0], abs=1e-9)
    squared = momenta[:, 3] ** 2 - (momenta[:, :3] ** 2).sum(axis=1)
    assert squared == pytest.approx(MASSES**2, abs=1e-9)


@given(decays)
def test_the_variables_come_back_from_the_momenta(decay):
    q_squared, costheta_mu, costheta_K, chi, flavour, m_kpi = decay
    found = variables_of(momenta_of(decay), flavour)
    assert found == pytest.approx([q_squared, costheta_mu, costheta_K, chi, m_kpi], abs=1e-6)


@given(decays)
def test_the_angles_are_those_of_lhcb(decay):
    """Term by term as in appendix A of J. High Energ. Phys. 08 (2013) 131, in the frame of the B."""
    _, costheta_mu, costheta_K, chi, flavour, _ = decay
    p = momenta_of(decay)
    lepton, other = (p[MU_PLUS], p[MU_MINUS]) if flavour > 0 else (p[MU_MINUS], p[MU_PLUS])
    pair, kstar = lepton + other, p[KAON] + p[PION]
    assert unit(to_frame(lepton, pair)[:3]) @ unit(pair[:3]) == pytest.approx(costheta_mu, abs=1e-6)
    assert unit(to_frame(p[KAON], kstar)[:3]) @ unit(kstar[:3]) == pytest.approx(costheta_K, abs=1e-6)
    muons = unit(np.cross(lepton[:3], other[:3]))
    hadrons = unit(np.cross(p[KAON, :3], p[PION, :3]))
    assert muons @ hadrons == pytest.approx(np.cos(chi), abs=1e-6)
    sine = np.cross(muons, hadrons) @ unit(kstar[:3])
    assert flavour * sine == pytest.approx(np.sin(chi), abs=1e-6)


@given(decays, st.lists(st.floats(-2, 2), min_size=3, max_size=3), st.integers(0, 2**31))
def test_the_variables_depend_on_neither_frame_nor_axes(decay, velocity, seed):
    momenta = momenta_of(decay)
    expected = variables_of(momenta, decay[4])
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    momenta[:, :3] = momenta[:, :3] @ rotation.T
    frame = np.array([*velocity, np.sqrt(1 + np.square(velocity).sum())])
    for row in momenta:
        boost_from(row, frame, 1.0)
    found = variables_of(momenta, decay[4])
    assert np.delete(found, 3) == pytest.approx(np.delete(expected, 3), abs=1e-5)
    assert np.exp(1j * found[3]) == pytest.approx(np.exp(1j * expected[3]), abs=1e-5)


@given(decays)
def test_the_mirror_image_of_the_antiparticles_has_the_same_variables(decay):
    momenta = momenta_of(decay)
    mirrored = momenta[[KAON, PION, MU_MINUS, MU_PLUS]] * [-1, -1, -1, 1]
    assert variables_of(mirrored, -decay[4]) == pytest.approx(variables_of(momenta, decay[4]), abs=1e-6)


def test_the_kstar_peaks_at_its_mass_with_its_width():
    mass = np.linspace(M_K + M_PI, 1.8, 100_001)
    density = kstar_lineshape(mass)
    assert density[0] == 0
    assert mass[density.argmax()] == pytest.approx(M_KSTAR, abs=0.003)
    above_half = mass[density > density.max() / 2]
    assert above_half[-1] - above_half[0] == pytest.approx(WIDTH_KSTAR, rel=0.05)
