"""Parquet files of events: written whole, read by row group, refused with what is wrong."""

import contextlib
import importlib

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.random_trees import make_events, same
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core import parquet
from hepsets.core.errors import InputError
from hepsets.core.events import (
    Events,
    EventWriter,
    iter_parquet,
    read_parquet,
    write_parquet,
)
from hepsets.core.parquet import open_parquet


def test_parquet_gives_back_what_was_written_by_row_group(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROW_GROUP_EVENTS", 2)
    events = make_events([3, 1, 4, 1, 5], label=np.array([0, 1, 0, 0, 1]), weight=np.arange(5.0))
    path = tmp_path / "events.parquet"
    with EventWriter(path, metadata={"sample": "mixed"}) as writer:
        writer.write(events[:1])
        writer.write(events[1:4])
        writer.write(events[4:])
    assert same(read_parquet(path), events)
    assert [len(part) for part in iter_parquet(path)] == [2, 2, 1]
    part = read_parquet(path, row_groups=[1], columns=["label"])
    kept = events[2:4]
    assert same(part, Events(kept.particles, kept.offsets, {"label": kept.columns["label"]}))
    assert pq.read_schema(path).metadata[b"sample"] == b"mixed"


def test_the_studys_own_layout_opens_as_it_is(tmp_path):
    """Written by awkward itself: 64-bit numbers, large lists, non-nullable, several row groups."""
    events = make_events([3, 2, 4], label=np.array([True, False, True]))
    particles = ak.zip(
        {
            {"prod_time": "prodTime"}.get(name, name): ak.unflatten(
                column.astype("f8" if column.dtype.kind == "f" else "i8"), events.multiplicity
            )
            for name, column in events.particles.items()
        }
    )
    path = tmp_path / "study.parquet"
    array = ak.Array({"particles": particles, "label": events.columns["label"]})
    ak.to_parquet(array, path, list_to32=False, row_group_size=2)
    assert open_parquet(path).num_row_groups == 2
    assert same(read_parquet(path), events)


def test_a_writer_that_fails_leaves_nothing_behind(tmp_path):
    path = tmp_path / "events.parquet"

    def half_written():
        with EventWriter(path) as writer:
            writer.write(make_events([2, 3]))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        half_written()
    assert list(tmp_path.iterdir()) == []


def test_a_writer_refuses_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="no folder"), EventWriter(tmp_path / "no" / "events.parquet"):
        pass


@pytest.fixture
def good_table():
    return make_events([3, 2, 4], label=np.array([0, 1, 1])).to_arrow()


def replace_field(table, name, values):
    lists = table.column("particles").combine_chunks()
    if isinstance(lists, pa.ChunkedArray):
        lists = lists.chunk(0)
    struct = lists.values
    names = [struct.type.field(i).name for i in range(struct.type.num_fields)]
    arrays = [values if field == name else struct.field(field) for field in names]
    kept = [(n, a) for n, a in zip(names, arrays, strict=True) if a is not None]
    rebuilt = pa.StructArray.from_arrays([a for _, a in kept], names=[n for n, _ in kept])
    return table.set_column(0, "particles", pa.ListArray.from_arrays(lists.offsets, rebuilt))


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("prodTime", None, "particles lack prodTime"),
        ("pdg", pa.array(["a"] * 9), "field pdg has type string"),
        ("pdg", pa.array([1.5] * 9), "field pdg has type double"),
        ("px", pa.array([None] + [1.0] * 8), "field px has 1 nulls"),
        ("index", pa.array([2**40] * 9), "index = 1099511627776; expected whole numbers of 32 bits"),
        ("pdg", pa.array([2**32 - 211] * 9, pa.uint32()), "pdg = 4294967085"),
        ("mother_index", pa.array([2**64 - 1] * 9, pa.uint64()), "mother_index = 18446744073709551615"),
    ],
)
def test_a_file_with_bad_fields_is_refused_with_their_name(tmp_path, good_table, name, values, message):
    path = tmp_path / "bad.parquet"
    pq.write_table(replace_field(good_table, name, values), path)
    with pytest.raises(InputError, match=message):
        read_parquet(path)


def test_a_particle_that_is_null_is_not_read_as_zeros(tmp_path):
    table = make_events([2, 1]).to_arrow()
    rows = table.column("particles").to_pylist()
    rows[0][1] = None
    kind = pa.list_(pa.struct([field.with_nullable(True) for field in table.schema.field(0).type.value_type]))
    path = tmp_path / "null.parquet"
    pq.write_table(pa.table({"particles": pa.array(rows, kind)}), path)
    with pytest.raises(InputError, match="1 particles are null"):
        read_parquet(path)


STUDY = (
    "{particles: var * {pdg: int32, index: int32, mother_index: int32, prodTime: float32, x: float32, "
    "y: float32, z: float32, px: float32, py: float32, pz: float32, energy: float32}, label: bool, "
    "score: var * float32}"
)


def study_reader(path):
    """As the study reads its files: row group by row group, awkward's flat columns to numpy, no options."""
    for group in range(pq.ParquetFile(path).num_row_groups):
        array = ak.from_parquet(path, row_groups=[group])
        particles = array["particles"]
        counts = particles.layout.offsets.data  # an option type has no offsets
        columns = {name: particles.layout.content[name].data for name in ak.fields(particles)}
        yield counts[-1] - counts[0], columns, np.asarray(array["label"])


@pytest.mark.parametrize("number", [0, 8])
def test_no_field_that_we_write_is_optional(tmp_path, number, monkeypatch):
    monkeypatch.setattr(parquet, "ROW_GROUP_EVENTS", 2)
    events = make_events([3, 2, 4, 1, 1, 2, 5, 3][:number] or [1], label=np.arange(number or 1) % 2 == 0)
    events = events.with_columns(score=np.ones((len(events), 3), np.float32))[:number]
    path = tmp_path / "events.parquet"
    write_parquet(events, path)
    assert str(ak.from_parquet(path).type) == f"{number} * {STUDY}"
    assert not any(field.nullable for field in pq.read_schema(path))
    if number:
        frame = importlib.import_module("pandas").read_parquet(path)
        assert frame["label"].dtype == bool
        groups = list(study_reader(path))
        assert len(groups) == 4
        assert np.array_equal(
            np.concatenate([columns["px"] for _, columns, _ in groups]), events.particles["px"]
        )
        assert same(read_parquet(path), events)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"label": [1, 0]}), "a column 'particles'"),
        (pa.table({"particles": [1, 2]}), "has type int64"),
        (pa.table({"particles": [[1.0], [2.0]]}), "has type list<"),
        (pa.table([pa.array([[1.0]])] * 2, ["particles", "particles"]), "'particles' stands twice"),
    ],
)
def test_a_parquet_file_of_something_else_is_refused(tmp_path, table, message):
    path = tmp_path / "other.parquet"
    pq.write_table(table, path)
    with pytest.raises(InputError, match=message):
        read_parquet(path)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([1.0, None, 2.0]), "'extra' has 1 nulls"),
        (pa.array([[1.0], [], [2.0, 3.0]]), "'extra' has lists of unlike lengths"),
    ],
)
def test_an_event_column_that_is_no_array_is_refused_unless_it_is_not_read(tmp_path, column, message):
    path = tmp_path / "extra.parquet"
    table = make_events([3, 2, 4], label=np.array([0, 1, 1])).to_arrow()
    pq.write_table(table.append_column("extra", column), path)
    with pytest.raises(InputError, match=message):
        read_parquet(path)
    assert read_parquet(path, columns=["label"]).columns["label"].tolist() == [0, 1, 1]


def test_a_number_beyond_single_precision_is_refused(tmp_path, good_table):
    path = tmp_path / "large.parquet"
    pq.write_table(replace_field(good_table, "energy", pa.array([1e300] * 9)), path)
    with pytest.raises(InputError, match="energy = inf in event 0"):
        read_parquet(path)


@pytest.mark.parametrize("keep", [0, 3, 100, -20])
def test_a_truncated_or_foreign_file_is_refused(tmp_path, good_table, keep):
    path = tmp_path / "cut.parquet"
    pq.write_table(good_table, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match="cannot be read as parquet"):
        read_parquet(path)


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_flipped_byte_gives_an_input_error_or_a_valid_table(tmp_path_factory, position, flip):
    path = tmp_path_factory.mktemp("flip") / "flip.parquet"
    write_parquet(make_events([3, 2, 4], label=np.array([0, 1, 1])), path)
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= flip
    path.write_bytes(bytes(content))
    with contextlib.suppress(InputError):
        read_parquet(path)


def test_missing_files_row_groups_and_columns_are_named(tmp_path, good_table):
    path = tmp_path / "good.parquet"
    with pytest.raises(InputError, match="no file"):
        read_parquet(path)
    pq.write_table(good_table, path)
    with pytest.raises(InputError, match="numbers from 0 to 0"):
        read_parquet(path, row_groups=[3])
    with pytest.raises(InputError, match="no event column weight"):
        read_parquet(path, columns=["weight"])


def test_a_file_without_events_is_refused(tmp_path, good_table):
    path = tmp_path / "none.parquet"
    pq.write_table(good_table.slice(0, 0), path)
    with pytest.raises(InputError, match="no events"):
        read_parquet(path)


def test_row_groups_bound_the_memory_of_a_reader(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROW_GROUP_EVENTS", 2)
    path = tmp_path / "groups.parquet"
    write_parquet(make_events([1, 2, 3, 4, 5]), path)
    assert open_parquet(path).num_row_groups == 3


def test_ids_have_a_dictionary_and_momenta_do_not(tmp_path):
    events = make_events([3, 1, 4], label=np.array([0, 1, 0]), weight=np.arange(3.0))
    write_parquet(events, tmp_path / "events.parquet")
    group = pq.ParquetFile(tmp_path / "events.parquet").metadata.row_group(0)
    columns = [group.column(place) for place in range(group.num_columns)]
    short = {
        column.path_in_schema.split(".")[-1]
        for column in columns
        if any("DICTIONARY" in encoding for encoding in column.encodings)
    }
    assert short == {"pdg", "index", "mother_index", "label"}
