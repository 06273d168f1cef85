"""Who descends from whom."""

import numpy as np

from hepsets.select.whole_events.descent import is_below


def test_a_long_chain_is_followed_to_its_end_and_neighbours_are_not():
    # 0 is the root; 1, 2, … 30 a chain below it; 31 and 32 beside it
    mothers = np.concatenate([[0], np.arange(30), [0, 31]])
    below = is_below(mothers, np.array([3]))
    assert np.flatnonzero(below).tolist() == list(range(3, 31))
    assert np.flatnonzero(is_below(mothers, np.array([31]))).tolist() == [31, 32]
    assert is_below(mothers, np.array([0])).all()
    assert not is_below(mothers, np.array([], dtype=int)).any()
