"""How long the thirty continuum variables take per event on one core, beside plain loops."""

import time

import numpy as np
import pytest
from helpers import naive_event_shapes
from helpers.candidate_events import SQRT_S, candidate_events

from hepsets.select.variables.cleo_cones import cleo_cones
from hepsets.select.variables.continuum import continuum_variables
from hepsets.select.variables.event_shape import thrust
from hepsets.select.variables.fox_wolfram import fox_wolfram_r2
from hepsets.select.variables.ksfw import ksfw_moments

N_EVENTS = 5000
N_PLAIN = 20


@pytest.fixture(scope="module")
def sets():
    """With about as many particles as in simulated B B̄ events: 6 of the candidate, 13 of the rest."""
    return candidate_events(N_EVENTS, mean_signal=6.0, mean_rest=13.0)


@pytest.fixture(scope="module")
def momenta(sets):
    return np.stack([sets.particles[name] for name in ("px", "py", "pz")], axis=1)


def per_event(benchmark, function):
    """Best of ten rounds after one that compiles, in microseconds per event."""
    benchmark.pedantic(function, rounds=10, warmup_rounds=1)
    microseconds = 1e6 * benchmark.stats.stats.min / N_EVENTS
    benchmark.extra_info["us_per_event"] = microseconds
    print(f"\n{microseconds:.2f} µs per event")
    return microseconds


def test_all_thirty_within_100_microseconds(benchmark, sets, momenta):
    cost = per_event(benchmark, lambda: continuum_variables(sets, SQRT_S))
    columns = (sets.particles[name].tolist() for name in ("energy", "charge", "from_candidate"))
    rows = list(zip(momenta.tolist(), *columns, strict=True))
    begin = time.perf_counter()
    for event in range(N_PLAIN):
        own = rows[sets.offsets[event] : sets.offsets[event + 1]]
        naive_event_shapes.continuum_variables(own, sets.columns["candidate_energy"][event], SQRT_S)
    plain = 1e6 * (time.perf_counter() - begin) / N_PLAIN
    print(f"plain loops: {plain:.0f} µs per event, {plain / cost:.0f} times as long")
    assert cost < 100


def test_thrust(benchmark, sets, momenta):
    per_event(benchmark, lambda: thrust(momenta, sets.offsets))


def test_r2(benchmark, sets, momenta):
    per_event(benchmark, lambda: fox_wolfram_r2(momenta, sets.offsets))


def test_ksfw(benchmark, sets, momenta):
    per_event(
        benchmark,
        lambda: ksfw_moments(
            momenta,
            sets.particles["energy"],
            sets.particles["charge"],
            sets.particles["from_candidate"],
            sets.offsets,
            candidate_energy=sets.columns["candidate_energy"],
            sqrt_s=SQRT_S,
        ),
    )


def test_cleo_cones(benchmark, sets, momenta):
    axis = thrust(momenta, sets.offsets).axis
    per_event(benchmark, lambda: cleo_cones(momenta, axis, sets.offsets))
