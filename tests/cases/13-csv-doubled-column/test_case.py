"""Columns of one name: chi twice in e.csv, columns without name in e2.csv."""

import pytest

from hepsets.core.errors import InputError
from hepsets.core.event_frame import read_frame


def test_doubled_names_are_refused_by_name_if_needed_and_ignored_if_not(case):
    assert read_frame("e.csv", ["q_squared"])["q_squared"].tolist() == [2.5]
    assert read_frame("e2.csv", ["chi", "q_squared"])["chi"].tolist() == [1.0]
    for columns in (["q_squared", "chi"], None):
        with pytest.raises(InputError, match=r"e.csv has several columns 'chi'"):
            read_frame("e.csv", columns)
