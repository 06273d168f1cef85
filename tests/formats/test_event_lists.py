"""Columns are read alike from ROOT and parquet, with types and lengths that can be relied on."""

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

from hepsets.core.errors import InputError
from hepsets.formats.event_lists import Column, choose_tree, iter_pieces
from hepsets.formats.root_files import trees_of

COLUMNS = {"n": Column("counting", whole=True, lists=False), "x": Column("places"), "y": Column()}


def read(path, columns=COLUMNS):
    return list(iter_pieces(path, None, columns, what="a test", known_by=lambda names: "x" in names))


def write(path, **columns):
    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
    else:
        with uproot.recreate(path) as file:
            file["t"] = columns
    return path


@pytest.mark.parametrize("suffix", [".root", ".parquet"])
def test_lists_come_end_to_end_with_their_lengths(tmp_path, suffix):
    path = write(tmp_path / f"a{suffix}", n=np.array([2, 0, 1]), x=ak.Array([[1.5, 2.5], [], [3.5]]))
    (piece,) = read(path)
    assert piece.values["x"].tolist() == [1.5, 2.5, 3.5]
    assert piece.offsets(["x", "y"], "n").tolist() == [0, 2, 2, 3]
    assert "y" not in piece.values


def test_a_tree_in_a_folder_is_known_by_its_name_with_the_folder(tmp_path):
    with uproot.recreate(tmp_path / "a.root") as file:
        for name in ("signal/t", "data/t", "other"):
            file.mktree(name, {"z" if name == "other" else "x": "float64"})
            file[name].extend({"z" if name == "other" else "x": np.arange(3.0)})
    with uproot.open(tmp_path / "a.root") as file:
        trees = trees_of(file)
        known = {"what": "a test", "known_by": lambda names: "x" in names}
        assert choose_tree(tmp_path, trees, "data/t", **known) == "data/t"
        assert (
            choose_tree(tmp_path, {name: trees[name] for name in ("signal/t", "other")}, None, **known)
            == "signal/t"
        )
        with pytest.raises(InputError, match="several trees that could be meant: signal/t, data/t"):
            choose_tree(tmp_path, trees, None, **known)


@pytest.mark.parametrize(
    "kind",
    [pa.list_(pa.float32()), pa.large_list(pa.float64()), pa.list_(pa.float64(), 2), pa.list_(pa.int8())],
)
def test_lists_of_parquet_may_be_of_any_kind(tmp_path, kind):
    values = pa.array([[1, 2], [3, 4]], kind)
    (piece,) = read(write(tmp_path / "a.parquet", n=np.array([2, 2]), x=values))
    assert piece.values["x"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert piece.lengths["x"].tolist() == [2, 2]


@pytest.mark.parametrize(
    ("x", "reason"),
    [
        (pa.array([[1.0], None]), "x is null in 1 events"),
        (pa.array([[1.0], [None]]), "x has 1 nulls"),
        (pa.array([["a"], ["b"]]), "x holds string; expected numbers"),
        (pa.array([[[1.0]], [[2.0]]]), "x holds list.*expected numbers"),
        (pa.array([1.0, 2.0]), "x holds one entry per event"),
    ],
)
def test_columns_of_other_types_are_refused(tmp_path, x, reason):
    with pytest.raises(InputError, match=reason):
        read(write(tmp_path / "a.parquet", n=np.array([1, 1]), x=x))


def test_lists_of_unlike_lengths_are_refused(tmp_path):
    path = write(
        tmp_path / "a.parquet", n=np.array([1, 1]), x=pa.array([[1.0], [2.0]]), y=pa.array([[1.0], []])
    )
    (piece,) = read(path)
    with pytest.raises(InputError, match="x has 1 entries and y 0 in one event"):
        piece.offsets(["x", "y"])


def test_all_that_is_missing_is_told_at_once_with_names_that_are_alike(tmp_path):
    path = write(tmp_path / "a.parquet", nn=np.array([1, 1]), xx=np.ones(2))
    with pytest.raises(InputError, match=r"lacks n \(for counting\); x \(for places\).*it has nn"):
        read(path)
