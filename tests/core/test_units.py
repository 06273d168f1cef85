"""Units of the particle columns."""

from hepsets.core.events import PARTICLE_COLUMNS
from hepsets.core.units import PARTICLE_UNITS, SPEED_OF_LIGHT


def test_every_column_of_real_numbers_has_a_unit_and_no_other():
    assert PARTICLE_UNITS.keys() == {name for name, dtype in PARTICLE_COLUMNS.items() if dtype.kind == "f"}


def test_light_takes_a_nanosecond_for_a_foot():
    assert round(SPEED_OF_LIGHT / 30.48, 2) == 0.98
