"""How long vertices take per event on one core: found, seeded, and the thrust axis that both come with."""

import time

import numpy as np
import pytest
from helpers.toy_vertices import b_event, k_short_group, lambda_group, seen_from_groups

from hepsets.select.vertices.axis import AxisConfig, with_thrust
from hepsets.select.vertices.event import vertexed

N_EVENTS = 500


@pytest.fixture(scope="module")
def seen():
    """Twenty-two tracks from a primary vertex and two chains b → c, and four of V0s."""
    rng = np.random.default_rng(1)
    events = []
    for _ in range(N_EVENTS):
        event = b_event(rng)
        events.append([*event, k_short_group(rng, event[0][0], 8.0), lambda_group(rng, event[0][0], 8.0)])
    return seen_from_groups(events)


def per_event(benchmark, function):
    """Best of ten rounds after one that compiles, in microseconds of this process per event."""
    best = []

    def timed():
        begin = time.process_time()
        function()
        best.append(time.process_time() - begin)

    benchmark.pedantic(timed, rounds=10, warmup_rounds=1)
    microseconds = 1e6 * min(best[1:]) / N_EVENTS
    benchmark.extra_info["us_per_event"] = microseconds
    print(f"\n{microseconds:.0f} µs per event")
    return microseconds


def test_found_within_300_microseconds(benchmark, seen):
    assert per_event(benchmark, lambda: vertexed(seen, vertices="found")) < 300


def test_seeded(benchmark, seen):
    per_event(benchmark, lambda: vertexed(seen, vertices="seeded"))


def test_thrust_with_errors(benchmark, seen):
    per_event(benchmark, lambda: with_thrust(seen, AxisConfig()))
