"""Unfolded distributions against the truth."""

from pathlib import Path

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.unfolding import agreement, unfold


def test_a_weighted_histogram_has_sums_of_weights_and_of_their_squares():
    made = unfold(np.array([0.5, 0.6, 1.5]), np.array([2.0, -1.0, 3.0]), np.array([0, 1, 2]))
    assert made.values.tolist() == [1, 3]
    assert made.errors == pytest.approx([np.sqrt(5), 3])


def test_one_distribution_has_flat_p_values_and_another_small_ones():
    rng = np.random.default_rng(1)
    same = [
        agreement(
            rng.exponential(1, 300), rng.choice([-0.5, 1.5], 300, p=[0.2, 0.8]), rng.exponential(1, 2000),
            trials=100,
        ).p_value
        for _ in range(60)
    ]  # fmt: skip
    assert 0.3 < np.mean(same) < 0.7
    assert np.mean(np.array(same) < 0.05) < 0.2
    other = agreement(rng.exponential(1.5, 500), np.ones(500), rng.exponential(1, 2000), trials=100)
    assert other.p_value < 0.02
    assert other.distance > 0.1


def test_events_of_one_family_count_as_one():
    """Each value stands there ten times: as single events they seem to differ, as families they do not."""
    rng = np.random.default_rng(5)
    p_values = []
    for _ in range(30):
        values, truth = (np.repeat(rng.exponential(1, n), 10) for n in (40, 60))
        families = np.repeat(np.arange(40), 10), np.repeat(np.arange(60), 10)
        one = [
            agreement(values, np.ones(400), truth, families=of, trials=50).p_value for of in (None, families)
        ]
        p_values.append(one)
    single, together = np.array(p_values).T
    assert (single < 0.05).mean() > 0.5
    assert (together < 0.05).mean() < 0.25
    assert 0.25 < together.mean() < 0.75


def test_equal_values_count_together():
    found = agreement(np.zeros(50), np.ones(50), np.zeros(80), trials=20)
    assert (found.distance, found.p_value) == (0, 1)


def test_samples_without_events_or_weight_are_refused():
    with pytest.raises(InputError, match="empty sample"):
        agreement(np.zeros(0), np.zeros(0), np.ones(3))
    with pytest.raises(InputError, match="sum to none"):
        agreement(np.ones(2), np.array([1.0, -1.0]), np.ones(3))


def test_the_example_of_the_docs_prints_what_they_say(capsys):
    page = (Path(__file__).parents[3] / "docs" / "fit_mass.md").read_text(encoding="utf-8")
    _, code, _, printed, *_ = page.partition("## Unfolding")[2].split("```")
    exec(code.removeprefix("python"), {})
    assert capsys.readouterr().out == printed.removeprefix("text\n")
