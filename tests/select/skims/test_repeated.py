"""Passes counted again and again: every group has simulations of its own, chunks change nothing."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.decay_chains import conjugate, upsilon_events

from hepsets.core.errors import InputError
from hepsets.select.skims import repeated
from hepsets.select.skims.registry import run_skims
from hepsets.select.skims.repeated import count_repeatedly, spread

CHAIN = (511, [(-411, [321, -211, -211]), 211, (111, [22, 22])])


@pytest.fixture(scope="module")
def events():
    made = upsilon_events([CHAIN, conjugate(CHAIN)], 60, seed=1)
    return made.with_columns(event_number=np.arange(60))


def test_groups_hold_the_simulations_that_follow_the_first_one_and_share_none(events, monkeypatch):
    monkeypatch.setattr(repeated, "CHUNK_EVENTS", 25)
    counts = count_repeatedly(events, "hadronic_b0", (2, 3), seed=3, first_trial=4)
    each = [
        run_skims(events, ["hadronic_b0"], seed=3, event_numbers=np.arange(60), trial=trial)["hadronic_b0"]
        for trial in range(4, 9)
    ]
    assert np.array_equal(counts[:, 0], np.sum(each[:2], axis=0))
    assert np.array_equal(counts[:, 1], np.sum(each[2:], axis=0))
    assert 0 < counts.sum() < 5 * 60


def test_no_events_are_refused(events):
    with pytest.raises(InputError, match="no events"):
        count_repeatedly(events[:0], "hadronic_b0", (2,), seed=3, first_trial=0)


def test_some_of_the_events_are_taken_evenly_over_each_class():
    label = np.arange(100) % 4 == 0
    chosen = spread(label, 20)
    assert label[chosen].sum() == 5
    assert len(set(chosen.tolist())) == 20
    assert np.diff(chosen[label[chosen]]).tolist() == [20] * 4
    assert np.array_equal(spread(label, 1000), np.arange(100))
