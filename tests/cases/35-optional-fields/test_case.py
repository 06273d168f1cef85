"""Fields of the files that we write must not be optional: readers of the study's files refuse those."""

import awkward as ak
import pyarrow.parquet as pq


def test_no_field_of_generated_labelled_and_filtered_events_is_optional(case):
    for arguments in (
        ("generate", "mixed", "--events", 50, "--out", "a.parquet"),
        ("simulate", "a.parquet", "--out", "b.parquet", "--candidates", "candidates.parquet"),
        ("filter", "b.parquet", "--out", "c.parquet"),
        ("generate", "kstmumu", "--events", 50, "--out", "d.parquet"),
    ):
        code, _, err = case.hepsets(*arguments)
        assert code == 0, err
    for name in "abcd":
        kind = str(ak.from_parquet(f"{name}.parquet").type)
        assert "option" not in kind
        assert "?" not in kind
    # of candidates only what a skim may not measure
    optional = [field.name for field in pq.read_schema("candidates.parquet") if field.nullable]
    assert optional == ["charm_mode"]
