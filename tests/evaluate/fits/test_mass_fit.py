"""Whole mass fits: from a spectrum and a few words to a result."""

import numpy as np
import pytest
from helpers.toy_spectra import WINDOW, peak_on_exponential, spectrum_of

from hepsets.core.config import from_mapping
from hepsets.core.errors import InputError
from hepsets.evaluate.fits.mass_fit import MassFitConfig, fit_mass
from hepsets.evaluate.fits.parameters import MassRange
from hepsets.evaluate.fits.spectrum import make_spectrum

RNG = np.random.default_rng(1)
MASS = spectrum_of(peak_on_exponential())[0]
SPECTRUM = make_spectrum(MASS, WINDOW, name="m")
SIMULATION = RNG.normal(5.367, 0.013, 4000)


def config(**settings):
    return from_mapping(MassFitConfig, {"model": "gaussian+exponential", **settings})


def test_a_peak_is_found_and_fitted_without_any_hint():
    result = fit_mass(SPECTRUM, config())
    assert abs(result.signal.value - 1000) < 4 * result.signal.se
    assert abs(result.mean.value - 5.367) < 4 * result.mean.se
    assert 0.5 < result.goodness.chi2_per_ndf < 1.6
    assert result.fit["signal"].below > 0
    assert result.notes == ()


def test_without_simulation_tails_are_held_and_told():
    result = fit_mass(SPECTRUM, config(model="crystal_ball+exponential", minos=()))
    assert result.fit["tail_left"].state == "fixed"
    assert "tails held at tail_left = 1.5" in result.notes[0]


def test_simulation_gives_the_width_and_data_its_scale():
    result = fit_mass(SPECTRUM, config(), simulation=SIMULATION)
    scale = result.fit["width_scale"].value
    assert abs(scale.value - 16 / 13) < 4 * scale.se
    assert result.fit["width"].value.value == pytest.approx(0.013, rel=0.05)


def test_a_fit_that_does_not_describe_the_events_says_so():
    bump = np.random.default_rng(2).normal(5.28, 0.02, 1500)
    spectrum = make_spectrum(np.concatenate([MASS, bump]), WINDOW, name="m")
    result = fit_mass(spectrum, config(model="gaussian+exponential", minos=()))
    assert any("does not describe the events" in note for note in result.notes)


def test_a_template_takes_a_background_of_its_own():
    bump = np.random.default_rng(2).normal(5.28, 0.02, 3000)
    spectrum = make_spectrum(np.concatenate([MASS, bump[:400]]), WINDOW, name="m")
    result = fit_mass(spectrum, config(model="gaussian+exponential+d_pi"), templates={"d_pi": (bump, None)})
    found = result.fit["d_pi"].value
    assert abs(found.value - 400) < 4 * found.se
    assert result.fit["d_pi_wave_1"].state == "constrained"


def test_categories_are_fitted_at_once():
    kinds = np.arange(len(MASS)) % 2
    spectrum = make_spectrum(MASS, WINDOW, name="m", categories=kinds)
    result = fit_mass(spectrum, config())
    assert {"signal[0]", "signal[1]", "mean"} <= set(result.fit.model.names)
    assert abs(result.signal.value - 1000) < 4 * result.signal.se


def test_weights_have_no_minos_and_say_so():
    spectrum = make_spectrum(MASS, WINDOW, name="m", weights=RNG.exponential(1.0, len(MASS)))
    result = fit_mass(spectrum, config())
    assert result.fit["signal"].below is None
    assert any("sandwich" in note for note in result.notes)
    with pytest.raises(InputError, match="toys of weighted"):
        fit_mass(spectrum, config(toys=5))


def test_the_published_binned_fit_is_the_same_call_with_bins():
    by_bin = fit_mass(SPECTRUM, config(bins=100))
    by_event = fit_mass(SPECTRUM, config())
    assert by_bin.signal.value == pytest.approx(by_event.signal.value, abs=0.3 * by_event.signal.se)


def test_toys_judge_the_fit_by_its_own_result():
    result = fit_mass(SPECTRUM, config(toys=12))
    assert {one.name for one in result.toys.parameters} == {"signal", "mean"}
    assert result.goodness.chi2_p_value is not None
    assert result.toys.parameters[0].truth == pytest.approx(result.signal.value)


def test_settings_hold_and_constrain_parameters():
    result = fit_mass(SPECTRUM, config(fixed={"width": 0.015}, constraints={"mean": (5.367, 0.0001)}))
    assert result.fit["width"].value.value == 0.015
    assert result.fit["mean"].value.se < 0.0001


def test_the_blind_region_is_never_taken_from_the_data():
    with pytest.raises(InputError, match="blinding without a region"):
        fit_mass(SPECTRUM, config(blind="Bonn"))
    for options, extra in (
        ({"blind_region": (5.3, 5.4)}, {}),
        ({"start": {"mean": 5.367}}, {}),
        ({}, {"simulation": SIMULATION}),
    ):
        result = fit_mass(SPECTRUM, config(blind="Bonn", minos=(), **options), **extra)
        assert result.blinding.region.low < 5.367 < result.blinding.region.high


def test_a_peak_that_is_a_fluctuation_is_told():
    flat = make_spectrum(np.random.default_rng(1).uniform(5.2, 5.8, 300), WINDOW, name="m")
    result = fit_mass(flat, config(model="gaussian+constant", minos=()))
    assert any("less than three errors" in note for note in result.notes)


@pytest.mark.parametrize(
    ("settings", "templates", "said"),
    [
        ({"model": "voigt+exponential"}, {}, "voigt"),
        ({"model": "gaussian+d_pi"}, {}, "--template"),
        ({}, {"d_pi": (MASS, None)}, "does not name"),
        ({"model": "gaussian+constant"}, {"constant": (MASS, None)}, "a template called constant"),
        ({"model": "gaussian+bernstein2"}, {"bernstein2": (MASS, None)}, "a template called bernstein2"),
        ({"model": "gaussian+hypatia"}, {"hypatia": (MASS, None)}, "a template called hypatia"),
        ({"model": "gaussian+mean"}, {"mean": (MASS, None)}, "a template called mean"),
        ({"model": "gaussian+exponential+exponential"}, {}, "two components"),
        ({"fixed": {"sigma": 0.02}}, {}, "sigma"),
        ({"constraints": {"sigma": (1, 1)}}, {}, "sigma"),
        ({"start": {"mean": 5366.0}}, {}, "5.2 to 5.8"),
        ({"minos": ("sigma",)}, {}, "MINOS for 'sigma'"),
    ],
)
def test_models_that_cannot_be_built_are_refused(settings, templates, said):
    with pytest.raises(InputError, match=said):
        fit_mass(SPECTRUM, config(**settings), templates=templates)


def test_a_handful_of_events_is_not_fitted():
    few = make_spectrum(np.linspace(5.3, 5.4, 6), MassRange(5.2, 5.8), name="m")
    with pytest.raises(InputError, match="6 events in the range"):
        fit_mass(few, config())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"own": ("widht",)},
            "own = .'widht'. with 'widht', which gaussian does not have.*did you mean width",
        ),
        ({"free": ("tail_left",)}, "free = .*expected none, since it has no tails"),
        (
            {"model": "crystal_ball+exponential", "free": ("tail_lft",)},
            "which crystal_ball does not have; expected some of tail_left",
        ),
    ],
)
def test_names_that_the_peak_does_not_have_are_refused(settings, said):
    with pytest.raises(InputError, match=said):
        fit_mass(SPECTRUM, config(**settings))


def test_a_fit_that_fails_in_a_range_that_is_mostly_empty_says_so():
    spectrum = make_spectrum(MASS, MassRange(0, 1e300), name="m")
    with pytest.raises(InputError, match=r"no event lies between 5\.\d* and 1e\+300 GeV"):
        fit_mass(spectrum, config(model="gaussian+constant", minos=()))
