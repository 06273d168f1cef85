import numpy as np
import pytest
from helpers import quadratic_family

from hepsets.core.errors import InputError
from hepsets.evaluate.estimates.detector_bound import information_bracket
from hepsets.learn.data_sets.quadratic_likelihood import EventTerms, Rate
from hepsets.learn.data_sets.truth_ratios import TruthRatios


@pytest.fixture(scope="module")
def truth():
    frame = quadratic_family.mixture(30_000, (-2.0, -1.0, 0.0, 1.0), np.random.default_rng(1))
    return TruthRatios.after_selection(*quadratic_family.coefficients(frame), frame["delta_c9"])


def test_the_bracket_closes_where_the_true_scores_are_known(truth):
    bracket = information_bracket(EventTerms(truth.beta, truth.gamma), truth, truth.rate, -0.8)
    assert bracket.least == pytest.approx(bracket.greatest)
    random = np.random.default_rng(2)
    beta, gamma = quadratic_family.coefficients(quadratic_family.sample(200_000, -0.8, random))
    slope = (beta - 1.6 * gamma) / (1 - 0.8 * beta + 0.64 * gamma)
    assert bracket.greatest == pytest.approx(np.var(slope), rel=0.03)
    assert bracket.sigma(1000) == pytest.approx([1 / np.sqrt(1000 * np.var(slope))] * 2, rel=0.02)


def test_what_blurs_the_scores_lowers_only_the_lower_end(truth):
    random = np.random.default_rng(3)
    blurred = EventTerms(truth.beta + random.normal(0, 0.1, len(truth)), truth.gamma + 0.05)
    exact = information_bracket(EventTerms(truth.beta, truth.gamma), truth, truth.rate, 0.0)
    bracket = information_bracket(blurred, truth, truth.rate, 0.0)
    assert bracket.greatest == exact.greatest
    assert 0.1 * bracket.greatest < bracket.least < 0.97 * bracket.greatest


def test_background_of_which_everything_is_known_costs_what_the_mixture_costs(truth):
    """A mark separates half of the signal perfectly; the rest lies among as much background, flat alike."""
    random = np.random.default_rng(4)
    n = len(truth)
    marked = random.random(n) < 0.5
    noise = quadratic_family.coefficients(quadratic_family.flat(n, random))
    signal = EventTerms(truth.beta, truth.gamma, np.where(marked, 1e-9, 2.0))
    background = EventTerms(*noise, np.full(n, 2.0))
    bracket = information_bracket(signal, truth, truth.rate, 0.0, background, 1.0)
    # unmarked: half background in a mixture, where only p = 1/3 of the events are signal
    clean = information_bracket(EventTerms(truth.beta, truth.gamma), truth, truth.rate, 0.0)
    share = 0.5 + 0.5 * (1 / 3)
    assert bracket.least == pytest.approx(share * clean.least, rel=0.05)
    assert bracket.greatest == pytest.approx(clean.greatest)


def test_terms_that_do_not_fit_are_refused(truth):
    with pytest.raises(InputError, match="as many"):
        information_bracket(EventTerms(truth.beta[1:], truth.gamma[1:]), truth, Rate(0, 0), 0.0)
    terms = EventTerms(truth.beta, truth.gamma)
    with pytest.raises(InputError, match="without background"):
        information_bracket(terms, truth, Rate(0, 0), 0.0, terms)
