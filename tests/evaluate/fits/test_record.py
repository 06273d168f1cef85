"""The record of a mass fit: complete, finite, and silent about what is blinded."""

import json

import numpy as np
import pytest
from helpers.toy_spectra import WINDOW, peak_on_exponential, spectrum_of

from hepsets.core.config import from_mapping
from hepsets.evaluate.fits.mass_fit import MassFitConfig, fit_mass
from hepsets.evaluate.fits.spectrum import make_spectrum

SPECTRUM = make_spectrum(spectrum_of(peak_on_exponential())[0], WINDOW, name="m")


def fit(**settings):
    return fit_mass(SPECTRUM, from_mapping(MassFitConfig, {"model": "gaussian+exponential", **settings}))


@pytest.fixture(scope="module")
def plain():
    return fit(toys=4)


@pytest.fixture(scope="module")
def blinded():
    return fit(toys=4, blind="Bonn", blind_region=(5.29, 5.44))


def test_the_record_has_what_a_reader_of_json_needs(plain):
    record = json.loads(json.dumps(plain.record(), allow_nan=False))
    for name in ("mean", "sigma", "signal", "background_in_window", "s_over_b"):
        assert record[name] > 0, name
        assert record[f"{name}_se"] > 0, name
    assert record["ndf"] == 55
    assert record["chi2"] > 0
    assert record["unit"] == "GeV"
    first = record["parameters"][0]
    assert (first["name"], first["state"], first["at_limit"]) == ("signal", "free", None)
    assert first["below"] > 0
    toys = record["toys"]["parameters"][0]
    assert {"pull_mean", "pull_mean_se", "pull_width", "coverage", "coverage_se"} <= set(toys)
    assert np.shape(record["correlation"]) == (6, 6)


def test_lines_have_yield_mean_width_and_goodness(plain):
    text = "\n".join(plain.lines())
    for word in ("signal 9", "mean 53", "width 1", "S/B", "χ²/ndf", "MINOS covers"):
        assert word in text, word


def numbers(value):
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers(item)]
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [value] if isinstance(value, float) else []


def test_no_number_of_a_blinded_record_tells_yield_mean_or_background(plain, blinded):
    secret = [plain.fit[name].value.value for name in ("signal", "mean", "exponential")] + [
        plain.record()[name] for name in ("signal_in_window", "background_in_window", "s_over_b")
    ]
    told = numbers(blinded.record())
    for value in secret:
        assert not np.isclose(told, value, rtol=1e-6).any()
    assert blinded.record()["blinded"]


def test_blinded_lines_say_so_and_have_no_window(plain, blinded):
    text = "\n".join(blinded.lines())
    assert "(blinded)" in text
    assert "S/B" not in text
    assert f"{plain.signal}" not in text
    assert f"{1e3 * plain.mean.value:.2f}" not in text


def test_the_blinded_sum_of_yields_is_that_of_the_events(blinded):
    yields = [
        one["value"] for one in blinded.record()["parameters"] if one["name"] in ("signal", "exponential")
    ]
    assert sum(yields) == pytest.approx(SPECTRUM.used, abs=0.5)
