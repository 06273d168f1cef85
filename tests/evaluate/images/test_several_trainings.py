"""Accuracy over trainings: its error covers other images and other seeds, and differences need less of it."""

from __future__ import annotations

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.images.several_trainings import gain, over_trainings


def judged(random, images, trainings, spread, accuracy=0.9):
    """Trainings whose accuracies scatter, on images that are hard or easy for all of them."""
    ease = random.beta(9, 1, images)
    shift = spread * random.normal(size=(trainings, 1))
    return random.random((trainings, images)) < np.clip(ease + accuracy - 0.9 + shift, 0, 1)


def test_the_error_covers_what_other_images_and_other_seeds_give():
    random = np.random.default_rng(5)
    found = [over_trainings(judged(random, 400, 4, 0.03)) for _ in range(300)]
    means = np.array([one.accuracy.value for one in found])
    errors = np.array([one.accuracy.se for one in found])
    assert errors.mean() == pytest.approx(means.std(), rel=0.2)


def test_one_training_tells_nothing_of_others():
    found = over_trainings(np.array([[True, True, False, True]]))
    assert found.of_seeds == found.spread == 0
    assert found.each == (0.75,)


def test_no_mistake_is_not_no_error():
    assert over_trainings(np.ones((2, 100), dtype=bool)).accuracy.se == pytest.approx(0.005, rel=0.05)


def test_a_difference_knows_that_the_images_are_the_same():
    random = np.random.default_rng(2)
    base = random.random(1000) < 0.8
    better = base | (random.random(1000) < 0.1)
    found = gain(better[None], base[None])
    assert found.value > 0
    apart = np.hypot(over_trainings(base[None]).accuracy.se, over_trainings(better[None]).accuracy.se)
    assert found.se < 0.5 * apart


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(InputError, match="the same images"):
        gain(np.ones((1, 3), dtype=bool), np.ones((1, 4), dtype=bool))
    with pytest.raises(InputError, match="one or more of each"):
        over_trainings(np.ones((0, 3), dtype=bool))
