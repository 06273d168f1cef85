"""All boosts are one: into a frame and out again, of one four-momentum or of many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.core.lorentz import boost_to_rest, boosted, mass_squared
from hepsets.core.lorentz_kernels import boost_from

component = st.floats(-5, 5)
momentum = st.tuples(component, component, component, st.floats(0, 3)).map(
    lambda p: np.array([*p[:3], np.sqrt(p[0] ** 2 + p[1] ** 2 + p[2] ** 2 + p[3] ** 2)])
)
heavy = st.tuples(component, component, component, st.floats(0.5, 3)).map(
    lambda p: np.array([*p[:3], np.sqrt(p[0] ** 2 + p[1] ** 2 + p[2] ** 2 + p[3] ** 2)])
)


def into(p, frame):
    moved = p.copy()
    boost_from(moved, frame, -1.0)
    return moved


@given(momentum, heavy)
def test_boosts_of_one_and_of_many_agree(p, frame):
    one = into(p, frame)
    momenta, energy = boost_to_rest(p[None, :3], p[None, 3], frame)
    assert np.append(momenta[0], energy) == pytest.approx(one, rel=1e-9, abs=1e-9)
    assert boosted(p[None], (frame * [-1, -1, -1, 1])[None])[0] == pytest.approx(one, rel=1e-9, abs=1e-9)


@given(momentum, heavy)
def test_out_of_a_frame_undoes_into_it(p, frame):
    back = into(p, frame)
    assert boosted(back[None], frame[None])[0] == pytest.approx(p, rel=1e-8, abs=1e-8)
    boost_from(back, frame, 1.0)
    assert back == pytest.approx(p, rel=1e-8, abs=1e-8)


@given(momentum, heavy)
def test_masses_stay(p, frame):
    moved = into(p, frame)[None]
    assert mass_squared(moved) == pytest.approx(mass_squared(p[None]), rel=1e-6, abs=1e-6)


@given(heavy)
def test_a_particle_is_at_rest_in_its_own_frame(frame):
    mass = np.sqrt(mass_squared(frame[None]))[0]
    assert into(frame, frame) == pytest.approx([0, 0, 0, mass], abs=1e-9)


def test_a_spacelike_frame_is_refused():
    with pytest.raises(InputError, match="spacelike"):
        boost_to_rest(np.zeros((1, 3)), np.ones(1), [0.0, 0.0, 2.0, 1.0])
