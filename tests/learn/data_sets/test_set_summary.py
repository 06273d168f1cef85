import numpy as np
import pytest
from helpers import quadratic_family

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.learn.data_sets.likelihood_estimator import LikelihoodEstimator
from hepsets.learn.data_sets.published_fit import PublishedFit
from hepsets.learn.data_sets.quadratic_likelihood import EventTerms, Rate
from hepsets.learn.data_sets.set_summary import (
    FRACTIONS,
    NODES,
    SetSummary,
    SetSummaryConfig,
    SignalMoments,
    event_scores,
    fit_set_summary,
)
from hepsets.learn.files import load, save

VALUES = tuple(np.linspace(-1.6, 1.0, 27).round(2))
SMALL = SetSummaryConfig(
    sets=10_000,
    set_events=(500, 2000),
    width=32,
    layers=1,
    fit=PublishedFit(epochs=20, batch=128, learning_rate=5e-3, schedule="cosine", device="cpu"),
)


class Exact(LikelihoodEstimator):
    """The exact likelihood of the toy family, optionally among background that is flat as the signal is."""

    def terms(self, frame):
        beta, gamma = quadratic_family.coefficients(frame)
        return EventTerms(beta, gamma, frame.columns.get("height"))


def exact():
    beta, gamma = quadratic_family.coefficients(quadratic_family.flat(300_000, np.random.default_rng(0)))
    return Exact("exact", Rate(float(beta.mean()), float(gamma.mean())), (-3.0, 2.0))


@pytest.fixture(scope="module")
def fitted():
    frame = quadratic_family.mixture(4000, VALUES, np.random.default_rng(1))
    return fit_set_summary(frame, exact(), SMALL)


def test_it_knows_as_much_as_the_likelihood_and_how_much_it_knows(fitted):
    random = np.random.default_rng(2)
    for delta_c9, size in ((-0.8, 1500), (0.2, 700)):
        frame = quadratic_family.sample(120 * size, delta_c9, random)
        offsets = np.arange(0, len(frame) + 1, size)
        mean, width = fitted.model.posterior(frame, offsets)
        likelihood = exact().predict(frame, offsets)
        assert mean.std() < 1.15 * likelihood.std()
        assert abs(mean.mean() - delta_c9) < 0.4 * likelihood.std()
        assert width.mean() == pytest.approx(likelihood.std(), rel=0.25)
        low, high = fitted.model.interval(frame, offsets).T
        assert np.mean((low < delta_c9) & (delta_c9 < high)) == pytest.approx(0.683, abs=0.2)


def test_its_posterior_is_a_normal_one(fitted):
    frame = quadratic_family.sample(1000, 0.0, np.random.default_rng(3))
    offsets = np.array([0, 1000])
    mean, width = fitted.model.posterior(frame, offsets)
    wide = (-9.0, 9.0)
    assert fitted.model.posterior_cdf(frame, offsets, mean, wide) == pytest.approx([0.5])
    assert fitted.model.posterior_cdf(frame, offsets, mean + width, wide) == pytest.approx([0.8413], abs=1e-4)
    above = (float(mean[0]), 9.0)
    assert fitted.model.posterior_cdf(frame, offsets, mean, above) == pytest.approx([0.0])


def test_the_order_of_events_and_other_sets_do_not_matter(fitted):
    random = np.random.default_rng(4)
    frame = quadratic_family.sample(1500, -0.5, random)
    mean, width = fitted.model.posterior(frame, np.array([0, 600, 1500]))
    alone = fitted.model.posterior(frame[random.permutation(600)], np.array([0, 600]))
    assert (mean[0], width[0]) == pytest.approx((alone[0][0], alone[1][0]), rel=1e-5)


def test_scores_are_log_densities():
    frame = quadratic_family.flat(10, np.random.default_rng(5))
    estimator = exact()
    beta, gamma = quadratic_family.coefficients(frame)
    nodes = np.array(NODES)
    expected = np.log((1 + np.outer(beta, nodes) + np.outer(gamma, nodes**2)) / estimator.rate(nodes))
    assert event_scores(estimator.terms(frame), estimator) == pytest.approx(expected)
    among = frame.with_columns(height=np.full(10, 2.0))
    scores = event_scores(estimator.terms(among), estimator)
    assert scores.shape == (10, len(NODES) * len(FRACTIONS))
    first = FRACTIONS[0]
    share = (1 - first) * np.exp(expected) + first * 2.0
    assert scores[:, : len(NODES)] == pytest.approx(np.log(share / (1 - first + first * 2.0)))


def test_with_background_sets_hold_some_of_it():
    random = np.random.default_rng(6)
    signal = quadratic_family.mixture(1000, (-1.0, 0.0, 1.0), random)
    noise = quadratic_family.flat(5000, random).with_columns(delta_c9=np.zeros(5000))
    frame = EventFrame.concatenate(
        [
            signal.with_columns(is_signal=np.full(3000, True), height=random.choice([0.5, 2.0], 3000)),
            noise.with_columns(is_signal=np.full(5000, False), height=np.full(5000, 2.0)),
        ]
    )
    small = SetSummaryConfig(
        sets=100,
        set_events=(300, 1000),
        fit=PublishedFit(epochs=1, batch=10, device="cpu"),
    )
    fitted = fit_set_summary(frame, exact(), small)
    mean, width = fitted.model.posterior(frame, np.array([0, len(frame)]))
    assert np.isfinite(mean).all()
    assert (width > 0).all()


def test_a_file_holds_the_network(fitted, tmp_path):
    save(fitted.model, tmp_path / "summary.safetensors")
    again = load(tmp_path / "summary.safetensors", SetSummary, estimator=exact())
    frame = quadratic_family.sample(500, 0.0, np.random.default_rng(7))
    assert again.predict(frame, np.array([0, 500])) == fitted.model.predict(frame, np.array([0, 500]))


def test_means_and_covariances_of_scores_are_known_at_any_value():
    random = np.random.default_rng(9)
    estimator = exact()
    frame = quadratic_family.mixture(20_000, (-2.0, -1.0, 0.0, 1.0), random)
    moments = SignalMoments.of(estimator.terms(frame), frame["delta_c9"], estimator)
    between = quadratic_family.sample(100_000, -1.5, random)
    scores = event_scores(estimator.terms(between), estimator)
    mean, covariance = moments.at(np.array([-1.5]))
    assert np.abs((mean[0] - scores.mean(0)) / scores.std(0)).max() < 4 * np.sqrt(1 / 1e5 + 1 / 4e4)
    assert covariance[0] == pytest.approx(np.cov(scores, rowvar=False), rel=0.1, abs=1e-4)


def test_too_little_to_train_on_is_refused():
    frame = quadratic_family.mixture(1000, (-1.0, 0.0), np.random.default_rng(8))
    with pytest.raises(InputError, match="at least three"):
        fit_set_summary(frame, exact(), SMALL)
    frame = quadratic_family.mixture(50, (-1.0, 0.0, 1.0), np.random.default_rng(8))
    with pytest.raises(InputError, match="100 events each"):
        fit_set_summary(frame, exact(), SMALL)
