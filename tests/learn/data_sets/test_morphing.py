import numpy as np
import pytest
from helpers import quadratic_family
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.generate.kstmumu.density import angular_functions
from hepsets.learn.data_sets.estimator import SetEstimates
from hepsets.learn.data_sets.morphing import (
    Morphing,
    MorphingConfig,
    coefficients,
    decay_inputs,
    fit_morphing,
)
from hepsets.learn.data_sets.published_fit import PublishedFit
from hepsets.learn.data_sets.quadratic_likelihood import EventTerms, Rate, fit_sets
from hepsets.learn.data_sets.truth_ratios import TruthRatios
from hepsets.learn.files import load, save
from hepsets.learn.layers.mlp import EventNetwork
from hepsets.represent.data_sets.pools import bootstrapped_sets, disjoint_sets

SMALL = MorphingConfig(
    width=32,
    layers=2,
    fit=PublishedFit(epochs=5, batch=512, learning_rate=5e-3, schedule="cosine", device="cpu"),
    odds_fit=PublishedFit(epochs=3, batch=512, learning_rate=5e-3, schedule="cosine", device="cpu"),
)
VALUES = (-2.0, -1.0, 0.0, 1.0)


def noise_of(n, random):
    return quadratic_family.candidates(quadratic_family.flat(n, random), random, signal=False).with_columns(
        delta_c9=np.zeros(n)
    )


def true_ratios(frame, prefix=""):
    return TruthRatios.after_selection(*quadratic_family.coefficients(frame, prefix), frame["delta_c9"])


@pytest.fixture(scope="module")
def plain():
    """Trained on events as they were made."""
    frame = quadratic_family.mixture(12_000, VALUES, np.random.default_rng(1))
    return fit_morphing(frame, true_ratios(frame), SMALL).model


@pytest.fixture(scope="module")
def smeared():
    """Trained on events as a detector sees them, among background."""
    random = np.random.default_rng(2)
    names = [
        "q_squared",
        "costheta_mu",
        "costheta_K",
        "chi",
        "delta_c9",
        "mbc",
        "delta_e",
        "m_kpi",
        "is_signal",
    ]
    seen = quadratic_family.seen(quadratic_family.mixture(20_000, VALUES, random), random)
    signal = quadratic_family.candidates(seen, random, signal=True)
    frame = EventFrame.concatenate(
        [signal.select_columns(names), noise_of(40_000, random).select_columns(names)]
    )
    return fit_morphing(frame, true_ratios(signal, "truth_"), SMALL)


def test_learned_coefficients_are_the_true_ones_where_nothing_is_smeared(plain):
    frame = quadratic_family.sample(4000, -0.5, np.random.default_rng(3))
    learned, (beta, gamma) = plain.terms(frame), quadratic_family.coefficients(frame)
    for delta_c9 in (-1.5, 0.8):
        true = 1 + delta_c9 * (beta + delta_c9 * gamma)
        ratio = (1 + delta_c9 * (learned.beta + delta_c9 * learned.gamma)) / true
        assert np.std(np.log(ratio)) < 0.15 * np.std(np.log(true))


@pytest.mark.parametrize("delta_c9", [-1.5, 0.0])
def test_fits_spread_as_little_as_those_of_the_exact_likelihood_and_are_unbiased(plain, delta_c9):
    frame = quadratic_family.sample(200_000, delta_c9, np.random.default_rng(4))
    flat = quadratic_family.coefficients(quadratic_family.flat(500_000, np.random.default_rng(5)))
    offsets = np.arange(0, 200_001, 2000)
    ours = plain.fit_sets(frame, offsets)
    exact = fit_sets(
        EventTerms(*quadratic_family.coefficients(frame)), offsets, Rate(*(float(c.mean()) for c in flat))
    )
    spread = exact.value.std()
    assert ours.value.std() < 1.1 * spread
    # common to all sets: what the finite training sample leaves
    simulation = np.interp(delta_c9, plain.simulation_points, plain.simulation_se)
    assert abs(ours.value.mean() - exact.value.mean()) < 4 * simulation + 0.1 * spread
    assert np.corrcoef(ours.value, exact.value)[0, 1] > 0.97


def test_behind_a_detector_and_among_background_the_fit_is_unbiased(smeared):
    random = np.random.default_rng(6)
    for delta_c9 in (-1.5, 0.0):
        seen = quadratic_family.seen(quadratic_family.sample(120_000, delta_c9, random), random)[:60_000]
        signal = quadratic_family.candidates(seen, random, signal=True)
        noise = noise_of(66_000, random)
        names = noise.columns
        sets = disjoint_sets(
            EventFrame.concatenate(
                [
                    signal.select_columns(list(names)),
                    noise.with_columns(delta_c9=np.full(66_000, delta_c9)),
                ]
            ),
            1500,
        )
        estimates = smeared.model.estimate_sets(sets)
        assert isinstance(estimates, SetEstimates)
        se = estimates.value.std() / np.sqrt(len(sets))
        simulation = np.interp(delta_c9, smeared.model.simulation_points, smeared.model.simulation_se)
        assert abs(estimates.value.mean() - delta_c9) < 4 * np.hypot(se, 1.5 * simulation)
        covered = (estimates.low < delta_c9) & (delta_c9 < estimates.high)
        assert covered.mean() == pytest.approx(0.683, abs=0.25)
        fits = smeared.model.fit_sets(*smeared.model.terms_of_sets(sets))
        assert fits.background_fraction.mean() == pytest.approx(1.1 / 2.1, abs=0.02)


def test_signal_and_background_are_told_apart_by_calibrated_odds(smeared):
    random = np.random.default_rng(7)
    seen = quadratic_family.seen(quadratic_family.mixture(4000, VALUES, random), random)
    signal = quadratic_family.candidates(seen, random, signal=True)
    probability = smeared.model.signal_probability(signal, 1.0)
    other = smeared.model.signal_probability(noise_of(len(signal), random), 1.0)
    assert probability.mean() > other.mean() + 0.4
    assert np.mean(np.r_[probability, other]) == pytest.approx(0.5, abs=0.02)


def test_what_was_trained_is_told(smeared):
    for fit in (smeared.ratio, *smeared.odds):
        losses = [epoch.validation_loss for epoch in fit.history]
        assert losses[fit.best_epoch - 1] == min(losses) < losses[0]


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(-20, 20))
def test_no_density_is_ever_negative(seed, delta_c9):
    random = np.random.default_rng(seed)
    network = EventNetwork(14, 2, 8, 2, seed % 1000)
    beta, gamma = coefficients(network, 100 * random.normal(size=(20, 14)).astype(np.float32))
    assert (1 + delta_c9 * (beta + delta_c9 * gamma) > 0).all()


def test_inputs_hold_the_angular_functions_of_the_decay():
    frame = quadratic_family.flat(50, np.random.default_rng(8))
    inputs = decay_inputs(frame)
    for row in range(50):
        functions = np.empty(12)
        angular_functions(
            float(frame["costheta_mu"][row]),
            float(frame["costheta_K"][row]),
            float(frame["chi"][row]),
            functions,
        )
        for function in np.delete(functions, 1):  # cos² θ_K follows from sin² θ_K
            assert np.abs(inputs[row] - function).min() < 1e-6


@pytest.mark.parametrize("background", [False, True])
def test_a_file_holds_all_of_it(plain, smeared, background, tmp_path):
    model = smeared.model if background else plain
    save(model, tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors", Morphing)
    frame = noise_of(3000, np.random.default_rng(9))
    one, other = model.infer(frame), again.infer(frame)
    assert (one.value, one.low, one.high) == (other.value, other.low, other.high)
    assert (one.log_likelihood == other.log_likelihood).all()
    assert (again.simulation_se == model.simulation_se).all()


def test_a_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "model.safetensors").write_text("nothing")
    with pytest.raises(InputError, match="no safetensors file"):
        load(tmp_path / "model.safetensors", Morphing)


def test_events_that_sets_share_give_what_they_give_alone(plain):
    pool = quadratic_family.mixture(3000, (-1.0, 0.0), np.random.default_rng(10))
    sets = bootstrapped_sets(pool, 500, 3, 1)
    frame, offsets = sets.packed()
    assert plain.estimate_sets(sets).value == pytest.approx(plain.predict(frame, offsets))
    interval = plain.interval(frame, offsets)
    assert interval.shape == (6, 2)
    assert (interval[:, 0] < interval[:, 1]).all()


def test_the_curve_of_a_data_set_is_that_of_its_likelihood(plain):
    frame = quadratic_family.sample(2000, -0.5, np.random.default_rng(11))
    fit = plain.infer(frame)
    curve = plain.log_likelihood(frame, fit.delta_c9)
    assert curve - curve.max() == pytest.approx(fit.log_likelihood - fit.log_likelihood.max(), abs=1e-6)
    assert plain.log_likelihood(frame, [fit.low, fit.high]) - curve.max() == pytest.approx(
        [-0.5, -0.5], abs=2e-3
    )


@pytest.mark.parametrize("prior", [(-1.5, 0.8), (-0.1, 0.1)])  # wide and narrow for these sets
def test_posterior_probabilities_of_true_values_are_uniform(plain, prior):
    random = np.random.default_rng(12)
    truths = random.uniform(*prior, 80)
    frame = EventFrame.concatenate([quadratic_family.sample(1000, truth, random) for truth in truths])
    probabilities = plain.posterior_cdf(frame, np.arange(0, 80_001, 1000), truths, prior)
    assert abs(probabilities.mean() - 0.5) < 4 / np.sqrt(12 * 80)
    assert np.mean(np.abs(probabilities - 0.5) < 0.341) == pytest.approx(0.683, abs=0.2)


def test_events_that_do_not_fit_are_refused(plain):
    frame = quadratic_family.mixture(20, VALUES, np.random.default_rng(13))
    with pytest.raises(InputError, match="truth ratios"):
        fit_morphing(frame[:50], true_ratios(frame))
    with pytest.raises(InputError, match="not finite"):
        plain.infer(frame.with_columns(chi=np.full(len(frame), np.nan)))
