"""A file of events with two columns event_number."""

import pyarrow as pa
import pyarrow.parquet as pq
from helpers.small_filter import beam_events


def test_doubled_columns_are_refused_by_name(case):
    table = beam_events(3).to_arrow()
    for number in (0, 5):
        table = table.append_column("event_number", pa.array(range(number, number + 3)))
    pq.write_table(table, "in.parquet")
    case.add()
    line = case.refused("filter", "in.parquet", "--out", "out.parquet")
    assert "in.parquet has several columns 'event_number'" in line
