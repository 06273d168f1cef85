"""A cut on q² changes the normalisation and nothing else: the estimate agrees with the exact likelihood."""

import dataclasses

import numpy as np
import pytest
from helpers.tiny_delta_c9 import decays, tiny_model

from hepsets.core.errors import InputError
from hepsets.deploy.delta_c9_range import narrowed, range_of
from hepsets.generate.kstmumu.bound import cramer_rao_bound
from hepsets.generate.kstmumu.density import WINDOWS, Window
from hepsets.generate.kstmumu.likelihood import fit_exact

TRUE = -0.8


@pytest.mark.parametrize("limits", [(1.1, 6.0), (0.1, 8.9)])
def test_a_narrower_range_agrees_with_the_exact_likelihood_of_that_range(limits):
    window = Window(*limits, WINDOWS["0-20"].vetoes)
    model = narrowed(tiny_model(), *limits)
    differences = []
    for seed in range(40, 48):
        frame = decays(12_000, TRUE, seed)
        inside = frame[window.contains(frame["q_squared"])]
        found, exact = model.infer(inside), fit_exact(inside, window)
        assert found.events == len(inside)
        assert found.verdict.answer != "no"
        differences.append(found.delta_c9 - exact.value)
    bound = cramer_rao_bound(TRUE, window, len(inside))
    assert abs(np.mean(differences)) < 0.5 * bound
    assert found.interval68[1] - found.interval68[0] == pytest.approx(2 * bound, rel=0.35)


def test_the_normalisation_of_the_whole_window_would_give_another_number():
    window = Window(1.1, 6.0, WINDOWS["0-20"].vetoes)
    frame = decays(30_000, TRUE, 3)
    inside = frame[window.contains(frame["q_squared"])]
    whole = tiny_model().infer(inside)
    cut = narrowed(tiny_model(), 1.1, 6.0).infer(frame)
    exact = fit_exact(inside, window)
    assert abs(cut.delta_c9 - exact.value) < 0.1 < abs(whole.delta_c9 - exact.value)
    assert whole.verdict.answer == "no"
    assert any("--q-squared" in cause.remedy for cause in whole.verdict.causes)


def test_events_outside_of_the_range_are_left_out_and_the_range_is_told():
    found = narrowed(tiny_model(), 1.1, 6.0).infer(decays(4000, TRUE, 9))
    assert found.events < found.events_given == 4000
    assert found.window == "0-20, cut to 1.1 to 6 GeV²"
    assert any("left out" in warning and "1.1 to 6" in warning for warning in found.warnings)


def test_the_error_of_the_simulation_grows_in_a_narrow_range():
    whole, part = tiny_model(), narrowed(tiny_model(), 4.0, 8.0)
    middle = len(whole.morphing.simulation_se) // 2
    assert part.morphing.simulation_se[middle] > whole.morphing.simulation_se[middle]
    again = narrowed(whole, 0.0, 20.0)
    np.testing.assert_allclose(again.morphing.simulation_se, whole.morphing.simulation_se, rtol=0.3)
    assert again.morphing.rate.linear == pytest.approx(whole.morphing.rate.linear, abs=2e-3)


@pytest.mark.parametrize(
    ("level", "limits", "said"),
    [
        ("generator", (6.0, 1.1), "the lower one first"),
        ("generator", (1.1, 21.0), "a part of the window"),
        ("generator", (9.1, 9.9), "leaves no"),
        ("generator", (5.0, 5.01), "a wider range"),
        ("generator", (14.5, 19.0), "two of them fit alike"),
        ("background", (1.1, 6.0), "background level"),
    ],
)
def test_ranges_that_cannot_be_used_are_refused(level, limits, said):
    with pytest.raises(InputError, match=said):
        narrowed(tiny_model(level), *limits)


def test_a_model_of_an_earlier_version_is_told_apart():
    with pytest.raises(InputError, match="train it again"):
        narrowed(dataclasses.replace(tiny_model(), rates=None), 1.1, 6.0)


@pytest.mark.parametrize("text", ["1.1", "1.1-", "a-b", "1-nan", "-1-6", "1,6"])
def test_a_range_is_two_numbers(text):
    with pytest.raises(InputError, match="LOW-HIGH"):
        range_of(text)
