"""Δm_s of the data: how likely a candidate is signal is told by its mass and its decay time."""

import dataclasses

import numpy as np
import pytest
from helpers.toy_bs_candidates import MEAN, candidates

from hepsets.analyses.bs_dspi import oscillation as module
from hepsets.analyses.bs_dspi.mass_fits import Selection
from hepsets.analyses.bs_dspi.oscillation import measure_oscillation, probability_of_signal
from hepsets.analyses.bs_dspi.samples import SIGNAL, Samples
from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.evaluate.decay_time.acceptance import resolution_scale
from hepsets.evaluate.fits.mass_fit import MassFitConfig, fit_mass
from hepsets.evaluate.fits.parameters import MassRange
from hepsets.evaluate.fits.spectrum import make_spectrum
from hepsets.select.bs_dspi.sample import CandidateSample
from hepsets.simulate.flavour_tagging import TaggingConfig

SIGNALS, COMBINATIONS = 1500, 6000


@pytest.fixture(scope="module")
def made():
    """As many signal as combinations under the peak, of which these decay three times as fast."""
    data = ParticleSets.concatenate(
        [candidates(SIGNAL, SIGNALS, 5), candidates("lhcb_bbbar", COMBINATIONS, 6)]
    )
    time = data.columns["decay_time"].copy()
    combination = data.columns["category"] == 1
    time[combination] = 0.2 + (time[combination] - 0.2) / 3
    charge = np.where(combination, (-1) ** np.arange(len(data)), data.columns["bachelor_charge"])
    data = data.with_columns(decay_time=time, bachelor_charge=charge)
    signal = candidates(SIGNAL, 3000, 7)
    samples = Samples({SIGNAL: CandidateSample(SIGNAL, signal, 30_000, 1)}, {}, 1.0, data)
    kept = Selection(np.ones(len(data), bool), {SIGNAL: np.ones(len(signal), bool)})
    window = MassRange(5.3, 5.8)
    config = MassFitConfig(model="gaussian+exponential", start={"mean": MEAN, "width": 0.016}, minos=())
    fit = fit_mass(make_spectrum(data.columns["bs_mass"], window, name="bs_mass"), config)
    return samples, kept, fit


def test_probabilities_are_right_at_all_decay_times(made):
    """Their mean is the share of true signal for short and for long times; by the mass alone it is not."""
    samples, kept, fit = made
    found, bins = probability_of_signal(samples, kept, fit)
    columns = samples.data.columns
    peak, time = np.abs(columns["bs_mass"] - MEAN) < 0.03, columns["decay_time"]
    truth = columns["category"] == 0
    alone = module.signal_probability(fit.fit, columns["bs_mass"])
    assert bins == module.MOST_BINS
    for low, high in ((0.0, 0.6), (0.6, 1.5), (1.5, 9.0)):
        which = peak & (time >= low) & (time < high)
        assert found[which].mean() == pytest.approx(truth[which].mean(), abs=0.07)
    late = peak & (time > 1.5)
    assert truth[late].mean() - alone[late].mean() > 0.1


def test_errors_of_the_data_are_smaller_where_decay_times_are_known(made, monkeypatch):
    """Late decays are nearly pure; by the mass alone the fit believes them less than it may."""
    samples, kept, fit = made
    full = measure_oscillation(samples, kept, fit, TaggingConfig(), seed=1)
    monkeypatch.setattr(module, "MOST_BINS", 1)
    alone = measure_oscillation(samples, kept, fit, TaggingConfig(), seed=1)
    assert full.time_bins == 8
    assert alone.time_bins == 1
    assert full.in_data.bound < 0.95 * alone.in_data.bound
    for found in (full, alone):  # the frequency is a phase: neither moves it
        pull = (found.in_data.delta_m.value - module.TRUTH) / found.in_data.delta_m.se
        assert abs(pull) < 3.5
    assert full.scale == pytest.approx(
        resolution_scale(
            *(samples.signal.columns[n] for n in ("decay_time", "true_decay_time", "decay_time_err"))
        )
    )


def test_few_candidates_above_the_peak_leave_the_mass_alone(made):
    samples, kept, fit = made
    mass = samples.data.columns["bs_mass"]
    above = mass > np.quantile(samples.signal.columns["bs_mass"], 0.999)
    few = dataclasses.replace(kept, data=kept.data & (~above | (np.cumsum(above) <= 15)))
    found, bins = probability_of_signal(samples, few, fit)
    assert bins == 1
    np.testing.assert_array_equal(found, module.signal_probability(fit.fit, mass[few.data]))


def test_without_the_truth_that_tags_are_drawn_from_nothing_is_measured(made, monkeypatch):
    samples, kept, fit = made
    signal = samples.signal
    bare = {name: column for name, column in signal.columns.items() if name != "flavour_produced"}
    lacking = CandidateSample(SIGNAL, ParticleSets(signal.particles, signal.offsets, bare), 1, 1)
    nobody = dataclasses.replace(samples, simulated={SIGNAL: lacking})
    assert measure_oscillation(nobody, kept, fit, TaggingConfig(), seed=1) is None

    def refused(*_, **__):
        raise InputError("3 tagged decays", "ten")

    monkeypatch.setattr(module, "fit_delta_m", refused)
    assert measure_oscillation(samples, kept, fit, TaggingConfig(), seed=1) is None
