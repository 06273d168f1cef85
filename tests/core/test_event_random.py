import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core import random_stream
from hepsets.core.event_random import uniforms


@given(
    st.integers(0, 2**62),
    st.lists(st.integers(-(2**40), 2**40), min_size=1, max_size=5),
    st.integers(0, 2**30),
)
def test_numbers_are_the_first_of_the_compiled_streams(seed, events, trial):
    stream = np.zeros(1, np.uint64)
    expected = []
    for event in events:
        random_stream.start(stream, seed, event, trial)
        expected.append(random_stream.uniform(stream))
    assert uniforms(seed, np.array(events), trial).tolist() == expected


def test_a_number_depends_on_its_event_only():
    together = uniforms(5, np.arange(1000), 1)
    alone = np.concatenate([uniforms(5, np.arange(begin, begin + 7), 1) for begin in range(0, 1000, 7)])
    assert np.array_equal(together, alone[:1000])


def test_numbers_are_uniform_and_differ_between_seeds_and_trials():
    n = 200_000
    numbers = uniforms(1, np.arange(n), 2)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts = np.histogram(numbers, 50, (0, 1))[0]
    chi2 = ((counts - n / 50) ** 2 / (n / 50)).sum()
    assert 20 < chi2 < 90  # 49 degrees of freedom
    for other in (
        uniforms(2, np.arange(n), 2),
        uniforms(1, np.arange(n), 3),
        uniforms(1, np.arange(n) + 1, 2),
    ):
        assert abs(np.corrcoef(numbers, other)[0, 1]) < 0.01
