"""Effective fractions by bin against sums that random numbers keep."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.filter.effective_fraction import measure_effective_fraction
from hepsets.evaluate.filter.importance_sampling import importance_speedup
from hepsets.evaluate.filter.speedup import SpeedupConfig

COSTS = SpeedupConfig(retention=None, time_network=0.001)
EDGES = np.linspace(0, 5, 6)


def population(rng, n):
    """An observable, and keep probabilities and labels that hang on it."""
    x = rng.uniform(0, 5, n)
    pass_probability = 0.3 / (1 + np.exp(x - 2 + rng.normal(size=n)))
    labels = rng.random(n) < pass_probability
    keep = np.clip(1.5 * np.sqrt(pass_probability) * rng.uniform(0.5, 1.5, n), 0.02, 1)
    return x, labels, keep


def test_fractions_are_kishs_size_of_what_random_numbers_keep():
    rng = np.random.default_rng(1)
    x, labels, keep = population(rng, 120_000)
    found = measure_effective_fraction("x", x[labels], labels, keep, None, COSTS, edges=EDGES)
    value, p = x[labels], keep[labels]
    which = np.clip(np.digitize(value, EDGES) - 1, 0, 4)
    draws = []
    for _ in range(200):
        weight = (rng.random(len(p)) < p) / p
        first, second = np.bincount(which, weight, 5), np.bincount(which, weight**2, 5)
        draws.append(first**2 / second / np.bincount(which, minlength=5))
    error = np.std(draws, axis=0) / np.sqrt(len(draws))
    # Kish's size of a finite sample differs from the ratio of expectations by order 1/n
    assert np.abs(np.mean(draws, axis=0) - found.fraction) == pytest.approx(0, abs=4 * error.max() + 2e-3)
    assert found.fraction[0] > 1.5 * found.fraction[4]


def test_weights_are_inverse_prescales_of_the_population():
    """A sample with prescaled events says what the whole population would, of passing ones, too."""
    rng = np.random.default_rng(2)
    x, labels, keep = population(rng, 600_000)
    all_events = measure_effective_fraction("x", x[labels], labels, keep, None, COSTS, edges=EDGES)
    prescale = np.where(labels, np.where(x > 2.5, 2.0, 4.0), 10.0)
    chosen = rng.random(len(x)) < 1 / prescale
    part = measure_effective_fraction(
        "x", x[chosen & labels], labels[chosen], keep[chosen], prescale[chosen], COSTS, edges=EDGES
    )
    for name in ("fraction", "speedup"):
        pulls = (getattr(part, name) - getattr(all_events, name)) / getattr(part, f"{name}_se")
        assert np.abs(pulls).max() < 3.5, name


def test_bins_make_up_the_whole_and_share_its_cost():
    x, labels, keep = population(np.random.default_rng(3), 50_000)
    found = measure_effective_fraction("x", x[labels], labels, keep, None, COSTS)
    whole = importance_speedup(labels, keep, None, COSTS)
    assert found.passing.sum() == labels.sum()
    harmonic = found.passing.sum() / np.sum(found.passing / found.fraction)
    assert harmonic == pytest.approx(whole.effective_fraction)
    assert found.speedup / found.fraction == pytest.approx(whole.speedup.value / whole.effective_fraction)
    alone = measure_effective_fraction("x", x[labels], labels, keep, None, COSTS, edges=[-1, 9, 10])
    assert alone.speedup[0] == pytest.approx(whole.speedup.value)
    assert alone.speedup_se[0] == pytest.approx(whole.speedup.se, rel=1e-3)
    assert (alone.passing[1], alone.fraction[1], alone.fraction_se[1]) == (0, 0, 1)


def test_errors_are_the_spread_of_such_samples():
    rng = np.random.default_rng(4)
    config = COSTS.resolve(retention=0.1)
    found = []
    for _ in range(150):
        x, labels, keep = population(rng, 6000)
        found.append(
            measure_effective_fraction("x", x[labels], labels, keep, None, config, edges=EDGES[[0, 1, 3, 5]])
        )
    for name in ("fraction", "speedup"):
        spread = np.std([getattr(each, name) for each in found], axis=0, ddof=1)
        stated = np.sqrt(np.mean([getattr(each, f"{name}_se") ** 2 for each in found], axis=0))
        assert stated == pytest.approx(spread, rel=0.2), name


def test_events_without_the_observable_are_left_out():
    x, labels, keep = population(np.random.default_rng(5), 20_000)
    valid = x[labels] < 3
    holes = np.where(valid, x[labels], np.nan)
    found = measure_effective_fraction("x", holes, labels, keep, None, COSTS, valid=valid, edges=EDGES)
    assert found.passing.sum() == valid.sum()
    assert found.passing[3:].sum() == 0
    with pytest.raises(InputError, match="not finite"):
        measure_effective_fraction("x", holes, labels, keep, None, COSTS)
    with pytest.raises(InputError, match="one for each passing event"):
        measure_effective_fraction("x", x, labels, keep, None, COSTS)


def test_a_count_on_an_edge_belongs_to_the_bin_above_and_what_lies_beyond_to_the_outer_ones():
    charged = np.array([-1, 0, 1, 2, 2, 3, 9])
    labels = np.append(np.ones(7, dtype=bool), False)
    found = measure_effective_fraction(
        "charged", charged, labels, np.full(8, 0.5), None, COSTS, edges=[0, 1, 2, 3]
    )
    assert found.passing.tolist() == [2, 1, 4]


def test_a_bin_is_worth_the_harmonic_mean_of_its_own_events_and_a_lone_one_has_its_value_as_error():
    values = np.array([0.5, 1.5, 1.5, 1.5, 7.0, 2.5, 2.5])
    valid = values != 7.0
    labels = np.append(np.ones(7, dtype=bool), [False, False])
    keep = np.array([0.5, 0.2, 0.4, 0.8, 0.01, 0.25, 0.5, 0.3, 0.1])
    found = measure_effective_fraction(
        "x", values, labels, keep, None, COSTS, valid=valid, edges=[0, 1, 2, 3]
    )
    assert found.observable == "x"
    assert found.edges.tolist() == [0, 1, 2, 3]
    assert found.fraction == pytest.approx([0.5, 3 / (5 + 2.5 + 1.25), 1 / 3])
    assert (found.fraction_se[0], found.speedup_se[0]) == (found.fraction[0], found.speedup[0])
    assert found.fraction_se[2] == pytest.approx(1 / 9)  # ⟨1/p⟩ = 3 ± 1
    assert (found.lowest, found.highest) == (2, 0)
