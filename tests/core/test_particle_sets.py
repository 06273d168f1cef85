import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core import parquet
from hepsets.core.errors import InputError
from hepsets.core.events import EventWriter
from hepsets.core.particle_sets import (
    ParticleSets,
    iter_particle_sets,
    read_particle_sets,
    write_particle_sets,
)
from tests.core.test_events import make_events


def make_sets(counts, seed=0):
    rng = np.random.default_rng(seed)
    n = int(np.sum(counts))
    particles = {
        "px": rng.normal(size=n).astype(np.float32),
        "charge": rng.integers(-1, 2, n).astype(np.int8),
        "from_candidate": rng.random(n) < 0.5,
    }
    columns = {"number": np.arange(len(counts)), "label": rng.random(len(counts)) < 0.5}
    return ParticleSets(particles, np.concatenate([[0], np.cumsum(counts)]), columns)


def same(one, other):
    return np.array_equal(one.offsets, other.offsets) and all(
        list(here) == list(there)
        and all(here[name].dtype == there[name].dtype for name in here)
        and all(np.array_equal(here[name], there[name]) for name in here)
        for here, there in ((one.particles, other.particles), (one.columns, other.columns))
    )


counts_of_events = st.lists(st.integers(0, 6), min_size=1, max_size=8)


@given(counts_of_events)
def test_sets_survive_arrow_with_their_types(counts):
    sets = make_sets(counts)
    assert same(ParticleSets.from_arrow(sets.to_arrow()), sets)


@given(counts_of_events, st.data())
def test_any_choice_keeps_events_whole(counts, data):
    sets = make_sets(counts)
    chosen = np.array(data.draw(st.lists(st.integers(0, len(counts) - 1), max_size=10)), dtype=np.int64)
    picked = sets[chosen]
    assert picked.columns["number"].tolist() == chosen.tolist()
    for place, event in enumerate(chosen):
        alone = sets[int(event) : int(event) + 1]
        assert same(picked[place : place + 1], alone)
    mask = np.isin(np.arange(len(sets)), chosen)
    assert same(sets[mask], sets[np.unique(chosen)])


@given(counts_of_events, st.integers(0, 8))
def test_parts_joined_again_are_the_whole(counts, cut):
    sets = make_sets(counts)
    assert same(ParticleSets.concatenate([sets[:cut], sets[cut:]]), sets)


@given(counts_of_events)
def test_objects_and_the_rest_make_up_each_event(counts):
    sets = make_sets(counts)
    keep = sets.particles["from_candidate"]
    inside, outside = sets.select_particles(keep), sets.select_particles(~keep)
    assert inside.particles["from_candidate"].all()
    assert np.array_equal(inside.multiplicity + outside.multiplicity, sets.multiplicity)
    assert np.array_equal(inside.multiplicity, np.bincount(sets.event_of_particle[keep], minlength=len(sets)))


def test_a_file_gives_the_sets_back_row_group_by_row_group(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROW_GROUP_EVENTS", 4)
    sets = make_sets([3, 0, 2, 5, 1, 4, 2, 0, 1, 6])
    path = tmp_path / "sets.parquet"
    write_particle_sets(sets, path, metadata={"seed": "3"})
    assert same(read_particle_sets(path), sets)
    assert [len(part) for part in iter_particle_sets(path)] == [4, 4, 2]
    assert same(read_particle_sets(path, row_groups=[1]), sets[4:8])
    assert parquet.open_parquet(path).schema_arrow.metadata[b"seed"] == b"3"


def test_new_columns_replace_old_ones_and_leave_the_table_alone():
    sets = make_sets([1, 2])
    changed = sets.with_columns(number=np.array([7, 8]), more=np.array([0.5, 1.5]))
    assert changed.columns["number"].tolist() == [7, 8]
    assert sets.columns["number"].tolist() == [0, 1]
    assert "more" not in sets.columns


@pytest.mark.parametrize(
    ("particles", "offsets", "columns", "message"),
    [
        ({}, [0], {}, "no particle columns"),
        ({"px": np.zeros(2)}, [0, 3], {}, "'px' of shape"),
        ({"px": np.zeros((2, 2))}, [0, 2], {}, "'px' of shape"),
        ({"px": np.zeros(2)}, [1, 2], {}, "do not rise from 0"),
        ({"px": np.zeros(2)}, [0, 2], {"label": np.zeros(2)}, "'label' of shape"),
        ({"px": np.zeros(2)}, [0, 2], {"label": np.float64(1)}, "'label' of shape"),
        ({"px": np.array(["a", "b"])}, [0, 2], {}, "'px' of type"),
        ({"px": np.zeros(2)}, [0, 2], {"particles": np.zeros(1)}, "called 'particles'"),
    ],
)
def test_what_does_not_fit_is_refused(particles, offsets, columns, message):
    with pytest.raises(InputError, match=message):
        ParticleSets(particles, offsets, columns)


def test_values_that_are_no_numbers_are_refused_at_the_door():
    with pytest.raises(InputError, match="px = nan in event 1"):
        ParticleSets({"px": np.array([1.0, np.nan])}, [0, 1, 2]).validate()
    with pytest.raises(InputError, match="weight = inf in event 0"):
        ParticleSets({"px": np.zeros(1)}, [0, 1], {"weight": np.array([np.inf])}).validate()
    with pytest.raises(InputError, match="no events"):
        ParticleSets({"px": np.zeros(0)}, [0]).validate()


def test_parts_with_unlike_columns_are_not_joined():
    one, other = make_sets([1]), make_sets([2]).with_columns(more=np.zeros(1))
    with pytest.raises(InputError, match="event columns"):
        ParticleSets.concatenate([one, other])
    with pytest.raises(InputError, match="particle columns"):
        ParticleSets.concatenate([ParticleSets({"px": np.zeros(1)}, [0, 1]), one])
    with pytest.raises(InputError, match="nothing"):
        ParticleSets.concatenate([])


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "file.parquet"
    with pytest.raises(InputError, match="no file"):
        read_particle_sets(path)
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(InputError, match="cannot be read as parquet"):
        read_particle_sets(path)
    with_text = pa.table({"particles": [[{"px": "one"}]]})
    with pytest.raises(InputError, match=r"table: particle column 'px'"):
        ParticleSets.from_arrow(with_text)
    with pytest.raises(InputError, match="nulls"):
        ParticleSets.from_arrow(pa.table({"particles": [[{"px": None}, {"px": 1.0}]]}))


def test_a_file_of_generated_events_can_be_read_as_sets(tmp_path):
    path = tmp_path / "events.parquet"
    events = make_events([2, 3])
    with EventWriter(path) as writer:
        writer.write(events)
    assert np.array_equal(read_particle_sets(path).particles["px"], events.particles["px"])
