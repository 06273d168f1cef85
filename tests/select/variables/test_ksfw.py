import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hepsets.core.errors import InputError
from hepsets.select.variables.ksfw import (
    ksfw_moments,
    missing_mass_squared,
    missing_momentum,
    transverse_energy,
)

GOLDEN = (1 + np.sqrt(5)) / 2
ICOSAHEDRON = np.array(
    [
        turned
        for a in (-1, 1)
        for b in (-GOLDEN, GOLDEN)
        for turned in ((0, a, b), (a, b, 0), (b, 0, a))
    ]
) / np.hypot(1, GOLDEN)  # fmt: skip
"""Over its corners every polynomial of degree 5 or less has the mean that it has over the sphere."""


def one_event(particles, *, candidate_energy=5.0, sqrt_s=10.0):
    """Moments of one event of rows px, py, pz, energy, charge, from_candidate."""
    table = np.array(particles, dtype=float).reshape(-1, 6)
    return ksfw_moments(
        table[:, :3],
        table[:, 3],
        table[:, 4],
        table[:, 5] > 0,
        [0, len(table)],
        candidate_energy=[candidate_energy],
        sqrt_s=sqrt_s,
    )


def test_moments_of_three_particles_along_the_axes_are_those_of_the_formulas():
    # signal: a charged particle along z; rest: one charged against it, a photon across; missing: along -x
    moments = one_event([(0, 0, 2, 2, 1, 1), (0, 0, -2, 2, -1, 0), (1, 0, 0, 1, 0, 0)])
    p0, p2, p4 = 1.0, -0.5, 0.375  # even Legendre polynomials at right angles
    assert moments.hso[0, 0] * 10 == pytest.approx([2, 2, 2, 2, 2])  # P_k(-1) q q' = +1 for odd k
    assert moments.hso[0, 1] * 10 == pytest.approx([p0, 0, p2, 0, p4])
    assert moments.hso[0, 2] * 10 == pytest.approx([p0, 0, p2, 0, p4])
    charged_photon, charged_missing, photon_missing = 2 * 1, 2 * 1, 1 * 1
    across, opposite = charged_photon + charged_missing, photon_missing
    even = [across * p + opposite for p in (p0, p2, p4)]
    assert moments.hoo[0] * 100 == pytest.approx([even[0], 0, even[1], 0, even[2]])
    assert moments.et == pytest.approx([1])
    assert moments.mm2 == pytest.approx([(10 - 5) ** 2 - 1])


def test_like_charges_in_one_direction_give_odd_moments_of_the_rest():
    two = [(0, 0, 2, 2, 1, 0), (0, 0, 3, 3, 1, 0), (0, 0, -5, 5, 0, 0)]
    moments = one_event([*two, (0, 0, 0.0, 0.1, 1, 1)])
    assert moments.hoo[0, 1] * 100 == pytest.approx(6)
    assert moments.hoo[0, 3] * 100 == pytest.approx(6)
    assert moments.hoo[0, 0] * 100 == pytest.approx(6 + 10 + 15)


def test_an_isotropic_rest_of_event_has_no_moments_beyond_those_of_its_size():
    rest = [(*p, 1, 0, 0) for p in ICOSAHEDRON]
    moments = one_event([(1, 2, 2, 3, 1, 1), (-1, -2, -2, 3, -1, 1), *rest], sqrt_s=20, candidate_energy=5)
    scale = 2 * 15
    assert moments.hso[0, 1] == pytest.approx(np.array([2 * 12, 0, 0, 0, 0]) / scale, abs=1e-12)
    # Σ over all ordered pairs is 0 for k > 0, each particle with itself counts 1: -12 for twice the pairs
    assert moments.hoo[0] == pytest.approx(np.array([66, 0, -6, 0, -6]) / scale**2, abs=1e-12)
    assert moments.hso[0, 2] == pytest.approx(np.zeros(5), abs=1e-12)
    assert moments.mm2 == pytest.approx([4.0])


def test_an_empty_rest_leaves_the_candidate_and_what_is_missing():
    moments = one_event([(0, 0, 3, 3, 1, 1), (0, 4, 0, 4, -1, 1)])
    assert not moments.hso[0, :2].any()
    assert not moments.hoo.any()
    cosines = np.array([-3 / 5, -4 / 5])
    assert moments.hso[0, 2, [0, 2]] * 10 == pytest.approx([10, 5 * np.sum(1.5 * cosines**2 - 0.5)])
    assert moments.et == pytest.approx([4])
    assert moments.mm2 == pytest.approx([3**2 - 5**2])


def test_a_particle_without_momentum_enters_no_moment():
    event = [(1, 0, 2, 3, 1, 1), (0, -1, 1, 2, -1, 0), (0, 1, 1, 1.5, 0, 0)]
    still = [(0, 0, 0, 0.0, 1, 1), (0, 0, 0, 0.0, -1, 0)]
    one, two = one_event(event), one_event([*event, *still])
    assert two.hso == pytest.approx(one.hso)
    assert two.hoo == pytest.approx(one.hoo)


def test_an_event_without_candidate_or_without_particles_is_finite():
    moments = one_event([(0, 0, 3, 3, 1, 0)])
    assert not moments.hso.any()
    assert moments.hoo[0] * 100 == pytest.approx([9, 0, 9, 0, 9])
    nothing = one_event([])
    assert (nothing.et.tolist(), nothing.mm2.tolist()) == ([0], [100])
    assert not nothing.hso.any()
    assert not nothing.hoo.any()


def test_more_energy_than_the_collision_had_makes_the_missing_mass_negative():
    momenta, offsets = [[0, 0, 3], [0, 0, 3.0]], [0, 1, 2]
    assert missing_mass_squared(momenta, [12, 4], offsets, sqrt_s=10) == pytest.approx([-4 - 9, 36 - 9])
    assert missing_momentum(momenta, [12, 4], offsets, sqrt_s=10)[0].tolist() == [0, 0, -3, -2]


def test_transverse_energy_knows_the_beam_but_not_the_angle_around_it():
    rng = np.random.default_rng(2)
    momenta = rng.normal(size=(9, 3))
    expected = np.hypot(momenta[:, 0], momenta[:, 1]).sum()
    around = Rotation.from_euler("z", 0.7).apply(momenta)
    assert transverse_energy(momenta, [0, 9]) == pytest.approx([expected])
    assert transverse_energy(around, [0, 9]) == pytest.approx([expected])
    assert transverse_energy(np.abs(momenta) * [0, 0, 1], [0, 9]) == pytest.approx([0])


def test_a_candidate_with_all_the_energy_and_columns_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r"10\.5 GeV in event 0"):
        one_event([(0, 0, 3, 3, 1, 1)], candidate_energy=10.5)
    with pytest.raises(InputError, match="in event 0"):
        one_event([(0, 0, 3, 3, 1, 1)], candidate_energy=np.nan)
    with pytest.raises(InputError, match=r"charges of shape \(2,\)"):
        ksfw_moments([[0, 0, 1]], [1], [1, 1], [True], [0, 1], candidate_energy=[5], sqrt_s=10)
    with pytest.raises(InputError, match="offsets"):
        transverse_energy([[0, 0, 1]], [0, 2])
