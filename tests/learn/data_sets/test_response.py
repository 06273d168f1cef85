import numpy as np
import pytest
from helpers import quadratic_family

from hepsets.core.errors import InputError
from hepsets.learn.data_sets.quadratic_likelihood import EventTerms, Rate
from hepsets.learn.data_sets.response import Response, fit_response
from hepsets.learn.data_sets.truth_ratios import TruthRatios

LIMITS = (-2.0, 1.0)


@pytest.fixture(scope="module")
def truth():
    frame = quadratic_family.mixture(10_000, (-2.0, -1.0, 0.0, 1.0), np.random.default_rng(1))
    return TruthRatios.after_selection(*quadratic_family.coefficients(frame), frame["delta_c9"])


def test_the_true_likelihood_finds_the_truth(truth):
    response = fit_response(EventTerms(truth.beta, truth.gamma), truth, truth.rate, LIMITS)
    assert response.fitted == pytest.approx(response.true, abs=1e-5)


def test_a_likelihood_that_names_its_members_wrongly_is_found_out(truth):
    wrong = EventTerms(1.25 * truth.beta, 1.25**2 * truth.gamma)
    rate = Rate(1.25 * truth.rate.linear, 1.25**2 * truth.rate.quadratic)
    response = fit_response(wrong, truth, rate, LIMITS)
    assert response.fitted == pytest.approx(response.true / 1.25, abs=1e-5)
    assert response.true_at(-0.8) == pytest.approx(-1.0, abs=1e-5)


def test_background_of_known_density_does_not_move_the_fit(truth):
    random = np.random.default_rng(2)
    noise = quadratic_family.coefficients(quadratic_family.flat(60_000, random))
    # a mark that is flat for signal, and that half of the background has above 3/4
    marks = random.random(len(truth)), np.r_[random.random(30_000), random.uniform(0.75, 1, 30_000)]
    of_signal, of_background = (np.where(mark > 0.75, 2.5, 0.5) for mark in marks)
    signal, background = EventTerms(truth.beta, truth.gamma, of_signal), EventTerms(*noise, of_background)
    known = fit_response(signal, truth, truth.rate, LIMITS, background, 1.1)
    assert np.abs(known.fitted - known.true).max() < 0.15


@pytest.fixture(scope="module")
def small():
    """Few decays of a family whose rate is known: their true scores do not average to zero."""
    frame = quadratic_family.mixture(500, (-2.0, -1.0, 0.0, 1.0), np.random.default_rng(5))
    return TruthRatios(*quadratic_family.coefficients(frame), frame["delta_c9"], quadratic_family.rate())


def test_what_true_scores_lack_to_zero_in_a_small_sample_is_not_laid_upon_the_likelihood(small):
    assert np.abs(small.mean_scores(np.linspace(*LIMITS, 5))).max() > 0.001
    response = fit_response(EventTerms(small.beta, small.gamma), small, small.rate, LIMITS)
    assert response.fitted == pytest.approx(response.true, abs=1e-5)


def test_background_that_is_told_apart_takes_its_share_of_that_and_no_more(small):
    random = np.random.default_rng(5)
    noise = quadratic_family.coefficients(quadratic_family.flat(4000, random))
    signal = EventTerms(small.beta, small.gamma, np.full(len(small), 1e-9))
    background = EventTerms(*noise, np.full(4000, 1e9))
    response = fit_response(signal, small, small.rate, LIMITS, background, 3.0)
    assert response.fitted == pytest.approx(response.true, abs=1e-4)


def test_names_go_there_and_back():
    response = Response(np.array([-2.0, 0.0, 1.0]), np.array([-2.2, 0.1, 1.0]))
    points = np.linspace(-3, 2, 21)
    assert response.true_at(response.fitted_at(points)) == pytest.approx(points, abs=1e-9)
    assert response.fitted_at(0.0) == pytest.approx(0.1, abs=1e-6)
    identity = Response.identity((-3.0, 2.0))
    assert identity.true_at(points) == pytest.approx(points)


def test_a_likelihood_that_does_not_tell_the_value_is_refused():
    with pytest.raises(InputError, match="does not rise"):
        Response(np.array([0.0, 1.0]), np.array([0.5, 0.5]))
