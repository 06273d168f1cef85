"""The odd calibration: finds what was done to logits, keeps their symmetry, and enters a model."""

import numpy as np
import pytest
import torch
from helpers.random_whole_events import random_whole_events

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.evaluate.scores.flavour_tags import TaggedSample, wrong_tag_line
from hepsets.learn.training.odd_calibration import LEAST_SLOPE, OddSpline, fit_odd_spline
from hepsets.learn.training.score import logits_of
from hepsets.learn.whole_events.model import build_whole_event_model
from hepsets.represent.whole_events.data import whole_event_data


def toy(n, distort, seed=1):
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 2, n)
    q = np.where(rng.random(n) < 1 / (1 + np.exp(-true)), 1, -1)
    return distort(true), q, true


def test_overconfident_logits_are_undone():
    logits, q, true = toy(20_000, lambda z: 2 * z)
    found = fit_odd_spline(logits, q, Purpose.VALIDATION)
    assert np.abs(found(logits) - true).mean() < 0.1


def test_a_bend_is_found_where_there_is_one():
    bent = OddSpline(1.0, 1.0, 1.35)
    logits, q, true = toy(20_000, bent)
    found = fit_odd_spline(logits, q, Purpose.VALIDATION)
    assert np.abs(found(logits) - true).mean() < 0.15
    assert found.bend < 0


def test_it_is_odd_and_the_same_in_a_model():
    spline = OddSpline(0.8, 0.3, 0.5)
    events = random_whole_events(30, seed=2)
    model = build_whole_event_model("charge_votes", units=16)
    data = whole_event_data(events)
    model.fit_inputs(data)
    with torch.no_grad():
        for parameter in model.network.parameters():
            parameter.mul_(2)
    before = logits_of(model, data).numpy()[:, 0]
    assert np.abs(before).max() > 0.5
    assert np.array_equal(spline(-before), -spline(before))
    spline.put_into(model)
    assert logits_of(model, data).numpy()[:, 0] == pytest.approx(spline(before), abs=1e-5)


def test_a_model_that_learnt_the_opposite_is_made_to_say_nothing():
    logits, q, _ = toy(500, lambda z: z)
    assert fit_odd_spline(logits, -q, Purpose.VALIDATION) == OddSpline(LEAST_SLOPE)


def test_test_events_are_refused():
    logits, q, _ = toy(500, lambda z: z)
    with pytest.raises(InputError, match="calibrated"):
        fit_odd_spline(logits, q, Purpose.TEST)


def test_few_calibrating_events_move_the_slope_by_more_than_the_error_of_the_judged_ones():
    slopes, errors = [], []
    for seed in range(60):
        held, q_held, _ = toy(3000, lambda z: z, seed=2 * seed + 100)
        logits, q, _ = toy(5000, lambda z: z, seed=2 * seed + 101)
        spline = fit_odd_spline(held, q_held, Purpose.VALIDATION)
        line = wrong_tag_line(TaggedSample(q, np.tanh(spline(logits) / 2)))
        slopes.append(line.slope.value)
        errors.append(line.slope.se)
    both = np.sqrt(1 + 5000 / 3000)
    assert 1.1 < np.std(slopes, ddof=1) / np.mean(errors) < 1.2 * both
    assert abs(np.mean(slopes) - 1) < 4 * np.std(slopes, ddof=1) / np.sqrt(60)
