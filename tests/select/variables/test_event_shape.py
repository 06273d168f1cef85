import numpy as np
import pytest
from helpers.random_momenta import random_event
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hepsets.core.errors import InputError
from hepsets.core.lorentz import boost_to_rest
from hepsets.select.variables.event_shape import thrust
from hepsets.select.variables.fox_wolfram import fox_wolfram_r2


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), planar=st.booleans())
def test_thrust_is_the_best_of_all_ways_to_split_an_event_in_two(seed, planar):
    p = random_event(seed, most=9)
    if planar:
        p = p @ np.array([[1.0, 0.3, 0], [0.2, 1, 0.5], [0, 0, 0]])
    signs = 1 - 2 * ((np.arange(2 ** len(p))[:, None] >> np.arange(len(p))) & 1)
    best = np.linalg.norm(signs @ p, axis=1).max() / np.linalg.norm(p, axis=1).sum()
    result = thrust(p, [0, len(p)])
    assert result.value[0] == pytest.approx(best)
    along = np.abs(p @ result.axis[0]).sum() / np.linalg.norm(p, axis=1).sum()
    assert along == pytest.approx(result.value[0])
    assert np.linalg.norm(result.axis[0]) == pytest.approx(1)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 40), jets=st.booleans())
def test_thrust_of_large_events_is_the_best_over_all_planes_through_two_momenta(seed, n, jets):
    random = np.random.default_rng(seed)
    p = random.normal(size=(n, 3)) * random.exponential(size=(n, 1))
    if jets:
        p = p * 0.1 + random.choice([-1, 1], size=(n, 1)) * random.normal(size=3)
    one, two = np.triu_indices(n, k=1)
    signs = np.sign(np.cross(p[one], p[two]) @ p.T)
    pairs = np.arange(len(one))
    best = 0.0
    for first in (-1, 1):
        for second in (-1, 1):
            signs[pairs, one], signs[pairs, two] = first, second
            best = max(best, np.linalg.norm(signs @ p, axis=1).max())
    result = thrust(p, [0, n])
    assert result.value[0] == pytest.approx(best / np.linalg.norm(p, axis=1).sum(), rel=1e-12)


@pytest.mark.parametrize("doubled", [False, True])
def test_thrust_of_regular_bodies_is_known(doubled):
    golden = (1 + np.sqrt(5)) / 2
    octahedron = np.concatenate([np.eye(3), -np.eye(3)])
    icosahedron = np.array(
        [np.roll([0, a, b], turn) for a in (-1, 1) for b in (-golden, golden) for turn in range(3)]
    )
    cube = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)])
    known = ((octahedron, 1 / np.sqrt(3)), (icosahedron, golden / 3), (cube, 1 / np.sqrt(3)))
    for corners, value in known:
        p = np.concatenate([corners, 2.5 * corners]) if doubled else corners
        assert thrust(p, [0, len(p)]).value == pytest.approx([value])
        assert fox_wolfram_r2(p, [0, len(p)]) == pytest.approx([0.0], abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.01, 100))
def test_shapes_do_not_change_under_rotation_reflection_scale_and_order(seed, scale):
    p = random_event(seed)
    random = np.random.default_rng(seed)
    turn = Rotation.random(rng=random)
    other = -scale * turn.apply(random.permutation(p))
    offsets = [0, len(p)]
    assert fox_wolfram_r2(other, offsets) == pytest.approx(fox_wolfram_r2(p, offsets), abs=1e-9)
    one, two = thrust(p, offsets), thrust(other, offsets)
    assert two.value == pytest.approx(one.value)


def test_every_event_sees_only_its_own_particles():
    events = [random_event(seed) for seed in range(30)]
    offsets = np.concatenate([[0], np.cumsum([len(p) for p in events])])
    together = np.concatenate(events)
    alone = [fox_wolfram_r2(p, [0, len(p)])[0] for p in events]
    assert fox_wolfram_r2(together, offsets) == pytest.approx(alone)
    alone = [thrust(p, [0, len(p)]).value[0] for p in events]
    assert thrust(together, offsets).value == pytest.approx(alone)


def test_a_line_is_one_and_a_sphere_is_one_half_for_thrust_and_nothing_for_r2():
    line = np.array([[0.0, 0, 2], [0, 0, -1], [0, 0, -1]])
    assert fox_wolfram_r2(line, [0, 3])[0] == pytest.approx(1)
    assert thrust(line, [0, 3]).value[0] == pytest.approx(1)
    sphere = np.random.default_rng(1).normal(size=(300, 3))
    sphere /= np.linalg.norm(sphere, axis=1)[:, None]
    sphere = np.concatenate([sphere, -sphere])
    assert fox_wolfram_r2(sphere, [0, 600])[0] < 0.01
    assert thrust(sphere, [0, 600]).value[0] == pytest.approx(0.5, abs=0.05)


def test_events_without_momentum_have_shape_zero():
    p = np.array([[0.0, 0, 0], [1, 0, 0]])
    result = thrust(p, [0, 0, 1, 2])
    assert fox_wolfram_r2(p, [0, 0, 1, 2]).tolist() == [0, 0, 1]
    assert result.value.tolist() == [0, 0, 1]
    assert result.axis.tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 0]]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_boosting_keeps_masses_and_brings_the_frame_to_rest(seed):
    random = np.random.default_rng(seed)
    p = random.normal(size=(7, 3))
    e = np.sqrt(np.sum(p**2, axis=1) + random.exponential(size=7))
    frame = np.append(p.sum(axis=0), e.sum())
    q, f = boost_to_rest(p, e, frame)
    assert f**2 - np.sum(q**2, axis=1) == pytest.approx(e**2 - np.sum(p**2, axis=1))
    assert q.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)
    assert f.sum() ** 2 == pytest.approx(frame[3] ** 2 - np.sum(frame[:3] ** 2))


def test_a_spacelike_frame_and_foreign_offsets_are_refused():
    with pytest.raises(InputError, match="spacelike"):
        boost_to_rest([[0, 0, 1]], [1], [0, 0, 2, 1])
    with pytest.raises(InputError, match="offsets"):
        thrust(np.zeros((3, 3)), [0, 2])
