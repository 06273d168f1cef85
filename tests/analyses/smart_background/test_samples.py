"""Users' own files as training and test events."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.random_events import random_events, shuffled

from hepsets.analyses.smart_background.config import Config, DataConfig
from hepsets.analyses.smart_background.samples import get_samples, get_training_events
from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose

N = 60
LABEL = np.arange(N) % 3 == 0
TABLE = random_events(N, seed=1).with_columns(label=LABEL).to_arrow()
TEST_TABLE = random_events(N, seed=2).with_columns(label=LABEL).to_arrow()


def samples_of(folder, *tables):
    """Samples of one training file per table and a plain test file."""
    for number, table in enumerate((TEST_TABLE, *tables)):
        pq.write_table(table, folder / f"{number}.parquet")
    train = tuple(str(folder / f"{number + 1}.parquet") for number in range(len(tables)))
    config = Config(data=DataConfig(train=train, test=(str(folder / "0.parquet"),)))
    return get_samples(config, folder / "events")


@pytest.mark.parametrize(
    "values", [LABEL, LABEL.astype(np.int64), LABEL.astype(np.uint8), LABEL.astype(np.float32)]
)
def test_labels_may_be_of_any_type_that_holds_0_and_1(tmp_path, values):
    found = samples_of(tmp_path, TABLE.set_column(1, "label", pa.array(values)))
    assert np.array_equal(found.train.columns["label"], LABEL)
    assert np.average(LABEL, weights=found.train.columns["weight"]) == pytest.approx(0.05)


def test_columns_that_the_analysis_does_not_know_may_hold_anything(tmp_path):
    strange = {
        "nulls": pa.array([None] * N, pa.float64()),
        "ragged": pa.array([[1.0] * (i % 3) for i in range(N)]),
        "text": pa.array(["a"] * N),
        "passes": pa.array(np.full(N, 8)),  # of how many trials, nobody knows
    }
    table = TABLE
    for name, column in strange.items():
        table = table.append_column(name, column)
    assert set(samples_of(tmp_path, table).train.columns) == {"label", "weight", "event_number"}


@pytest.mark.parametrize(
    ("name", "column", "message"),
    [
        ("label", [str(int(x)) for x in LABEL], "'label' has type object"),
        ("label", [[bool(x)] for x in LABEL], r"'label' has type bool and shape \(60, 1\)"),
        ("label", [float(x) / 2 for x in LABEL], "a label of 0.5"),
        ("label", [np.nan, *LABEL[1:].astype(float)], "a label of nan"),
        ("label", [True] * N, "label 1 for every event"),
        ("weight", ["1"] * N, "'weight' has type object"),
        ("weight", [[1.0, 2.0]] * N, "'weight' has type float64 and shape"),
        ("weight", [-1.0, *[1.0] * (N - 1)], "a weight that is not positive"),
        ("weight", [np.nan, *[1.0] * (N - 1)], "a weight that is not positive"),
        ("mbc", ["5.28"] * N, "'mbc' has type object"),
    ],
)
def test_a_column_that_cannot_be_used_is_refused(tmp_path, name, column, message):
    table = TABLE if name != "label" else TABLE.drop_columns(["label"])
    with pytest.raises(InputError, match=message):
        samples_of(tmp_path, table.append_column(name, pa.array(column)))


def test_weights_in_one_file_of_two_are_refused(tmp_path):
    with pytest.raises(InputError, match="has no weights"):
        samples_of(tmp_path, TABLE, TABLE.append_column("weight", pa.array(np.ones(N))))


def test_a_handful_of_events_of_one_class_is_refused_before_anything_is_trained(tmp_path):
    few = TABLE.slice(0, 30)
    with pytest.raises(InputError, match="10 events of one class"):
        samples_of(tmp_path, few)


def test_events_that_are_in_training_and_test_files_are_refused_however_they_were_written(tmp_path):
    """Copied to another file, in another order, compressed otherwise, with particles renumbered."""
    events = random_events(3 * N, seed=3)
    label = np.arange(3 * N) % 3 == 0
    train, test = events[: 2 * N], events[2 * N - 1 :]  # one event is in both
    order = np.random.default_rng(1).permutation(len(test))
    for table, name, compression in (
        (train.with_columns(label=label[: 2 * N]), "a", "zstd"),
        (shuffled(test[order]).with_columns(label=label[2 * N - 1 :][order]), "b", "none"),
    ):
        pq.write_table(table.to_arrow(), tmp_path / f"{name}.parquet", compression=compression)
    paths = {"train": (str(tmp_path / "a.parquet"),), "test": (str(tmp_path / "b.parquet"),)}
    with pytest.raises(InputError, match=r"1 of 61 events of .*b\.parquet are in .*a\.parquet too"):
        get_samples(Config(data=DataConfig(**paths)), tmp_path / "events")


def test_training_events_that_stand_twice_are_told(tmp_path, caplog):
    with caplog.at_level("WARNING"):
        samples_of(tmp_path, TABLE, TABLE.slice(0, 40))
    assert "40 training events stand in the files twice" in caplog.text


def test_one_file_is_split_by_event_and_keeps_weights_and_rows(tmp_path):
    events = random_events(400, seed=5)
    label = np.arange(400) % 2 == 0
    twice = np.concatenate([np.arange(400), np.arange(30)])  # some events stand twice: on one side
    mine = events.with_columns(label=label, weight=1.0 + np.arange(400))[twice]
    pq.write_table(mine.to_arrow(), tmp_path / "mine.parquet")
    config = Config(data=DataConfig(train=(str(tmp_path / "mine.parquet"),)), seed=3)
    found = get_samples(config, tmp_path / "events")
    train, test = (part.columns for part in (found.train, found.test))
    rows = np.concatenate([train["event_number"], test["event_number"]])
    assert sorted(rows.tolist()) == list(range(430))
    assert not set(twice[train["event_number"]]) & set(twice[test["event_number"]])
    assert np.array_equal(test["weight"], 1.0 + twice[test["event_number"]])
    assert 0.2 < len(found.test) / 430 < 0.4
    assert found.test.purpose is Purpose.TEST
    alone = get_training_events(config, tmp_path / "events")  # what tuning sees holds no test event
    assert np.array_equal(alone.columns["event_number"], train["event_number"])


def test_a_file_that_is_too_small_to_be_split_is_refused(tmp_path):
    pq.write_table(TABLE, tmp_path / "mine.parquet")
    with pytest.raises(InputError, match="files of their own"):
        get_samples(Config(data=DataConfig(train=(str(tmp_path / "mine.parquet"),))), tmp_path / "events")
