"""Constants that convert between units."""

import pytest
from scipy import constants

from hepsets.core.units import MM_PER_CM, SPEED_OF_LIGHT


def test_constants_are_those_of_the_si_in_our_units():
    assert pytest.approx(constants.c * constants.nano / constants.centi) == SPEED_OF_LIGHT
    assert pytest.approx(constants.centi / constants.milli) == MM_PER_CM
