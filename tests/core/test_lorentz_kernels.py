"""Compiled boosts: a frame's velocity and its four-momentum say the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.lorentz import Frame
from hepsets.core.lorentz_kernels import boost, boost_from

component = st.floats(-5, 5)
momentum = st.tuples(component, component, component, st.floats(0, 3)).map(
    lambda p: np.array([*p[:3], np.sqrt(p[0] ** 2 + p[1] ** 2 + p[2] ** 2 + p[3] ** 2)])
)


def into(p, frame):
    moved = p.copy()
    boost_from(moved, frame, -1.0)
    return moved


@given(momentum, st.floats(-0.6, 0.6), st.floats(-0.6, 0.6))
def test_a_frame_known_by_its_velocity_boosts_as_its_four_momentum_does(p, bx, bz):
    expected = into(p, np.array([bx, 0.0, bz, 1.0]))
    assert boost(*p, Frame.moving(bx, bz)) == pytest.approx(expected, rel=1e-9, abs=1e-9)
