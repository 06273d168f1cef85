"""Blinding: what is hidden stays hidden, and differences stay right."""

import dataclasses

import pytest
from helpers.toy_spectra import WINDOW, fitted, peak_on_exponential

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.blinding import Blinding
from hepsets.evaluate.fits.parameters import MassRange

REGION = MassRange(5.3, 5.43)


@pytest.fixture(scope="module")
def fit():
    return fitted()[2]


def told(fit, word):
    return {one.name: one.value.value for one in Blinding(word, REGION, 0.02, 800.0).parameters(fit)}


def test_yield_and_mean_are_moved_by_the_word_alone(fit):
    one, again, other = told(fit, "Bonn"), told(fit, "Bonn"), told(fit, "Siegen")
    assert one == again
    for name in ("signal", "mean"):
        assert one[name] != pytest.approx(fit[name].value.value, rel=1e-6)
        assert one[name] != pytest.approx(other[name], rel=1e-6)


def test_the_number_of_events_does_not_give_the_yield_away(fit):
    blinded = told(fit, "Bonn")
    assert blinded["signal"] + blinded["exponential"] == pytest.approx(fit.events, abs=0.5)
    assert blinded["exponential"] != pytest.approx(fit["exponential"].value.value, rel=1e-6)


def test_differences_of_two_fits_are_right(fit):
    other = fitted(seed=2)[2]
    blinded = told(other, "Bonn")["signal"] - told(fit, "Bonn")["signal"]
    assert blinded == pytest.approx(other["signal"].value.value - fit["signal"].value.value)


def test_a_mean_that_is_held_does_not_give_the_offset_away(fit):
    held = dataclasses.replace(
        fit,
        parameters=tuple(
            dataclasses.replace(one, state="fixed") if one.name == "mean" else one for one in fit.parameters
        ),
    )
    blinded = told(held, "Bonn")
    assert blinded["mean"] == fit["mean"].value.value
    assert blinded["signal"] == told(fit, "Bonn")["signal"]


def test_every_category_has_its_own_offset():
    fit = fitted(peak_on_exponential(300, 300, counts={"0": 600.0, "1": 600.0}))[2]
    blinded = told(fit, "Bonn")
    moved = [blinded[f"signal[{c}]"] - fit[f"signal[{c}]"].value.value for c in "01"]
    assert moved[0] != pytest.approx(moved[1], rel=1e-3)


def test_errors_and_widths_are_not_moved(fit):
    for one in Blinding("Bonn", REGION, 0.02, 800.0).parameters(fit):
        assert one.value.se == fit[one.name].value.se
    assert told(fit, "Bonn")["width"] == fit["width"].value.value


@pytest.mark.parametrize(
    ("word", "mean", "events"), [("", 0.02, 800.0), ("Bonn", 0.0, 800.0), ("Bonn", 0.02, -1)]
)
def test_what_hides_nothing_is_refused(word, mean, events):
    with pytest.raises(InputError):
        Blinding(word, WINDOW, mean, events)
