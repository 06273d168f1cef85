"""Fits: the errors that physics allows, limits that are told, weights that count."""

import numpy as np
import pytest
from helpers.toy_spectra import fitted, peak_on_exponential, spectrum_of

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.backgrounds import find_background
from hepsets.evaluate.fits.likelihood import Likelihood
from hepsets.evaluate.fits.minimise import maximise
from hepsets.evaluate.fits.model import Component, build_model
from hepsets.evaluate.fits.parameters import Constraint, MassRange, with_settings
from hepsets.evaluate.fits.peaks import GAUSSIAN

WIDE = MassRange(5.0, 5.7)


def gaussian_alone(events=2500, seed=1):
    """Pure signal within ± 20 widths."""
    mass = np.random.default_rng(seed).normal(5.367, 0.016, events)
    model = build_model([Component("signal", GAUSSIAN.around(5.36, 0.02))], WIDE, {"": float(events)})
    return model, mass


def test_without_background_the_errors_are_those_of_counting_and_of_the_mean():
    model, mass = gaussian_alone()
    fit = maximise(Likelihood(model, [mass]), minos=("signal", "mean"))
    assert fit["signal"].value.value == pytest.approx(2500, abs=0.1)
    assert fit["signal"].value.se == pytest.approx(50, rel=0.01)
    assert fit["mean"].value.value == pytest.approx(mass.mean(), abs=1e-5)
    assert fit["mean"].value.se == pytest.approx(fit["width"].value.value / 50, rel=0.01)
    assert fit["width"].value.value == pytest.approx(mass.std(), rel=1e-3)
    assert fit["width"].value.se == pytest.approx(fit["width"].value.value / np.sqrt(5000), rel=0.02)
    # −2 ln L of a Poisson mean μ rises by one at n − √n + 1/3 and n + √n + 1/3
    assert fit["signal"].below == pytest.approx(50 - 1 / 3, abs=0.1)
    assert fit["signal"].above == pytest.approx(50 + 1 / 3, abs=0.1)


def test_yields_of_an_extended_fit_add_up_to_the_events():
    _, masses, fit = fitted()
    assert fit["signal"].value.value + fit["exponential"].value.value == pytest.approx(
        len(masses[0]), abs=0.5
    )
    assert abs(fit["mean"].value.value - 5.367) < 4 * fit["mean"].value.se


def test_a_common_mean_of_two_categories_is_known_as_well_as_from_both():
    both = peak_on_exponential(1000, 1000, counts={"0": 2000.0, "1": 2000.0})
    one = peak_on_exponential(1000, 1000)
    assert fitted(both)[2]["mean"].value.se == pytest.approx(
        fitted(one)[2]["mean"].value.se / np.sqrt(2), rel=0.1
    )


def test_fine_bins_give_the_result_of_the_events():
    model, masses, by_event = fitted()
    by_bin = maximise(Likelihood(model, masses, bins=600))
    for name in ("signal", "mean"):
        assert by_bin[name].value.value == pytest.approx(
            by_event[name].value.value, abs=0.1 * by_event[name].value.se
        )
        assert by_bin[name].value.se == pytest.approx(by_event[name].value.se, rel=0.02)


def test_a_constraint_stands_for_an_independent_measurement():
    model, masses, alone = fitted()
    known = model.with_constraints([Constraint.of("mean", 5.367, alone["mean"].value.se)])
    fit = maximise(Likelihood(known, masses))
    assert fit["mean"].state == "constrained"
    assert fit["mean"].value.se == pytest.approx(alone["mean"].value.se / np.sqrt(2), rel=0.03)
    assert fit.n_floating == alone.n_floating - 1


def test_a_parameter_on_its_limit_is_told_and_held():
    model, masses, _ = fitted()
    narrow = model.with_parameters(with_settings(model.parameters, {}, {}, {"width": (0.002, 0.010)}))
    fit = maximise(Likelihood(narrow, masses), minos=("signal", "width"))
    assert fit["width"].at_limit == "upper"
    assert fit["width"].value.se == 0
    assert fit["width"].below is None
    assert fit.at_limits == ("width = 0.01 (its upper limit)",)
    assert fit["signal"].value.se > 0


def test_weights_that_only_scale_leave_relative_errors_alone():
    model, masses, plain = fitted()
    scaled = model.with_parameters(with_settings(model.parameters, {"signal": 3000, "exponential": 6000}, {}))
    fit = maximise(Likelihood(scaled, masses, [np.full(len(masses[0]), 3.0)]))
    assert fit["signal"].value.value == pytest.approx(3 * plain["signal"].value.value, rel=1e-3)
    assert fit["signal"].value.se == pytest.approx(3 * plain["signal"].value.se, rel=0.02)
    assert fit["mean"].value.se == pytest.approx(plain["mean"].value.se, rel=0.05)


def test_errors_of_weighted_events_are_the_spread_of_repeated_samples():
    model, _ = gaussian_alone()
    estimates, errors = [], []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        mass = gaussian_alone(rng.poisson(400), seed)[1]
        weights = rng.exponential(1.0, len(mass))  # Σ w² = 2 Σ w: the errors grow by √2
        fit = maximise(Likelihood(model, [mass], [weights]))
        estimates.append([fit["signal"].value.value, fit["mean"].value.value])
        errors.append([fit["signal"].value.se, fit["mean"].value.se])
    assert np.std(estimates, axis=0, ddof=1) == pytest.approx(np.mean(errors, axis=0), rel=0.25)
    assert np.mean(errors, axis=0)[0] == pytest.approx(np.sqrt(800), rel=0.05)


@pytest.mark.parametrize(
    ("minos", "weighted", "said"),
    [(("width_x",), False, "width_x"), (("mean",), True, "MINOS with weighted")],
)
def test_intervals_that_have_no_meaning_are_refused(minos, weighted, said):
    model = peak_on_exponential(100, 100)
    masses = spectrum_of(model)
    weights = [np.ones(len(masses[0]))] if weighted else None
    with pytest.raises(InputError, match=said):
        maximise(Likelihood(model, masses, weights), minos=minos)


def test_what_only_the_sum_of_two_components_tells_is_named():
    peak = Component("signal", GAUSSIAN.around(5.367, 0.016))
    twins = [Component(name, find_background("constant")) for name in ("one", "other")]
    model = build_model([peak, *twins], WIDE, {"": 500.0})
    rng = np.random.default_rng(1)
    mass = np.concatenate([rng.normal(5.367, 0.016, 200), rng.uniform(5.0, 5.7, 300)])
    assert ("one", "other") in maximise(Likelihood(model, [mass])).entangled


def test_a_likelihood_without_a_value_does_not_converge():
    model, _, _ = fitted()
    with pytest.raises(InputError, match="did not converge"):
        maximise(Likelihood(model, [np.full(20, np.nan)]))
