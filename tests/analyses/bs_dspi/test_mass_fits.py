"""What the fits of the analysis take from data and simulation besides masses."""

import dataclasses

import numpy as np
import pytest
from helpers.toy_bs_candidates import toy_samples

from hepsets.analyses.bs_dspi.config import FitConfig
from hepsets.analyses.bs_dspi.mass_fits import Selection, fit_candidates, slope_of, true_signal
from hepsets.analyses.bs_dspi.physical import in_category
from hepsets.analyses.bs_dspi.samples import Samples
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.fits.parameters import MassRange
from hepsets.select.bs_dspi.truth import Category

WINDOW = MassRange(5.3, 5.8)


@pytest.fixture(scope="module")
def samples():
    simulated, yields, data = toy_samples()
    return Samples(simulated, yields, 0.001, data)


@pytest.mark.parametrize("slope", [-6.0, -0.5, 0.0, 3.0])
def test_the_slope_of_an_exponential_is_found_in_a_range(slope):
    rng = np.random.default_rng(1)
    share = rng.uniform(size=50_000)
    x = share if slope == 0 else np.log1p(share * np.expm1(slope * 0.25)) / slope / 0.25
    mass = 5.55 + 0.25 * x
    assert slope_of(mass, MassRange(5.55, 5.80)) == pytest.approx(slope, abs=0.15)


def test_a_slope_of_next_to_nothing_is_finite():
    assert slope_of(np.zeros(0), WINDOW) == 0
    assert slope_of(np.array([5.3]), WINDOW) == -60
    assert slope_of(np.array([5.8]), WINDOW) == 60


def test_true_signal_is_counted_in_the_range(samples):
    kept = np.ones(len(samples.data), bool)
    columns = samples.data.columns
    of_signal = WINDOW.holds(columns["bs_mass"]) & (columns["category"] == 0)
    assert true_signal(samples, kept, WINDOW) == of_signal.sum()
    assert sum(in_category(columns, mode).sum() for mode in "012") == in_category(columns, "").sum()


def test_beside_a_blinded_yield_the_number_of_true_decays_is_not_told(samples):
    everything = {name: np.ones(len(one.candidates), bool) for name, one in samples.simulated.items()}
    kept = Selection(np.ones(len(samples.data), bool), everything)
    told, _ = fit_candidates(samples, kept, FitConfig(blind="word"))
    assert told.truth == -1


def test_mean_and_width_are_held_where_little_signal_is_expected_and_float_where_there_is_enough(samples):
    everything = {name: np.ones(len(one.candidates), bool) for name, one in samples.simulated.items()}
    rng = np.random.default_rng(3)
    enough = Selection(np.ones(len(samples.data), bool), everything)
    of_signal = samples.yields["bs_dspi"].value
    few = dataclasses.replace(
        samples, yields={**samples.yields, "bs_dspi": Measured(0.02 * of_signal, 0.002 * of_signal)}
    )
    signal = samples.data.columns["category"] == Category.SIGNAL
    thin = Selection(~signal | (rng.uniform(size=len(signal)) < 0.02), everything)
    floating, _ = fit_candidates(samples, enough, FitConfig(toys=0))
    held, _ = fit_candidates(few, thin, FitConfig(toys=0))
    simulated = samples.signal.columns["bs_mass"]
    assert floating.mean.se > 0
    assert held.mean.se == 0
    assert held.mean.value == pytest.approx(np.median(simulated), abs=1e-3)
    assert not held.at_limits
    assert "mean and width are held" in held.notes[0]
    assert held.held == ("mean", "width_scale")
    assert floating.held == ()
    assert held.signal.value == pytest.approx(held.truth, abs=4 * held.signal.se)


def test_toys_that_do_not_come_out_leave_the_fit(samples, monkeypatch, caplog):
    everything = {name: np.ones(len(one.candidates), bool) for name, one in samples.simulated.items()}
    kept = Selection(np.ones(len(samples.data), bool), everything)

    def refused(*_, **__):
        raise InputError("1 of 2 toys converged", "two at least")

    monkeypatch.setattr("hepsets.evaluate.fits.mass_fit.run_toys", refused)
    found, _ = fit_candidates(samples, kept, FitConfig(), toys=2)
    assert found.toys is None
    assert found.signal.value == pytest.approx(found.truth, abs=4 * found.signal.se)
    assert "no toys: 1 of 2 toys converged" in caplog.text


def test_where_nobody_knows_what_is_expected_a_fit_that_holds_the_peak_says_whether_it_may_float(samples):
    """A user's data: a peak that is hardly there is not looked for at the largest fluctuation."""
    nobody = Samples({"bs_dspi": samples.simulated["bs_dspi"]}, {}, 0.0, samples.data)
    everything = {"bs_dspi": np.ones(len(samples.signal), bool)}
    signal = samples.data.columns["category"] == Category.SIGNAL
    thin = Selection(~signal | (np.cumsum(signal) < 10), everything)
    held, _ = fit_candidates(nobody, thin, FitConfig())
    floating, _ = fit_candidates(
        nobody, Selection(signal | (np.arange(len(signal)) % 9 == 0), everything), FitConfig()
    )
    assert held.held == ("mean", "width_scale")
    assert held.mean.value == pytest.approx(5.367, abs=2e-3)
    assert floating.held == ()
    assert floating.mean.value == pytest.approx(5.367, abs=5 * floating.mean.se)
