"""A parquet file of flat columns where one of events is asked for."""


def test_the_columns_that_are_there_are_listed(case):
    line = case.refused("filter", "in.parquet", "--out", "out.parquet")
    assert "in.parquet has columns pdg, px" in line
    assert line.count("in.parquet") == 1
