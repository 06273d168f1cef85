"""Mean, width and coverage of pulls."""

from __future__ import annotations

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.estimates.pulls import Pulls


def test_right_errors_give_unit_width_and_68_percent_and_halved_ones_do_not() -> None:
    values = np.random.default_rng(1).normal(3.0, 0.2, 20_000)
    error = np.full(len(values), 0.2)
    right, half = Pulls.of(values, 3.0, error, error), Pulls.of(values, 3.0, error / 2, error / 2)
    assert abs(right.mean.value) < 4 * right.mean.se
    assert abs(right.width.value - 1) < 4 * right.width.se
    assert abs(right.coverage.value - 0.6827) < 4 * right.coverage.se
    assert half.width.value == pytest.approx(2 * right.width.value)
    assert half.coverage.value == pytest.approx(0.383, abs=0.02)


def test_the_error_on_the_side_of_the_truth_counts() -> None:
    pulls = Pulls.of([2.0, -2.0], 0.0, [4.0, 1.0], [1.0, 8.0])
    assert pulls.values.tolist() == [0.5, -0.25]
    assert pulls.coverage.value == 1.0


def test_one_estimate_has_no_pulls() -> None:
    with pytest.raises(InputError, match="two at least"):
        Pulls.of([1.0], 0.0, [1.0], [1.0])
