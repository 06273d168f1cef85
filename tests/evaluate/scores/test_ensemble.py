import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.scores.ensemble import Together, spread_against_error, together


def test_mean_and_spread_are_those_of_the_trainings_event_by_event():
    found = together([[0.1, 0.9], [0.3, 0.9], [0.2, 0.9]])
    assert found.mean == pytest.approx([0.2, 0.9])
    assert found.spread == pytest.approx([0.1, 0.0])
    with pytest.raises(InputError, match="scores of 1 trainings"):
        together([[0.1, 0.9]])
    with pytest.raises(InputError, match="of the same events"):
        together([[0.1, 0.9], [0.1]])


def judged(random, error, n=40_000):
    """Events whose mean score is wrong by as much as ``error`` makes of the spread, to either side."""
    spread = random.uniform(0.02, 0.15, n)
    truth = random.uniform(0.25, 0.75, n)
    mean = truth + error(spread) * np.where(truth > 0.5, 1, -1)
    return spread_against_error(random.random(n) < truth, Together(mean, spread))


def test_a_spread_that_is_the_error_lies_on_the_line():
    found = judged(np.random.default_rng(1), lambda spread: spread)
    assert found.spread[-1] > 3 * found.spread[0]
    assert found.error == pytest.approx(found.spread, abs=0.02)
    assert (found.error_low <= found.error).all()
    assert (found.error <= found.error_high).all()


def test_an_error_that_all_trainings_share_does_not_grow_with_the_spread():
    found = judged(np.random.default_rng(2), lambda _: 0.08)
    assert found.error == pytest.approx(np.full(5, 0.08), abs=0.02)


def test_chance_alone_is_no_error():
    random = np.random.default_rng(3)
    found = [judged(random, lambda _: 0.0, n=4000) for _ in range(20)]
    assert np.median([one.error for one in found]) < 0.02
    assert np.mean([one.error_low == 0 for one in found]) > 0.7


def test_too_few_events_are_refused():
    with pytest.raises(InputError, match="100 events in 5 times 8 bins; expected 20 or more"):
        spread_against_error(np.arange(100) < 50, Together(np.full(100, 0.5), np.full(100, 0.1)))
