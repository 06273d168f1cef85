"""The extended likelihood: its value, its bins, its constraints, its scores."""

import numpy as np
import pytest
from helpers.toy_spectra import peak_on_exponential, spectrum_of

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.likelihood import Likelihood
from hepsets.evaluate.fits.parameters import Constraint


@pytest.fixture(scope="module")
def model():
    return peak_on_exponential(200, 400)


def test_it_is_two_sums_over_yields_and_logarithms(model):
    (mass,) = spectrum_of(model)
    values = model.start
    rate = sum(
        values[place.count] * model.density(values, 0, k, mass) for k, place in enumerate(model.places[0])
    )
    assert Likelihood(model, [mass])(values) == pytest.approx(2 * (600 - np.log(rate).sum()))


def test_weights_of_one_change_nothing_and_of_two_double_the_logarithms(model):
    (mass,) = spectrum_of(model)
    plain, ones, twos = (
        Likelihood(model, [mass], weights)(model.start)
        for weights in (None, [np.ones(len(mass))], [np.full(len(mass), 2.0)])
    )
    assert ones == pytest.approx(plain)
    assert twos - 1200 == pytest.approx(2 * (plain - 1200))


def test_a_kept_density_is_not_that_of_other_numbers(model):
    masses = spectrum_of(model)
    used, moved = Likelihood(model, masses), model.start * 1.01
    before = used(model.start)
    assert used(moved) == Likelihood(model, masses)(moved)
    assert used(model.start) == before


def test_many_bins_tell_as_much_as_events(model):
    masses = spectrum_of(model)
    other = model.start * np.where(np.array(model.names) == "signal", 1.2, 1.0)
    by_event, by_bin = (
        likelihood(other) - likelihood(model.start)
        for likelihood in (Likelihood(model, masses), Likelihood(model, masses, bins=2000))
    )
    assert by_bin == pytest.approx(by_event, abs=0.05)


def test_a_constraint_adds_the_square_of_its_pull(model):
    masses = spectrum_of(model)
    known = model.with_constraints([Constraint.of("mean", 5.367, 0.001)])
    at = np.array(model.names) == "mean"
    moved = model.start + 0.002 * at
    assert Likelihood(known, masses)(moved) - Likelihood(model, masses)(moved) == pytest.approx(4)


def test_a_negative_sum_of_components_is_no_likelihood(model):
    masses = spectrum_of(model)
    impossible = np.where(np.array(model.names) == "exponential", -500.0, model.start)
    assert Likelihood(model, masses)(impossible) > Likelihood(model, masses)(model.start) + 1e4


def test_scores_of_a_yield_alone_have_the_variance_of_counting(model):
    (mass,) = spectrum_of(model)
    values = np.where(np.array(model.names) == "exponential", 0.0, model.start)
    steps = np.where(np.array(model.names) == "signal", 0.01, 0.0)
    near = mass[np.abs(mass - 5.367) < 0.03]
    place = model.names.index("signal")
    found = Likelihood(model, [near]).score_covariance(values, steps)[place, place]
    assert found == pytest.approx(len(near) / 200**2, rel=1e-4)


@pytest.mark.parametrize(
    ("masses", "weights", "bins", "said"),
    [
        ([np.zeros(0)], None, None, "no events"),
        ([np.full(5, 5.3)], [np.ones(5)], 10, "weights in a binned fit"),
    ],
)
def test_no_events_and_weights_in_bins_are_refused(model, masses, weights, bins, said):
    with pytest.raises(InputError, match=said):
        Likelihood(model, masses, weights, bins)
