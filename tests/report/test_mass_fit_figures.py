"""Figures of mass fits: all text within them, nothing drawn where it is hidden."""

import numpy as np
import pytest
from helpers.figure_text import text_that_leaves
from helpers.toy_spectra import WINDOW, peak_on_exponential, spectrum_of

from hepsets.core.config import from_mapping
from hepsets.core.errors import InputError
from hepsets.evaluate.fits.mass_fit import MassFitConfig, fit_mass
from hepsets.evaluate.fits.spectrum import make_spectrum
from hepsets.evaluate.fits.toys import ToyStudy
from hepsets.report.mass_fit_figures import mass_fit_figure, toy_figure

MASS = spectrum_of(peak_on_exponential())[0]


def fit(spectrum=None, **settings):
    spectrum = make_spectrum(MASS, WINDOW, name="m") if spectrum is None else spectrum
    return fit_mass(spectrum, from_mapping(MassFitConfig, {"model": "gaussian+exponential", **settings}))


def test_one_category_has_a_spectrum_and_pulls():
    figure = mass_fit_figure(fit(), "Bs_M")
    assert text_that_leaves(figure) == []
    above, below = figure.axes
    assert below.get_xlabel() == "Bs_M [GeV]"
    assert above.get_ylabel() == "events / (10 MeV)"
    assert sum(patch.get_height() ** 2 for patch in below.patches if patch.get_width() < 0.02) < 120


def test_every_category_has_its_panels():
    spectrum = make_spectrum(MASS, WINDOW, name="m", categories=np.arange(len(MASS)) % 4)
    figure = mass_fit_figure(fit(spectrum, minos=()), "m")
    assert len(figure.axes) == 8
    assert text_that_leaves(figure) == []


def test_weighted_events_say_so():
    spectrum = make_spectrum(MASS, WINDOW, name="m", weights=np.full(len(MASS), 0.5))
    assert mass_fit_figure(fit(spectrum), "m").axes[0].get_ylabel() == "weighted events / (10 MeV)"


def test_in_a_blinded_region_there_are_no_events_no_curves_and_no_pulls():
    result = fit(blind="Bonn", blind_region=(5.3, 5.44))
    figure = mass_fit_figure(result, "m")
    above, below = figure.axes
    drawn = []
    for line in above.lines:
        x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
        drawn += list(x[np.isfinite(y)])
    drawn += [patch.get_x() for patch in below.patches if 0 < patch.get_width() < 0.02]
    inside = np.array(drawn)
    assert not ((inside > 5.301) & (inside < 5.439)).any()
    assert "blinded" in figure.get_suptitle()
    assert above.get_ylim()[1] < 150  # the peak does not show in the axis


def test_pulls_of_toys_have_their_numbers():
    figure = toy_figure(fit(toys=8).toys)
    assert len(figure.axes) == 2
    assert text_that_leaves(figure) == []
    assert "MINOS covers" in figure.axes[0].texts[0].get_text()


def test_no_panel_of_toys_is_empty():
    watched = fit(toys=4, minos=("signal", "mean", "width", "exponential")).toys
    figure = toy_figure(watched)
    assert len(figure.axes) == len(watched.parameters) == 4


def test_toys_that_watched_nothing_are_not_drawn():
    empty = np.zeros(0)
    with pytest.raises(InputError, match="watched nothing"):
        toy_figure(ToyStudy(2, 0, 0, 1.0, 1, (), empty, empty, empty))
