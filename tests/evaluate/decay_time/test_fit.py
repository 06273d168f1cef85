"""The frequency comes out, whatever the acceptance is, with the error that the bound allows."""

import numpy as np
import pytest
from helpers.tagged_decays import TRUTH, blueprint, tagged_decays, turned_on

from hepsets.core.errors import InputError
from hepsets.evaluate.decay_time.decays import TaggedDecays
from hepsets.evaluate.decay_time.fit import bound, fit_delta_m
from hepsets.evaluate.decay_time.oscillation import asymmetry


def test_the_true_frequency_is_found_with_nearly_the_error_of_the_bound():
    fit = fit_delta_m(tagged_decays(3000))
    assert abs(fit.delta_m.value - TRUTH) < 4 * fit.delta_m.se
    assert fit.delta_m.se == pytest.approx(fit.bound, rel=0.15)
    assert abs(fit.dilution_scale.value - 1) < 4 * fit.dilution_scale.se
    assert fit.significance > 8
    assert fit.notes() == ()
    assert fit.curve.min() == 0
    assert abs(fit.scan[fit.curve.argmin()] - TRUTH) < 0.3


@pytest.mark.parametrize("acceptance", [None, turned_on, lambda time: np.exp(-np.maximum(time, 0))])
def test_the_acceptance_cancels(acceptance):
    fits = [fit_delta_m(tagged_decays(2000, seed=s, mistag=0.1, acceptance=acceptance)) for s in range(4)]
    pulls = [(fit.delta_m.value - TRUTH) / fit.delta_m.se for fit in fits]
    assert abs(np.mean(pulls)) < 4 / 2


def test_another_frequency_is_found_as_well():
    fit = fit_delta_m(tagged_decays(3000, delta_m=12.5))
    assert abs(fit.delta_m.value - 12.5) < 4 * fit.delta_m.se


def test_background_dilutes_and_what_is_not_the_claimed_share_shows_in_the_scale():
    decays = tagged_decays(6000, mistag=0.15, signal=0.5)
    right = fit_delta_m(decays, scale_error=np.inf)
    assert abs(right.dilution_scale.value - 1) < 4 * right.dilution_scale.se
    claimed = TaggedDecays(decays.time, decays.resolution, decays.mixing, decays.mistag, np.ones(6000))
    wrong = fit_delta_m(claimed, scale_error=np.inf)
    assert wrong.dilution_scale.value == pytest.approx(right.dilution_scale.value / 2, rel=0.05)
    assert wrong.delta_m.value == pytest.approx(right.delta_m.value, abs=0.2 * right.delta_m.se)


def test_the_bound_is_the_mean_curvature_of_the_likelihood():
    like = blueprint(400, mistag=0.15)
    step, rng = 0.01, np.random.default_rng(4)
    amplitude = like.dilution * asymmetry(like.time, like.resolution, TRUTH)
    curvature = []
    for _ in range(300):
        state = np.where(rng.random(400) < (1 + amplitude) / 2, 1, -1) * like.tagged

        def log(delta_m, state=state):
            at = like.dilution * asymmetry(like.time, like.resolution, delta_m)
            return np.log1p(state * at).sum()

        curvature.append((2 * log(TRUTH) - log(TRUTH + step) - log(TRUTH - step)) / step**2)
    se = np.std(curvature) / np.sqrt(len(curvature))
    assert bound(like, TRUTH) ** -2 == pytest.approx(np.mean(curvature), abs=4 * se)


def test_worse_tags_and_resolutions_have_larger_bounds_and_more_decays_smaller_ones():
    best = bound(blueprint(1000, mistag=0.1), TRUTH)
    assert bound(blueprint(1000, mistag=0.3), TRUTH) > 1.5 * best
    assert bound(blueprint(1000, mistag=0.1, resolution=0.09), TRUTH) > 1.5 * best
    assert bound(blueprint(4000, mistag=0.1), TRUTH) == pytest.approx(best / 2, rel=0.1)


def test_data_that_hardly_oscillate_are_told_as_such():
    fit = fit_delta_m(tagged_decays(60, mistag=0.4))
    assert any("standard deviations only" in note for note in fit.notes())
    assert any("nearly as likely" in note for note in fit.notes())
    away = fit_delta_m(tagged_decays(3000, mistag=0.1), search=(18.0, 24.0))
    assert any("end of the range" in note for note in away.notes())


def test_too_few_tags_and_empty_ranges_are_refused():
    with pytest.raises(InputError, match="tagged decays"):
        fit_delta_m(tagged_decays(50, tagged=0.0))
    with pytest.raises(InputError, match="frequencies from"):
        fit_delta_m(tagged_decays(50), search=(20.0, 10.0))
    with pytest.raises(InputError, match="no information"):
        bound(tagged_decays(50, tagged=0.0), TRUTH)


def test_what_is_known_of_the_dilutions_narrows_their_scale_alone():
    decays = tagged_decays(1000)
    free, known = (fit_delta_m(decays, scale_error=error) for error in (np.inf, 0.02))
    assert known.dilution_scale.se < 0.02 < free.dilution_scale.se
    assert known.delta_m.value == pytest.approx(free.delta_m.value, abs=0.3 * free.delta_m.se)


def test_the_error_is_half_of_the_likelihoods_interval():
    fit = fit_delta_m(tagged_decays(400, mistag=0.35))
    assert fit.delta_m.se == pytest.approx((fit.below + fit.above) / 2)
    assert min(fit.below, fit.above) > 0
