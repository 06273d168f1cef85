"""The random streams: known values, distributions, independence."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from hepsets.core.kernel import kernel
from hepsets.core.random_stream import exponential, mix, normal, poisson, start, uniform


@kernel
def _sample(kind, seed, n, mean):
    stream = np.zeros(1, dtype=np.uint64)
    start(stream, seed, 7, 3)
    out = np.zeros(n)
    for i in range(n):
        if kind == 0:
            out[i] = uniform(stream)
        elif kind == 1:
            out[i] = normal(stream)
        elif kind == 2:
            out[i] = exponential(stream)
        else:
            out[i] = poisson(stream, mean)
    return out


@kernel
def _firsts(seed, events, trials):
    stream = np.zeros(1, dtype=np.uint64)
    out = np.zeros((events, trials))
    for event in range(events):
        for trial in range(trials):
            start(stream, seed, event, trial)
            out[event, trial] = uniform(stream)
    return out


def test_the_sequence_from_zero_is_that_of_splitmix64():
    stream = np.zeros(1, dtype=np.uint64)
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    for value in expected:
        assert uniform(stream) == (value >> 11) * 2.0**-53


@given(st.integers(0, 2**64 - 1), st.integers(0, 63))
def test_mixing_depends_on_every_bit(value, bit):
    other = value ^ (1 << bit)
    assert mix(np.uint64(value)) != mix(np.uint64(other))


def test_numbers_follow_their_distributions():
    assert kstest(_sample(0, 1, 20_000, 0.0), "uniform").pvalue > 1e-3
    assert kstest(_sample(1, 2, 20_000, 0.0), "norm").pvalue > 1e-3
    assert kstest(_sample(2, 3, 20_000, 0.0), "expon").pvalue > 1e-3
    counts = _sample(3, 4, 20_000, 1.5)
    assert abs(counts.mean() - 1.5) < 5 * np.sqrt(1.5 / 20_000)
    assert abs(counts.var() - 1.5) < 0.1


def test_streams_of_neighbouring_events_and_trials_are_independent():
    firsts = _firsts(5, 300, 300)
    assert kstest(firsts.ravel(), "uniform").pvalue > 1e-3
    for a, b in ((firsts[1:], firsts[:-1]), (firsts[:, 1:], firsts[:, :-1]), (firsts, _firsts(6, 300, 300))):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / 300
