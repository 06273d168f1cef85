"""Turned images: quarter turns move pixels, any angle goes between them, and turns add up."""

from __future__ import annotations

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.images import Images
from hepsets.represent.images.turns import draw_turns, four_turns, turned


def of(pixels):
    pixels = np.asarray(pixels, dtype=np.float32)
    return Images(pixels, np.zeros(len(pixels), dtype=int), np.arange(len(pixels)))


RANDOM = of(np.random.default_rng(1).random((6, 2, 7, 7)))


def test_a_turn_by_90_degrees_is_counter_clockwise():
    corner = np.zeros((1, 1, 3, 3))
    corner[0, 0, 0, 2] = 1  # above right goes above left
    assert turned(of(corner), 90.0).pixels[0, 0, 0, 0] == 1


def test_four_quarter_turns_bring_an_image_back_to_the_bit():
    found = RANDOM
    for _ in range(4):
        found = turned(found, 90.0)
    np.testing.assert_array_equal(found.pixels, RANDOM.pixels)


def test_any_angle_goes_over_into_quarter_turns():
    for quarter, exact in enumerate(four_turns(RANDOM.pixels)):
        near = turned(RANDOM, 90.0 * quarter + 1e-7)
        np.testing.assert_allclose(near.pixels, exact, atol=1e-6)


def test_a_turn_keeps_what_is_in_the_middle():
    round_spot = np.exp(-((np.indices((15, 15)) - 7) ** 2).sum(0) / 8)
    found = turned(of(round_spot[None, None]), 33.0).pixels[0, 0]
    assert found.sum() == pytest.approx(round_spot.sum(), rel=0.01)
    assert np.unravel_index(found.argmax(), found.shape) == (7, 7)


@pytest.mark.parametrize(("how", "kinds"), [("none", 1), ("quarter", 4), ("any", 400)])
def test_angles_are_those_that_were_asked_for(how, kinds):
    angles = draw_turns(400, how, seed=3)
    assert len(np.unique(angles)) == kinds
    assert ((angles >= 0) & (angles < 360)).all()
    np.testing.assert_array_equal(angles, draw_turns(400, how, seed=3))


def test_images_that_are_not_square_are_refused():
    with pytest.raises(InputError, match="square images"):
        turned(of(np.zeros((1, 1, 3, 4))), 90.0)
    with pytest.raises(InputError, match="one for each image"):
        turned(RANDOM, np.zeros(2))
