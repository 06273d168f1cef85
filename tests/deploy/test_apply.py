"""Scores beside everything that was in a file: where copies stand, and what is refused before any work."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hepsets.core.errors import InputError
from hepsets.deploy.apply import apply_file, places_of


class Half:
    """A scorer that says 0.5, in pieces of its own length."""

    def __init__(self, path):
        self.path = path
        self.of_table = None

    def record(self):
        return {"model": "half"}

    def scoring(self, path, tree):
        assert tree is None
        self.rows = pq.read_metadata(path).num_rows
        return self

    def pieces(self):
        for begin in range(0, self.rows, 3):
            yield {"": np.full(min(3, self.rows - begin), 0.5, np.float32)}

    def lines(self):
        return ["all of them even"]


@pytest.fixture
def half(tmp_path):
    (tmp_path / "half").write_text("0.5")
    return Half(tmp_path / "half")


def test_scores_come_in_pieces_of_any_length(tmp_path, half):
    table = pa.table({"x": np.arange(10.0)})
    pq.write_table(table, tmp_path / "mine.parquet", row_group_size=4)
    done = apply_file(half, tmp_path / "mine.parquet", tmp_path / "out.parquet", prefix="half")
    assert done.lines() == [f"{tmp_path / 'out.parquet'}: columns half", "all of them even"]
    found = pq.read_table(tmp_path / "out.parquet")
    assert found["x"].equals(table["x"])
    assert found["half"].to_pylist() == [0.5] * 10


def test_a_file_in_which_the_name_is_taken_is_refused(tmp_path, half):
    pq.write_table(pa.table({"score": [1.0]}), tmp_path / "mine.parquet")
    with pytest.raises(InputError, match="another prefix"):
        apply_file(half, tmp_path / "mine.parquet", tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_several_files_of_one_name_would_be_one(tmp_path):
    with pytest.raises(InputError, match="same name"):
        places_of([Path("a/x.root"), Path("b/x.root:tree")], tmp_path)
    assert places_of([Path("a/x.root:tree")], tmp_path) == [tmp_path / "x.root"]
