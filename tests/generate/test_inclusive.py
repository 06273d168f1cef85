"""Inclusive decays that repeat a listed channel."""

import numpy as np
import pytest

from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.generate.inclusive import repeats_listed_channel


def event(first, second, b=(511, -511)):
    pdg = [300553, *b, *first, *second]
    mother = [0, 0, 0, *([1] * len(first)), *([2] * len(second))]
    particles = {name: np.zeros(len(pdg)) for name in PARTICLE_COLUMNS}
    return Events(
        particles | {"pdg": np.array(pdg), "index": np.arange(len(pdg)), "mother_index": np.array(mother)},
        np.array([0, len(pdg)]),
    )


UNLISTED = [-411, 211, 111, 111, 111, 223]


@pytest.mark.parametrize(
    ("first", "second", "inclusive", "repeats"),
    [
        ([-411, 211, 111], UNLISTED, (True, True), True),  # listed, with fraction zero
        ([111, -411, 211], UNLISTED, (True, True), True),  # in any order
        ([-411, 211, 111], UNLISTED, (False, True), False),  # a listed decay may be what it is
        (UNLISTED, UNLISTED, (True, True), False),
        (UNLISTED, [411, -211, 111], (True, True), True),  # the conjugate of the second B
        (UNLISTED, [-411, 211, 111], (True, True), False),  # which a B̄ does not decay to
        ([-413, 433], UNLISTED, (True, False), True),
    ],
)
def test_products_of_a_listed_channel_are_found(first, second, inclusive, repeats):
    found = repeats_listed_channel(event(first, second), np.array([inclusive]), 511)
    assert found.tolist() == [repeats]


def test_events_are_judged_one_by_one():
    events = Events.concatenate([event(UNLISTED, UNLISTED), event([-411, 211, 111], UNLISTED)])
    assert repeats_listed_channel(events, np.ones((2, 2), dtype=bool), 511).tolist() == [False, True]
