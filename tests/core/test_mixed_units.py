"""Columns in two units are refused, and wide spectra in one are not."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.mixed_units import refuse_mixed_units


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_masses_of_which_a_part_is_in_the_other_unit_are_refused(share):
    mass = np.random.default_rng(1).normal(5.367, 0.1, 1000)
    mass[: int(share * 1000)] *= 1e3
    for column in (mass, mass[::-1] * 10):
        with pytest.raises(InputError, match=r"values of Bs_M are .* times the others"):
            refuse_mixed_units(column, "Bs_M")


def test_wide_spectra_and_single_odd_values_are_no_mixture():
    rng = np.random.default_rng(2)
    refuse_mixed_units(rng.exponential(1.5, 10_000) + 1e-3, "pt")  # steep, down to nothing
    refuse_mixed_units(np.exp(rng.uniform(np.log(0.2), np.log(120), 10_000)), "dimuon mass")
    refuse_mixed_units(np.append(rng.normal(5.367, 0.1, 1000), [5367.0, -999.0]), "Bs_M")
    refuse_mixed_units(np.zeros(0), "nothing")
    refuse_mixed_units(-np.ones(5), "negative")
