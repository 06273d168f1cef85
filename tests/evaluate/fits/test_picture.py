"""What a figure of a fit shows: the same numbers as the fit, and nothing of what is hidden."""

import numpy as np
from helpers.toy_spectra import WINDOW, peak_on_exponential, spectrum_of

from hepsets.core.config import from_mapping
from hepsets.core.kept import keep, read_kept
from hepsets.evaluate.fits.mass_fit import MassFitConfig, fit_mass
from hepsets.evaluate.fits.picture import FitPicture, picture_of
from hepsets.evaluate.fits.spectrum import make_spectrum

MASS = spectrum_of(peak_on_exponential())[0]


def fit(**settings):
    spectrum = make_spectrum(MASS, WINDOW, name="m")
    return fit_mass(spectrum, from_mapping(MassFitConfig, {"model": "gaussian+exponential", **settings}))


def test_bins_hold_all_events_and_curves_what_the_fit_expects():
    result = fit()
    picture = picture_of(result, bins=50)
    panel = picture.panels[0]
    assert panel.counts.sum() == len(MASS)
    assert abs(panel.expected.sum() - len(MASS)) < 0.01 * len(MASS)
    per_bin = panel.parts.sum(axis=1) * (picture.points[1] - picture.points[0]) / (WINDOW.width / 50)
    assert abs(per_bin[0] - result.fit.signal.value) < 0.02 * result.fit.signal.value
    assert panel.pulls.std() < 1.5


def test_what_is_hidden_is_not_among_the_numbers():
    picture = picture_of(fit(blind="Bonn", blind_region=(5.3, 5.44)))
    middle = 0.5 * (picture.edges[1:] + picture.edges[:-1])
    inside = (middle > 5.3) & (middle < 5.44)
    panel = picture.panels[0]
    assert np.isnan(panel.counts[inside]).all()
    assert np.isnan(panel.expected[inside]).all()
    points = (picture.points > 5.3) & (picture.points < 5.44)
    assert np.isnan(panel.parts[:, points]).all()
    assert "blinded" in picture.told[0]


def test_a_picture_is_kept_and_read_again(tmp_path):
    picture = picture_of(fit())
    keep(tmp_path / "p", picture)
    again = read_kept(tmp_path / "p", FitPicture)
    assert np.array_equal(again.panels[0].parts, picture.panels[0].parts)
    assert again.told == picture.told
