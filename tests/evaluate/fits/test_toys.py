"""Toys: estimates are unbiased, errors are right, intervals hold the truth as often as they say."""

import numpy as np
import pytest
from helpers.toy_spectra import peak_on_exponential

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.backgrounds import Exponential, find_background
from hepsets.evaluate.fits.model import Component, build_model
from hepsets.evaluate.fits.parameters import Constraint, MassRange, with_settings
from hepsets.evaluate.fits.peaks import CRYSTAL_BALL
from hepsets.evaluate.fits.toys import generate, run_toys

WATCHED = ("signal", "mean")


def test_generated_events_have_the_poisson_numbers_and_the_shape_of_the_model():
    model = peak_on_exponential(300, 700)
    rng = np.random.default_rng(1)
    counts = [len(generate(model, model.start, rng)[0]) for _ in range(300)]
    assert np.mean(counts) == pytest.approx(1000, abs=4 * np.sqrt(1000 / 300))
    assert np.var(counts, ddof=1) == pytest.approx(1000, rel=0.3)
    mass = np.concatenate([generate(model, model.start, rng)[0] for _ in range(100)])
    edges = np.linspace(5.2, 5.8, 31)
    expected = 100 * model.expected(model.start, 0, edges)
    pulls = (np.histogram(mass, edges)[0] - expected) / np.sqrt(expected)
    assert (pulls**2).sum() < 60  # χ² of 30 bins


def test_pulls_are_standard_normal_and_intervals_cover():
    model = peak_on_exponential(300, 300)
    study = run_toys(model, model.start, count=150, seed=1, watched=WATCHED)
    assert (study.count, study.failed) == (150, 0)
    for one in study.parameters:
        assert abs(one.pull_mean.value) < 4 * one.pull_mean.se
        assert abs(one.pull_width.value - 1) < 4 * one.pull_width.se
        assert abs(one.coverage.value - 0.683) < 4 * one.coverage.se


def test_a_toy_depends_on_its_seed_and_not_on_its_worker():
    model = peak_on_exponential(200, 200)
    alone, shared, other = (
        run_toys(model, model.start, count=12, seed=seed, watched=WATCHED, workers=workers)
        for seed, workers in ((1, 1), (1, 2), (2, 1))
    )
    assert np.array_equal(alone.pulls, shared.pulls)
    assert not np.array_equal(alone.pulls, other.pulls)


def test_what_is_constrained_is_measured_anew_in_each_toy():
    model = peak_on_exponential(300, 300)
    model = model.with_constraints([Constraint.of("mean", 5.367, 0.0003)])
    study = run_toys(model, model.start, count=80, seed=3, watched=("mean",))
    (mean,) = study.parameters
    assert abs(mean.pull_width.value - 1) < 4 * mean.pull_width.se
    assert mean.error < 0.0004


def test_a_binned_fit_of_toys_is_asked_for_by_its_bins():
    model = peak_on_exponential(200, 200)
    study = run_toys(model, model.start, count=10, seed=1, watched=("signal",), bins=60)
    assert study.count == 10


def test_a_model_without_events_makes_no_toys():
    model = peak_on_exponential(10, 10)
    nothing = np.where(np.isin(model.names, ["signal", "exponential"]), 0.0, model.start)
    with pytest.raises(InputError, match="expected events"):
        generate(model, nothing, np.random.default_rng(1))


@pytest.mark.validate
def test_a_thousand_toys_of_the_bs_fit_have_right_pulls_and_coverage():
    """Double-sided Crystal Ball, exponential and constant: 4 000 signal in 9 500 events."""
    components = [
        Component("signal", CRYSTAL_BALL.around(5.367, 0.016)),
        Component("exponential", Exponential()),
        Component("constant", find_background("constant")),
    ]
    model = build_model(components, MassRange(5.2, 5.8), {"": 9500.0})
    truth = {"signal": 4000.0, "exponential": 3500.0, "constant": 2000.0, "exponential_slope": -6.0}
    tails = {"tail_left": 1.8, "power_left": 3.0, "tail_right": 2.0, "power_right": 4.0}
    model = model.with_parameters(with_settings(model.parameters, truth, tails))
    study = run_toys(model, model.start, count=1000, seed=1, watched=WATCHED, workers=2)
    assert study.failed <= 5
    for one in study.parameters:
        assert abs(one.pull_mean.value) < 0.1
        assert abs(one.pull_width.value - 1) < 0.05
        assert abs(one.coverage.value - 0.683) < 0.03 + one.coverage.se
    ratio = np.mean(study.chi2) / (60 - 6)
    assert 0.7 < ratio < 1.4
