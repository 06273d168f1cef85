"""Toys live, mix and are measured as they should; the fit of them is unbiased and as good as can be."""

import numpy as np
import pytest
from helpers.tagged_decays import TRUTH, blueprint, turned_on

from hepsets.core.errors import InputError
from hepsets.evaluate.decay_time.oscillation import BS, asymmetry
from hepsets.evaluate.decay_time.toys import draw_decays, run_oscillation_toys


def test_drawn_decays_have_the_mean_life_and_the_asymmetry():
    like = blueprint(40_000, mistag=0.1, tagged=1.0)
    made = draw_decays(like, 40_000, TRUTH, np.random.default_rng(2))
    assert made.time.mean() == pytest.approx(1 / BS.gamma, rel=0.03)
    expected = made.dilution * asymmetry(made.time, made.resolution, TRUTH)
    off = (made.mixing - expected) * np.sign(expected)  # what is left has mean zero wherever it is looked at
    for low, high in ((0, 0.3), (0.3, 1), (1, 2), (2, 9)):
        inside = (made.time > low) & (made.time < high)
        assert abs(off[inside].mean()) < 4 / np.sqrt(inside.sum())


def test_the_background_keeps_its_times_and_does_not_oscillate():
    like = blueprint(5000, signal=0.0, tagged=1.0)
    made = draw_decays(like, 5000, TRUTH, np.random.default_rng(2), acceptance=turned_on)
    assert np.isin(made.time, like.time).all()
    assert abs(made.mixing.mean()) < 4 / np.sqrt(5000)


def test_the_fit_is_unbiased_and_within_a_fifth_of_its_bound():
    toys = run_oscillation_toys(
        blueprint(700, signal=0.9), count=80, seed=1, acceptance=turned_on, search=(15, 21)
    )
    assert toys.failed + toys.lost <= 1
    assert abs(toys.bias.value) < 3.5 * toys.bias.se
    assert abs(toys.pull_mean.value) < 3.5 * toys.pull_mean.se
    assert abs(toys.pull_width.value - 1) < 3.5 * toys.pull_width.se
    assert abs(toys.coverage.value - 0.683) < 3.5 * toys.coverage.se
    assert toys.error / toys.bound < 1.2
    assert toys.over_bound.value - 2 * toys.over_bound.se < 1.2


def test_a_toy_depends_on_its_number_and_not_on_how_many_there_are():
    like = blueprint(300, mistag=0.1)
    few, more = (run_oscillation_toys(like, count=n, seed=3, search=(15, 21)) for n in (3, 5))
    assert np.array_equal(few.values, more.values[:3])


def test_nothing_to_draw_and_nothing_that_is_kept_are_refused():
    with pytest.raises(InputError, match="no decays"):
        draw_decays(blueprint(3)[:0], 5, TRUTH, np.random.default_rng(1))
    with pytest.raises(InputError, match="keeps next to no decay"):
        draw_decays(blueprint(3), 5, TRUTH, np.random.default_rng(1), acceptance=np.zeros_like)
    with pytest.raises(InputError, match="found their frequency"):
        run_oscillation_toys(blueprint(50, tagged=0.0), count=3, seed=1)
