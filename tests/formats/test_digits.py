"""scikit-learn's digits as images."""

from __future__ import annotations

import numpy as np

from hepsets.formats.digits import read_digits


def test_the_digits_are_upright_and_reach_from_0_to_1():
    digits = read_digits()
    assert digits.pixels.min() == 0
    assert digits.pixels.max() == 1
    ones = digits.pixels[digits.labels == 1, 0].mean(axis=0)
    assert ones.std(axis=1).mean() > ones.std(axis=0).mean()  # strokes stand, so columns differ
    assert np.bincount(digits.labels).min() > 170
