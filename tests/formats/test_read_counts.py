from helpers.fcc_files import odd_columns, write_columns

from hepsets.formats.fcc_tree import read_fcc_trees
from hepsets.formats.read_counts import ReadCounts


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
