import contextlib
import importlib

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core import parquet
from hepsets.core.errors import InputError
from hepsets.core.events import (
    PARTICLE_COLUMNS,
    Events,
    EventWriter,
    iter_parquet,
    read_parquet,
    write_parquet,
)
from hepsets.core.parquet import open_parquet


def make_events(multiplicities, seed=0, **columns):
    """Random trees: each particle's mother is an earlier particle of its event."""
    rng = np.random.default_rng(seed)
    n = int(np.sum(multiplicities))
    particles = {name: rng.normal(size=n) for name, dtype in PARTICLE_COLUMNS.items() if dtype.kind == "f"}
    particles["pdg"] = rng.choice([211, -211, 22, 321, 511], size=n)
    particles["index"] = np.concatenate([np.arange(m) for m in multiplicities] or [np.zeros(0, int)])
    particles["mother_index"] = (rng.random(n) * np.maximum(particles["index"], 1)).astype(int)
    return Events(particles, np.concatenate([[0], np.cumsum(multiplicities)]), columns)


def same(one, other):
    return (
        np.array_equal(one.offsets, other.offsets)
        and all(np.array_equal(one.particles[name], other.particles[name]) for name in PARTICLE_COLUMNS)
        and set(one.columns) == set(other.columns)
        and all(np.array_equal(one.columns[name], other.columns[name]) for name in one.columns)
    )


multiplicities = st.lists(st.integers(1, 12), min_size=1, max_size=8)


@given(multiplicities)
def test_a_table_survives_awkward_and_arrow(counts):
    events = make_events(counts, label=np.arange(len(counts)) % 2 == 0)
    assert same(Events.from_awkward(events.to_awkward()), events)
    assert same(Events.from_arrow(events.to_arrow()), events)


def test_awkward_and_arrow_share_memory_with_the_table():
    events = make_events([3, 4])
    energy = events.to_awkward()["particles"]["energy"].layout.content.data
    assert np.shares_memory(energy, events.particles["energy"])
    arrow = Events.from_arrow(events.to_arrow())
    assert np.shares_memory(arrow.particles["energy"], events.particles["energy"])


@given(multiplicities, st.data())
def test_any_selection_keeps_events_whole(counts, data):
    events = make_events(counts, number=np.arange(len(counts)))
    chosen = np.array(data.draw(st.lists(st.integers(0, len(counts) - 1), max_size=10)), dtype=np.int64)
    picked = events[chosen]
    assert picked.columns["number"].tolist() == chosen.tolist()
    assert picked.multiplicity.tolist() == [counts[i] for i in chosen]
    for place, event in enumerate(chosen):
        alone = events[int(event) : int(event) + 1]
        begin, end = picked.offsets[place], picked.offsets[place + 1]
        assert np.array_equal(picked.particles["px"][begin:end], alone.particles["px"])


@given(multiplicities, st.integers(0, 8), st.integers(0, 8), st.sampled_from([1, 2, -1]))
def test_slices_are_those_of_a_list(counts, begin, end, step):
    events = make_events(counts, number=np.arange(len(counts)))
    which = slice(begin, end, step)
    picked = events[which]
    assert picked.columns["number"].tolist() == list(range(len(counts)))[which]
    assert picked.multiplicity.tolist() == counts[which]


def test_concatenation_undoes_slicing():
    events = make_events([2, 5, 1, 3], **{name: np.array([0, 1, 1, 0]) for name in "dcabe"})
    joined = Events.concatenate([events[:1], events[1:3], events[3:]])
    assert same(joined, events)
    assert list(joined.columns) == list(events.columns)  # or files would differ from run to run


@given(multiplicities, st.integers(0, 2**31))
def test_mothers_do_not_depend_on_numbering_or_order(counts, seed):
    events = make_events(counts)
    rng = np.random.default_rng(seed)
    order = np.concatenate(
        [
            begin + rng.permutation(count)
            for begin, count in zip(events.offsets, events.multiplicity, strict=False)
        ]
    )
    particles = {name: column[order] for name, column in events.particles.items()}
    particles["index"] = particles["index"] * 7 - 3
    particles["mother_index"] = particles["mother_index"] * 7 - 3
    shuffled = Events(particles, events.offsets).validate()
    assert np.array_equal(order[shuffled.mothers], events.mothers[order])


def broken(**changes):
    events = make_events([3, 4])
    particles = {name: column.copy() for name, column in events.particles.items()}
    for name, (position, value) in changes.items():
        particles[name][position] = value
    return Events(particles, events.offsets)


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (broken(px=(4, np.nan)), "px = nan in event 1"),
        (broken(energy=(0, np.inf)), "energy = inf in event 0"),
        (broken(mother_index=(4, 9)), "points nowhere"),
        (broken(mother_index=(4, -1)), "points nowhere"),
        (broken(index=(4, 0)), "stands twice in event 1"),
        (broken(mother_index=([3, 4], [1, 0])), "mothers in event 1 form a cycle"),
        (broken(mother_index=([0, 1, 2], [1, 2, 0])), "mothers in event 0 form a cycle"),
        (make_events([]), "no events"),
        (make_events([2, 0, 1]), "event 1 has no particles"),
    ],
)
def test_a_bad_table_is_refused_with_what_is_wrong(events, message):
    with pytest.raises(InputError, match=message):
        events.validate()


@given(st.lists(st.integers(0, 5), min_size=6, max_size=6))
def test_cycles_are_found_exactly_when_a_walk_never_ends(mothers):
    particles = {name: np.zeros(6, dtype) for name, dtype in PARTICLE_COLUMNS.items()}
    particles["index"] = np.arange(6, dtype=np.int32)
    particles["mother_index"] = np.array(mothers, dtype=np.int32)
    ends = []
    for particle in range(6):
        for _ in range(6):
            particle = mothers[particle]
        ends.append(mothers[particle] == particle)
    events = Events(particles, np.array([0, 6]))
    if all(ends):
        events.validate()
    else:
        with pytest.raises(InputError, match="cycle"):
            events.validate()


@pytest.mark.parametrize("missing", ["pdg", "energy", "mother_index"])
def test_a_missing_particle_column_is_named(missing):
    particles = dict(make_events([2]).particles)
    del particles[missing]
    with pytest.raises(InputError, match=missing):
        Events(particles, np.array([0, 2]))


def test_columns_of_the_wrong_length_are_refused():
    with pytest.raises(InputError, match="one per event"):
        make_events([2, 3], label=np.zeros(3))
    with pytest.raises(InputError, match="the last offset"):
        Events(make_events([2, 3]).particles, np.array([0, 2]))
    with pytest.raises(InputError, match="never falls"):
        Events(make_events([2]).particles, np.array([0, 3, 2]))


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


def test_numbers_that_integer_columns_cannot_hold_are_refused_at_every_door():
    array = make_events([3]).to_awkward()
    for values in ([211, 2**32 + 211, 22], [211.0, 0.5, 22.0], [211.0, np.nan, 22.0]):
        changed = ak.with_field(array.particles, ak.Array([values]), "pdg")
        with pytest.raises(InputError, match=r"pdg = .*; expected whole numbers of 32 bits"):
            Events.from_awkward(ak.with_field(array, changed, "particles"))


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
