"""Ranges, parameters and what is known of them."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.parameters import Constraint, MassRange, Parameter, with_settings

MEAN = Parameter("mean", 5.3, 0.01, 5.2, 5.8)


def test_a_range_holds_its_ends_and_nothing_beyond():
    held = MassRange(5.2, 5.8).holds(np.array([5.19, 5.2, 5.5, 5.8, 5.81, np.nan]))
    assert held.tolist() == [False, True, True, True, False, False]


@pytest.mark.parametrize("ends", [(5.8, 5.2), (5.2, 5.2), (np.nan, 5.8), (5.2, np.inf)])
def test_a_range_upside_down_or_without_end_is_refused(ends):
    with pytest.raises(InputError, match="lower end"):
        MassRange(*ends)


def test_settings_move_hold_and_limit_parameters():
    (mean,) = with_settings([MEAN], {"mean": 5.4}, {}, {"mean": (5.35, 5.45)})
    assert (mean.start, mean.low, mean.high, mean.fixed) == (5.4, 5.35, 5.45, False)
    (held,) = with_settings([MEAN], {}, {"mean": 5.3})
    assert held.fixed


@pytest.mark.parametrize(
    ("start", "fixed", "said"),
    [({"mass": 5.3}, {}, "mass"), ({"mean": 5366.0}, {}, "5.2 to 5.8"), ({}, {"mean": np.nan}, "nan")],
)
def test_unknown_names_and_values_beyond_limits_are_refused(start, fixed, said):
    with pytest.raises(InputError, match=said):
        with_settings([MEAN], start, fixed)


def test_a_constraint_needs_an_error_and_a_positive_definite_covariance():
    assert Constraint.of("mean", 5.3, 0.1).precision.item() == pytest.approx(100)
    with pytest.raises(InputError, match="above 0"):
        Constraint.of("mean", 5.3, 0.0)
    with pytest.raises(InputError, match="positive definite"):
        Constraint(("a", "b"), np.zeros(2), np.ones((2, 2)))
