"""Flat tables: columns by their names, close names where there is none."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

from hepsets.core.errors import InputError
from hepsets.formats.flat_table import read_columns

COLUMNS = {"Bs_M": np.array([5300.0, 5366.0]), "Bs_PT": np.array([1.0, 2.0]), "ds_mode": np.array([0, 1])}


@pytest.fixture
def files(tmp_path):
    """The same table in the three formats."""
    pq.write_table(pa.table(COLUMNS), tmp_path / "t.parquet")
    (tmp_path / "t.csv").write_text("Bs_M,Bs_PT,ds_mode\n5300,1,0\n5366,2,1\n")
    with uproot.recreate(tmp_path / "t.root") as file:
        file.mktree("DecayTree", {name: column.dtype for name, column in COLUMNS.items()})
        file["DecayTree"].extend(COLUMNS)
    return tmp_path


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.root", "t.root:DecayTree"])
def test_columns_are_read_whatever_the_file_is(files, name):
    table = read_columns(files / name, ["Bs_M", "ds_mode"])
    assert table["Bs_M"].tolist() == [5300, 5366]
    assert table["ds_mode"].tolist() == [0, 1]


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.root"])
@pytest.mark.parametrize(("wrong", "close"), [("bs_m", "Bs_M"), ("Bs_Pt", "Bs_PT"), ("dsmode", "ds_mode")])
def test_a_missing_column_is_answered_with_its_neighbour(files, name, wrong, close):
    with pytest.raises(InputError, match=f"did you mean {close}"):
        read_columns(files / name, [wrong])


def test_several_trees_want_a_name(files):
    with uproot.recreate(files / "two.root") as file:
        for tree in ("a", "b"):
            file.mktree(tree, {"m": np.float64})
            file[tree].extend({"m": np.ones(2)})
    with pytest.raises(InputError, match=r"two\.root:a"):
        read_columns(files / "two.root", ["m"])
    assert len(read_columns(f"{files / 'two.root'}:b", ["m"])) == 2


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.parquet", None, "no file"),
        ("none.root", None, "no such file"),
        ("x.txt", b"1", "one of .root, .parquet, .csv"),
        ("x.root", b"damaged", "cannot be read"),
        ("x.parquet", b"damaged", "x.parquet"),
        ("x.csv", b"", "cannot be read"),
    ],
)
def test_files_that_are_no_tables_are_refused(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_columns(tmp_path / name, ["m"])


def test_trees_without_what_is_asked_or_without_events_are_refused(files):
    with uproot.recreate(files / "odd.root") as file:
        file.mktree("lists", {"m": "var * float64"})
        file["lists"].extend({"m": [[1.0], [2.0, 3.0]]})
        file.mktree("empty", {"mass": np.float64})
    for tree, column, said in (
        ("lists", "m", "one by one"),
        ("empty", "mass", "no events"),
        ("nothing", "m", "no tree 'nothing'"),
    ):
        with pytest.raises(InputError, match=said):
            read_columns(f"{files / 'odd.root'}:{tree}", [column])
    with uproot.recreate(files / "none.root"):
        pass
    with pytest.raises(InputError, match="holds no tree"):
        read_columns(files / "none.root", ["m"])


def test_what_has_no_value_is_nan_and_other_separators_are_named(tmp_path):
    pq.write_table(pa.table({"m": [5.3, None]}), tmp_path / "n.parquet")
    (tmp_path / "n.csv").write_text("m,w\n5.3,1\n,1\n")
    for name in ("n.parquet", "n.csv"):
        assert np.array_equal(read_columns(tmp_path / name, ["m"])["m"], [5.3, np.nan], equal_nan=True)
    (tmp_path / "s.csv").write_text("m;w\n5,3;1\n")
    with pytest.raises(InputError, match="semicolons between its columns"):
        read_columns(tmp_path / "s.csv", ["m"])


def test_a_folder_is_called_one(tmp_path):
    with pytest.raises(InputError, match="is a folder; expected a file"):
        read_columns(tmp_path, ["m"])


def test_a_name_with_spaces_around_it_is_shown_with_them(tmp_path):
    (tmp_path / "s.csv").write_text("w, m\n1,5.3\n")
    with pytest.raises(InputError, match="did you mean ' m'"):
        read_columns(tmp_path / "s.csv", ["m"])
