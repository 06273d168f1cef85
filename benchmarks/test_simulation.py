"""How long detector response and tag take per event on one core."""

import numpy as np
import pytest

from hepsets.generate.pythia import generate_block
from hepsets.select.candidates.combine import combine
from hepsets.select.skims.registry import SKIMS, count_passes, run_skims
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import simulate

pytest.importorskip("pythia8mc")

N_EVENTS = 2000
NUMBERS = np.arange(N_EVENTS)


@pytest.fixture(scope="module")
def events():
    return generate_block("mixed", 1, 0, N_EVENTS)


def per_event(benchmark, function):
    """Best of ten rounds after one that compiles, in microseconds per event."""
    benchmark.pedantic(function, rounds=10, warmup_rounds=1)
    microseconds = 1e6 * benchmark.stats.stats.min / N_EVENTS
    benchmark.extra_info["us_per_event"] = microseconds
    print(f"\n{microseconds:.0f} µs per event")
    return microseconds


def test_detector_response(benchmark, events):
    per_event(benchmark, lambda: simulate(events, seed=1, event_numbers=NUMBERS, detector=BELLE2))


def test_candidate_lists(benchmark, events):
    seen = simulate(events, seed=1, event_numbers=NUMBERS, detector=BELLE2)
    per_event(benchmark, lambda: combine(seen, event_numbers=NUMBERS))


@pytest.mark.parametrize("skim", SKIMS)
def test_response_and_tag_within_150_microseconds(benchmark, events, skim):
    cost = per_event(benchmark, lambda: run_skims(events, [skim], seed=1, event_numbers=NUMBERS))
    assert cost < 150


def test_all_skims_together_within_150_microseconds(benchmark, events):
    cost = per_event(benchmark, lambda: run_skims(events, list(SKIMS), seed=1, event_numbers=NUMBERS))
    assert cost < 150


def test_repeated_simulation(benchmark, events):
    cost = per_event(
        benchmark, lambda: count_passes(events, ["hadronic_b0"], seed=1, event_numbers=NUMBERS, trials=1)
    )
    assert cost < 150
