import tracemalloc

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

from hepsets.core.errors import InputError
from hepsets.formats import root_files
from hepsets.formats.added_columns import copy_with_columns, is_parquet

N = 7


def root_file(path):
    """A tree of all kinds of branches, another tree, an RNTuple, a histogram and a text in a folder."""
    random = np.random.default_rng(1)
    counts = random.integers(0, 4, N)
    counts[2] = 0
    total = counts.sum()
    particle = ak.unflatten(
        ak.zip({"px": random.normal(size=total), "ID": np.arange(total, dtype=np.int32)}), counts
    )
    with uproot.recreate(path) as file:
        kinds = {
            "Thrust_x": "float64",
            "run": "int32",
            "matrix": "3 * float32",
            "good": "bool",
            "text": "string",
            "Particle": particle.type.content,
            "odd": "var * float32",
        }
        file.mktree("events", kinds, title="a title")
        for _ in range(2):
            file["events"].extend(
                {
                    "Thrust_x": random.normal(size=N),
                    "run": np.arange(N, dtype=np.int32),
                    "matrix": random.normal(size=(N, 3)).astype(np.float32),
                    "good": np.arange(N) % 2 == 0,
                    "text": [f"event {i}" for i in range(N)],
                    "Particle": particle,
                    "odd": ak.unflatten(random.normal(size=total).astype(np.float32), counts),
                }
            )
        file.mktree("more/other", {"y": "int64"})
        file["more/other"].extend({"y": np.arange(3)})
        file.mktree("empty", {"y": "int64"})
        file.mkrntuple("ntuple", {"x": np.arange(5.0), "l": ak.Array([[1], [], [2, 3], [], [4]])})
        file["histogram"] = np.histogram(random.normal(size=100), 10)
        file["folder/note"] = "hello"
    return path


SCORES = {
    "score_b": np.linspace(0, 1, 2 * N).astype(np.float32),
    "score_c": np.linspace(0, 1, 4 * N).reshape(-1, 2).astype(np.float32),
}


def test_a_root_file_keeps_all_that_it_has_and_its_tree_gets_columns(tmp_path):
    path, out = root_file(tmp_path / "in.root"), tmp_path / "out.root"
    before = path.read_bytes()
    copy_with_columns(path, "events", out, cut(SCORES), "by a tagger")
    assert path.read_bytes() == before
    with uproot.open(path) as old, uproot.open(out) as new:
        assert set(new.keys()) == {*old.keys(), "score_b_note;1"}
        assert new["score_b_note"] == "by a tagger"
        assert new["folder/note"] == "hello"
        assert np.array_equal(new["histogram"].values(), old["histogram"].values())
        assert new["events"].title == "a title"
        kinds = old["events"].typenames()
        assert new["events"].typenames() == {**kinds, "score_b": "float", "score_c": "float[2]"}
        for tree in ("events", "more/other", "empty", "ntuple"):
            for name in old[tree].keys():  # noqa: SIM118 (no mapping)
                assert ak.array_equal(new[tree][name].array(), old[tree][name].array()), name
        for name, column in SCORES.items():
            assert np.array_equal(new["events"][name].array(library="np"), column)


def test_an_rntuple_gets_columns_as_well(tmp_path):
    out = tmp_path / "out.root"
    columns = {"score_b": np.arange(5, dtype=np.float32)}
    copy_with_columns(root_file(tmp_path / "in.root"), "ntuple", out, [columns])
    with uproot.open(out) as file:
        found = file["ntuple"].arrays()
        assert found["score_b"].to_list() == [0, 1, 2, 3, 4]
        assert found["l"].to_list() == [[1], [], [2, 3], [], [4]]


def cut(columns):
    """Columns in pieces of three, whatever the pieces of the file are."""
    length = len(next(iter(columns.values())))
    for begin in range(0, length, 3):
        yield {name: column[begin : begin + 3] for name, column in columns.items()}


def parquet_file(path):
    table = pa.table(
        {
            "Thrust_x": pa.array(np.arange(10.0)),
            "nothing": pa.array([None, 1, None] * 3 + [2], pa.int8()),
            "Particle_px": pa.array([[1.0], [], [2.0, 3.0]] * 3 + [[]], pa.list_(pa.float32())),
            "name": pa.array([f"é{i}" for i in range(10)]).dictionary_encode(),
        }
    ).replace_schema_metadata({"made by": "me"})
    pq.write_table(table, path, row_group_size=4)
    return path


def test_a_parquet_file_keeps_columns_metadata_and_row_groups(tmp_path):
    path, out = parquet_file(tmp_path / "in.parquet"), tmp_path / "out.parquet"
    assert is_parquet(path)
    scores = {"score_b": np.arange(10, dtype=np.float32), "score_2": np.ones((10, 2), np.float32)}
    copy_with_columns(path, None, out, cut(scores), "by a tagger")
    old, new = pq.read_table(path), pq.read_table(out)
    assert new.select(old.column_names).cast(old.schema).equals(old)
    assert new.schema.field("nothing") == old.schema.field("nothing")
    assert new.schema.metadata[b"made by"] == b"me"
    assert new.schema.metadata[b"score_b_note"] == b"by a tagger"
    assert new["score_b"].to_numpy().tolist() == list(range(10))
    assert new["score_2"].to_pylist()[0] == [1, 1]
    groups = pq.ParquetFile(out).metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [4, 4, 2]


def test_a_parquet_file_of_awkward_array_is_read_by_it_with_the_columns(tmp_path):
    """It says of each column what it was, and refuses a file with others."""
    path, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    mine = ak.Array({"particles": [[{"px": 1.0}], [], [{"px": 2.0}, {"px": 3.0}]], "label": [1, 0, 1]})
    ak.to_parquet(mine, path)
    score = np.array([0.1, 0.2, 0.3], np.float32)
    copy_with_columns(path, None, out, iter([{"score": score}]))
    found = ak.from_parquet(out)
    assert found.fields == ["particles", "label", "score"]
    assert found[["particles", "label"]].to_list() == mine.to_list()
    assert found["score"].to_numpy().tolist() == score.tolist()


@pytest.mark.parametrize("make", [root_file, parquet_file])
def test_what_is_there_is_not_replaced_and_nothing_is_half_written(tmp_path, make):
    path, out = make(tmp_path / "in"), tmp_path / "out"
    tree = "events" if make is root_file else None
    with pytest.raises(InputError, match="Thrust_x already"):
        copy_with_columns(path, tree, out, [{"Thrust_x": np.zeros(2 * N)}])
    with pytest.raises(InputError, match="3 entries"):
        copy_with_columns(path, tree, out, [{"score_b": np.zeros(3)}])
    with pytest.raises(InputError, match="entries more"):
        copy_with_columns(path, tree, out, [{"score_b": np.zeros(2 * N)}, {"score_b": np.zeros(3)}])
    assert [file.name for file in tmp_path.iterdir()] == ["in"]


def test_another_tree_and_no_file_are_refused(tmp_path):
    with pytest.raises(InputError, match="no tree 'others'"):
        copy_with_columns(root_file(tmp_path / "in.root"), "others", tmp_path / "o.root", [SCORES])
    with pytest.raises(InputError, match="no such file"):
        is_parquet(tmp_path / "none.root")


def test_memory_does_not_grow_with_a_root_file(tmp_path, monkeypatch):
    monkeypatch.setattr(root_files, "STEP", "100 kB")
    most = []
    for pieces in (4, 32):
        path, lists = tmp_path / f"{pieces}.root", ak.Array([[1.0, 2.0, 3.0]] * 2000)
        with uproot.recreate(path) as file:
            file.mktree("t", {"x": "float64", "l": "var * float64"})
            for _ in range(pieces):
                file["t"].extend({"x": np.ones(2000), "l": lists})
        scores = ({"score": np.zeros(2000, np.float32)} for _ in range(pieces))
        tracemalloc.start()
        copy_with_columns(path, "t", tmp_path / "out.root", scores)
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert most[1] < 1.3 * most[0]


def test_metadata_of_parquet_that_is_no_text_is_kept(tmp_path):
    table = pa.table({"x": [1.0, 2.0]}).replace_schema_metadata({b"\xff": b"\xfe\x00", b"k": b"v"})
    pq.write_table(table, tmp_path / "a.parquet")
    copy_with_columns(
        tmp_path / "a.parquet", None, tmp_path / "b.parquet", [{"score": np.zeros(2)}], "a note"
    )
    metadata = pq.read_schema(tmp_path / "b.parquet").metadata
    assert (metadata[b"\xff"], metadata[b"k"], metadata[b"score_note"]) == (b"\xfe\x00", b"v", b"a note")
