"""Effective tagging efficiency and calibration on toys whose answer is known."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.scores.flavour_tags import (
    EDGES,
    TaggedSample,
    power_difference,
    power_of_states,
    power_steps,
    tagging_power,
    wrong_tag_line,
)


def toy(n=30_000, seed=1, slope=1.0, offset=0.0, towards=0.0):
    """Tags with a dilution drawn from a beta distribution; w = η + offset + (slope − 1)(η − ⟨η⟩)."""
    rng = np.random.default_rng(seed)
    q = rng.choice([1, -1], n)
    size = rng.beta(1.2, 1.6, n)
    eta = (1 - size) / 2
    w = eta.mean() + offset + slope * (eta - eta.mean()) + towards * q / 2
    wrong = rng.random(n) < w
    return TaggedSample(q, np.where(wrong, -q, q) * size), (1 - 2 * w) ** 2


def test_calibrated_tags_have_the_power_that_they_claim():
    sample, power = toy()
    found = tagging_power(sample)
    assert found.integral.value == pytest.approx(power.mean(), abs=4 * found.integral.se)
    # bins lose what dilutions vary within them
    size, place = np.abs(sample.r), np.digitize(np.abs(sample.r), EDGES[1:-1])
    of_bins = sum(size[place == k].mean() ** 2 * (place == k).mean() for k in range(7))
    assert found.binned.value == pytest.approx(of_bins, abs=4 * found.binned.se)
    assert of_bins < power.mean()
    assert sum(one.share.value for one in found.bins) == pytest.approx(1)


def test_the_error_is_the_spread_of_repeated_samples():
    values = [tagging_power(toy(800, seed=seed)[0]).binned.value for seed in range(30)]
    found = tagging_power(toy(800, seed=99)[0])
    assert found.binned.se == pytest.approx(np.std(values), rel=0.35)
    assert found.binomial_se == pytest.approx(np.std(values), rel=0.35)


def test_tags_that_know_nothing_have_no_power_however_few_there_are():
    rng = np.random.default_rng(2)
    powers = [
        tagging_power(TaggedSample(rng.choice([1, -1], 60), rng.uniform(-1, 1, 60))).binned.value
        for _ in range(40)
    ]
    assert np.mean(powers) == pytest.approx(0, abs=4 * np.std(powers) / np.sqrt(40))


def test_both_b_of_an_event_are_drawn_together():
    sample, _ = toy(4000)
    twice = TaggedSample(np.tile(sample.q, 2), np.tile(sample.r, 2), np.tile(np.arange(4000), 2))
    apart = TaggedSample(twice.q, twice.r)
    assert tagging_power(twice).binned.se == pytest.approx(
        np.sqrt(2) * tagging_power(apart).binned.se, rel=0.2
    )


@pytest.mark.parametrize(("slope", "offset"), [(1.0, 0.0), (0.9, 0.02)])
def test_the_line_finds_slope_and_offset(slope, offset):
    found = wrong_tag_line(toy(slope=slope, offset=offset)[0])
    assert found.slope.value == pytest.approx(slope, abs=4 * found.slope.se)
    assert found.offset.value == pytest.approx(offset, abs=4 * found.offset.se)
    assert found.slope.se < 0.03
    assert abs(found.difference.value) < 4 * found.difference.se


def test_a_tagger_that_is_better_at_one_flavour_shows_it():
    sample = toy(towards=0.04)[0]
    found = wrong_tag_line(sample)
    assert found.difference.value == pytest.approx(0.04, abs=4 * found.difference.se)
    power = tagging_power(sample)
    assert power.difference.value < -4 * power.difference.se
    middle = power.bins[3].difference
    assert middle.value == pytest.approx(0.04, abs=4 * middle.se)


def test_two_taggers_of_the_same_b_are_told_apart_better_than_their_errors_say():
    one, _ = toy(4000)
    spoilt = TaggedSample(one.q, np.where(np.arange(len(one)) % 40 == 0, -one.r, one.r))
    gain = power_difference(one, spoilt)
    assert gain.value > 4 * gain.se
    assert gain.se < 0.5 * tagging_power(one).binned.se
    with pytest.raises(InputError, match="different B"):
        power_difference(one, TaggedSample(-one.q, one.r))


def test_states_are_worth_what_their_dilutions_are():
    rng = np.random.default_rng(3)
    q = rng.choice([1, -1], 50_000)
    kind = rng.choice([0, 1, 2], len(q), p=[0.5, 0.3, 0.2])
    wrong = rng.random(len(q)) < np.array([0.5, 0.2, 0.0])[kind]
    found = power_of_states(kind * np.where(wrong, -q, q), q)
    assert found.value == pytest.approx(0.3 * 0.36 + 0.2, abs=4 * found.se)
    assert power_of_states(np.zeros(10, int), q[:10]).value == 0


def test_losses_from_step_to_step_add_up_and_their_errors_are_those_of_repetitions():
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        q, place = rng.choice([1, -1], 2000), rng.random(2000)
        facts = [np.where(place < share, q, 0) for share in (0.8, 0.5)]
        sample = TaggedSample(q, np.where(place < 0.3, 0.95 * q, rng.uniform(-0.05, 0.05, 2000)))
        found.append(power_steps(facts, sample))
        total = power_of_states(facts[0], q).value - tagging_power(sample).binned.value
        assert sum(one.value for one in found[-1]) == pytest.approx(total)
    for place, lost in enumerate((0.3, 0.2)):
        values = [one[place].value for one in found]
        assert np.mean(values) == pytest.approx(lost, abs=4 * np.std(values) / np.sqrt(20))
        assert np.mean([one[place].se for one in found]) == pytest.approx(np.std(values), rel=0.5)


def test_what_is_no_flavour_or_no_tag_is_refused():
    with pytest.raises(InputError, match="not all 1 or -1"):
        TaggedSample(np.array([1, 0]), np.array([0.1, 0.2]))
    with pytest.raises(InputError, match=r"\[-1, 1\]"):
        TaggedSample(np.array([1, -1]), np.array([0.1, 1.2]))
