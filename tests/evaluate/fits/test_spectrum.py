"""Columns of masses: units, ranges, what is left out, categories."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.parameters import MassRange
from hepsets.evaluate.fits.spectrum import explained, in_gev, make_spectrum

WINDOW = MassRange(5.2, 5.8)
MASS = np.array([5.1, 5.3, np.nan, 5.4, 5.9, np.inf, 5.5])


def test_what_is_left_out_is_counted_and_told():
    spectrum = make_spectrum(MASS, WINDOW, name="m")
    assert (spectrum.events, spectrum.not_finite, spectrum.outside, spectrum.used) == (7, 2, 2, 3)
    assert spectrum.masses[""].tolist() == [5.3, 5.4, 5.5]
    told = " ".join(spectrum.notes())
    assert "2 of 7 events left out: mass or weight is not finite" in told
    assert "outside 5.2 to 5.8 GeV" in told


def test_without_a_range_all_finite_masses_are_taken():
    spectrum = make_spectrum(MASS, None, name="m")
    assert (spectrum.window.low, spectrum.window.high, spectrum.used) == (5.1, 5.9, 5)


def test_mev_are_converted_if_said_and_refused_with_the_remedy_if_not():
    assert in_gev(np.array([5366.9]), "MeV", "Bs_M") == pytest.approx([5.3669])
    assert in_gev(np.array([800.0]), "GeV", "m_jj") == pytest.approx([800.0])
    with pytest.raises(InputError, match="--unit MeV"):
        in_gev(np.array([5366.9, np.nan]), None, "Bs_M")


@pytest.mark.parametrize(("mass", "unit"), [(np.array([0.0053]), "GeV"), (np.array([5300.0]), "MeV")])
def test_a_range_in_another_unit_than_the_column_is_seen(mass, unit):
    with pytest.raises(InputError, match=f"say --unit {unit}"):
        make_spectrum(mass, WINDOW, name="m")


def test_categories_part_the_events_and_keep_their_order():
    spectrum = make_spectrum(
        MASS, WINDOW, name="m", weights=np.arange(7.0), categories=np.array([0, 1, 1, 0, 0, 0, 1])
    )
    assert {key: mass.tolist() for key, mass in spectrum.masses.items()} == {"0": [5.4], "1": [5.3, 5.5]}
    assert spectrum.weights["1"].tolist() == [1, 6]


@pytest.mark.parametrize(
    ("mass", "options", "said"),
    [
        (np.zeros(0), {}, "no events"),
        (np.array([np.nan]), {}, "none of 1 values"),
        (np.array([6.0]), {}, "no event of m in 5.2 to 5.8"),
        (np.array([5.3]), {"categories": np.array([0.5])}, "whole numbers"),
        (np.full(20, 5.3), {"categories": np.arange(20)}, "20 categories"),
        (np.array([5.3]), {"weights": np.array([-1.0])}, "not positive"),
    ],
)
def test_spectra_that_cannot_be_fitted_are_refused(mass, options, said):
    with pytest.raises(InputError, match=said):
        make_spectrum(mass, WINDOW, name="m", **options)


def test_one_value_is_no_spectrum():
    with pytest.raises(InputError, match="one value"):
        make_spectrum(np.full(3, 5.3), None, name="m")


@pytest.mark.parametrize("mass", [np.full(40, 5.3), np.append(np.full(30, 5.3), np.linspace(5.25, 5.7, 20))])
def test_masses_that_are_one_value_are_no_spectrum_in_a_range_either(mass):
    with pytest.raises(InputError, match=r"half or more have one mass, 5\.3 GeV"):
        make_spectrum(mass, WINDOW, name="m")


def test_a_column_in_two_units_is_refused_whatever_the_range():
    mass = np.append(np.linspace(5.2, 5.8, 80), np.linspace(5200, 5800, 20))
    for window in (WINDOW, None):
        with pytest.raises(InputError, match="20 of 100 values of m are 1000 times the others"):
            make_spectrum(mass, window, name="m")


def test_masses_of_a_few_mev_are_doubted_and_others_are_not():
    light = make_spectrum(np.linspace(0.0052, 0.0058, 50), None, name="m")
    assert light.notes() == ("half of the masses are below 5.5 MeV: is the column in GeV?",)
    assert make_spectrum(np.linspace(0.139, 0.16, 50), None, name="m").notes() == ()


def test_a_fit_that_fails_is_explained_by_ranges_that_are_empty_and_by_extreme_weights():
    error = InputError("a fit that did not converge", "a minimum", "simplify the model")
    mass = np.linspace(5.2, 5.8, 50)
    assert explained(error, make_spectrum(mass, None, name="m")) is error
    wide = explained(error, make_spectrum(mass, MassRange(-1, 6), name="m"))
    assert "no event lies between -1 and 5.2 GeV: choose a --range" in str(wide)
    hole = np.append(np.linspace(5.2, 5.3, 50), np.linspace(5.45, 5.8, 50))  # a peak that was cut out
    cut = explained(error, make_spectrum(hole, None, name="m"))
    assert "no event lies between 5.3 and 5.45 GeV" in str(cut)
    weights = np.where(np.arange(50) == 3, 1e300, 1.0)
    heavy = explained(error, make_spectrum(mass, None, name="m", weights=weights))
    assert "the weights make 1 effective events of 50" in str(heavy)
