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


def few():
    """True ratios of six decays and what was learned of them."""
    random = np.random.default_rng(5)
    beta, gamma = random.uniform(-0.5, 0.5, (2, 6))
    true = TruthRatios(beta, gamma + 0.2, np.zeros(6), Rate(0.1, 0.2))
    learned = EventTerms(true.beta + random.normal(0, 0.1, 6), true.gamma, random.uniform(0.5, 2, 6))
    return true, learned, EventTerms(*random.uniform(-0.3, 0.3, (2, 5)), random.uniform(0.5, 2, 5))


def slopes(terms, rate, at, step=1e-5):
    """Of the logarithm of the density, numerically."""
    up, down = (np.log((1 + d * terms.beta + d**2 * terms.gamma) / rate(d)) for d in (at + step, at - step))
    return (up - down) / (2 * step)


def test_without_background_the_ends_are_a_variance_and_a_squared_covariance():
    true, learned, _ = few()
    rate, at = Rate(0.05, 0.1), -0.4
    found = information_bracket(learned, true, rate, at)
    cov = np.cov(slopes(learned, rate, at), slopes(true, true.rate, at), aweights=true.weights(at), bias=True)
    assert found.delta_c9 == at
    assert found.greatest == pytest.approx(cov[1, 1], rel=1e-6)
    assert found.least == pytest.approx(cov[0, 1] ** 2 / cov[0, 0], rel=1e-6)
    assert found.sigma(50) == pytest.approx((1 / np.sqrt(50 * found.greatest), 1 / np.sqrt(50 * found.least)))


@pytest.mark.parametrize("over", [None, 0.5])
def test_with_background_the_lower_end_is_that_of_covariance_matrices(over):
    """Slopes of the mixture's density in ΔC9 and in the background fraction, numerically."""
    true, learned, noise = few()
    rate, at = Rate(0.05, 0.1), -0.4
    f = 0.5 if over is None else over / (1 + over)

    def density(terms, delta, fraction):
        signal = (1 + delta * terms.beta + delta**2 * terms.gamma) / rate(delta)
        return np.log((1 - fraction) * signal + fraction * terms.background)

    h = 1e-5
    seen = np.concatenate(
        [
            [
                (density(terms, at + h, f) - density(terms, at - h, f)) / (2 * h),
                (density(terms, at, f + h) - density(terms, at, f - h)) / (2 * h),
            ]
            for terms in (learned, noise)
        ],
        axis=1,
    )
    own = true.weights(at)
    score = slopes(true, true.rate, at)
    known = np.array(
        [np.r_[score - own @ score, np.zeros(5)], np.r_[np.full(6, -1 / (1 - f)), np.full(5, 1 / f)]]
    )
    cov = np.cov(seen, known, aweights=np.r_[(1 - f) * own, np.full(5, f / 5)], bias=True)
    cross = cov[:2, 2:]
    information = cross.T @ np.linalg.solve(cov[:2, :2], cross)
    profiled = information[0, 0] - information[0, 1] ** 2 / information[1, 1]
    found = information_bracket(learned, true, rate, at, noise, *(() if over is None else (over,)))
    assert found.delta_c9 == at
    assert found.least == pytest.approx(profiled / (1 - f), rel=1e-5)
    assert found.greatest == information_bracket(learned, true, rate, at).greatest


def test_signal_of_a_model_without_background_is_refused():
    true, learned, noise = few()
    bare = EventTerms(learned.beta, learned.gamma)
    with pytest.raises(InputError, match="terms without background"):
        information_bracket(bare, true, true.rate, 0.0, noise)
    with pytest.raises(InputError, match="5 terms and 6 truth ratios"):
        information_bracket(noise, true, true.rate, 0.0)


def test_terms_that_do_not_fit_are_refused(truth):
    with pytest.raises(InputError, match="as many"):
        information_bracket(EventTerms(truth.beta[1:], truth.gamma[1:]), truth, Rate(0, 0), 0.0)
    terms = EventTerms(truth.beta, truth.gamma)
    with pytest.raises(InputError, match="without background"):
        information_bracket(terms, truth, Rate(0, 0), 0.0, terms)
