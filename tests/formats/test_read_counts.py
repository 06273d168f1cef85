import numpy as np
from helpers.fcc_files import odd_columns, write_columns
from helpers.toy_z_events import z_events

from hepsets.formats.fcc_tree import read_fcc_trees
from hepsets.formats.read_counts import ReadCounts, Tally, beyond


def test_counts_of_files_add_up_and_only_what_occurred_is_told(tmp_path):
    counts = read_fcc_trees(write_columns(tmp_path / "Zbb.root", odd_columns())).counts
    both = counts + counts
    assert both.events == 8
    assert both.kept["vertices beyond 1 m"] == 2
    lines = both.lines()
    assert "masked: 2 thrust errors that are no numbers" in lines
    assert not [line for line in lines if " 0 " in line]
    assert ReadCounts() + counts == ReadCounts(
        4, 10, 5, *({k: v for k, v in table.items() if v} for table in (counts.masked, counts.kept))
    )


def test_what_two_collections_of_an_event_hold_is_counted_together():
    tally, events = Tally(), z_events(2)
    for which in ([True, False], [True, True]):
        tally.mask("vertices of negative χ²", np.array(which))
        tally.keep("particles of negative mass", np.array(which))
    counts = tally.counts(events)
    assert counts.masked == {"vertices of negative χ²": 3}
    assert counts.kept == {"particles of negative mass": 3}


def test_a_number_is_beyond_all_collisions_in_any_of_its_columns_and_with_either_sign():
    columns = [np.array([1.0, -1e38, 0.0]), np.array([9e5, 0.0, 2e6])]
    assert beyond(columns).tolist() == [False, True, True]
