"""How many B → K*μμ decays are seen, and samples made, per second on one core."""

import pytest

from hepsets.generate.kstmumu.density import WINDOWS
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.select.kstmumu.background import sample_background
from hepsets.select.kstmumu.sample import LEVELS, make_sample
from hepsets.simulate.kstmumu import see_decays

N_EVENTS = 50_000


def per_second(benchmark, function, n):
    """Best of ten rounds after one that compiles."""
    benchmark.pedantic(function, rounds=10, warmup_rounds=1)
    rate = n / benchmark.stats.stats.min
    benchmark.extra_info["events_per_second"] = rate
    print(f"\n{rate:.0f} events/s")
    return rate


def test_decays_seen_by_the_detector(benchmark):
    decays = sample_decays(N_EVENTS, 0.0, 1)
    assert per_second(benchmark, lambda: see_decays(decays, 1), N_EVENTS) > 200_000


def test_background(benchmark):
    per_second(benchmark, lambda: sample_background(N_EVENTS, 1, window=WINDOWS["0-20"]), N_EVENTS)


@pytest.mark.parametrize("level", LEVELS)
def test_samples(benchmark, level):
    per_second(benchmark, lambda: make_sample(level, "0-20", 0.0, N_EVENTS, 1), N_EVENTS)
