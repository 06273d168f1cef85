"""Numbers with their errors, as they are shown and as shares have them."""

import pytest

from hepsets.core.measured import Measured, spread_of


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (1.23456, 0.0123, "1.235 ± 0.012"),
        (5.94, 0.6, "5.94 ± 0.60"),
        (123.4, 17.0, "123 ± 17"),
        (0.5, 1e-7, "0.5000 ± 0.0000"),
        (16.83168, 0.0, "16.83"),
        (16.83168, float("nan"), "16.83"),
    ],
)
def test_a_number_shows_two_digits_of_its_error(value, error, shown):
    assert str(Measured(value, error)) == shown


@pytest.mark.parametrize("passed", [0, 7, 50, 93, 100])
def test_the_error_of_a_share_is_half_its_wilson_interval(passed):
    # the interval's ends p solve (p - share)² = p (1 - p) / n
    share, n = passed / 100, 100
    middle, half = (share + 1 / (2 * n)) / (1 + 1 / n), Measured.proportion(passed, n).se
    for end in (middle - half, middle + half):
        assert (end - share) ** 2 == pytest.approx(end * (1 - end) / n, abs=1e-12)
    assert half > 0


def test_a_single_value_has_no_spread_and_two_have_their_distance_over_root_two():
    assert spread_of([3.0]) is None
    assert spread_of([1.0, 3.0]) == pytest.approx(2 / 2**0.5)
