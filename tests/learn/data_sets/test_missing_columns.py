"""The odds of signal by four variables alone, from networks that were trained with more."""

import dataclasses

import numpy as np
import pytest
from helpers.model_contract import CODE_WRITERS, assert_loading_never_executes_code
from helpers.tiny_delta_c9 import VALUES, among_background, tiny_model

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.generate.kstmumu.density import VARIABLES, WINDOWS, density_coefficients, rate_coefficients
from hepsets.learn.data_sets.missing_columns import DRAWS, ColumnDraws


@pytest.fixture(scope="module")
def model():
    return tiny_model("background")


@pytest.fixture(scope="module")
def events() -> EventFrame:
    parts = [among_background(1000, value, 500 + k) for k, value in enumerate(VALUES)]
    return EventFrame.concatenate(parts)


def exact_log_odds(frame: EventFrame) -> np.ndarray:
    """Of the training signal, a mixture of ΔC9, against flat background; up to a constant."""
    beta, gamma, log_p0 = density_coefficients(frame, WINDOWS["0-20"]).T
    linear, quadratic = rate_coefficients(WINDOWS["0-20"])
    values = np.array(VALUES)
    rates = 1 + values * (linear + values * quadratic)
    ratios = 1 + values * (beta[:, None] + values * gamma[:, None])
    return log_p0 + np.log((ratios / rates).mean(axis=1))


def test_log_odds_follow_the_exact_ratio_of_densities(model, events):
    found = model.draws.log_odds(model.morphing, events)
    exact = exact_log_odds(events)
    usual = exact > np.quantile(exact, 0.02)  # few signal events teach the deepest valleys
    assert np.corrcoef(found[usual], exact[usual])[0, 1] > 0.75
    assert np.polyfit(exact[usual], found[usual], 1)[0] == pytest.approx(1, abs=0.4)


def test_both_kinds_are_balanced(model, events):
    probability = 1 / (1 + np.exp(-model.draws.log_odds(model.morphing, events)))
    signal = events["is_signal"]
    assert probability[signal].mean() + probability[~signal].mean() == pytest.approx(1, abs=0.03)
    assert probability[signal].mean() > probability[~signal].mean() + 0.03


def test_the_columns_are_not_looked_at(model, events):
    full = model.draws.terms(model.morphing, events)
    without = model.draws.terms(model.morphing, events.select_columns(VARIABLES))
    assert np.array_equal(full.background, without.background)
    assert (full.background > 0).all()
    assert np.array_equal(full.beta, model.morphing.terms(events).beta)


def test_saved_and_loaded_draws_say_the_same(model, events, tmp_path):
    path = tmp_path / "draws.safetensors"
    model.draws.save(path)
    loaded = ColumnDraws.load(path)
    assert loaded.columns == model.draws.columns
    assert loaded.values.shape == (2 * DRAWS, len(loaded.columns))
    assert loaded.infer(model.morphing, events).value == model.draws.infer(model.morphing, events).value
    dataclasses.replace(model.draws, values=np.zeros((3, 1))).save(path)
    with pytest.raises(InputError, match="damaged"):
        ColumnDraws.load(path)


@pytest.mark.parametrize("write", CODE_WRITERS)
def test_loading_never_executes_code(tmp_path, write):
    assert_loading_never_executes_code(ColumnDraws.load, write, tmp_path / "bomb")
