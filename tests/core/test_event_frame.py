import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame, read_frame
from hepsets.formats.flat_table import tables_of


@pytest.fixture
def frame() -> EventFrame:
    return EventFrame(
        {
            "q_squared": np.array([1.0, 2.5, np.nan]),
            "flavour": np.array([1, -1, 1], dtype=np.int8),
            "is_signal": np.array([True, False, True]),
        }
    )


def same(one: EventFrame, other: EventFrame) -> bool:
    return list(one.columns) == list(other.columns) and all(
        np.array_equal(one[name], other[name], equal_nan=one[name].dtype.kind == "f") for name in one.columns
    )


def test_events_are_chosen_by_number_slice_and_mask(frame: EventFrame) -> None:
    assert frame[1]["flavour"].tolist() == [-1]
    assert frame[1:]["flavour"].tolist() == [-1, 1]
    assert frame[frame["is_signal"]]["flavour"].tolist() == [1, 1]
    assert same(frame[np.array([0, 1, 2])], frame)


def test_columns_are_added_and_chosen(frame: EventFrame) -> None:
    more = frame.with_columns(chi=np.arange(3.0))
    assert "chi" in more
    assert "chi" not in frame
    assert list(more.select_columns(["chi", "q_squared"]).columns) == ["chi", "q_squared"]


def test_parts_join_to_the_whole(frame: EventFrame) -> None:
    assert same(EventFrame.concatenate([frame[:1], frame[1:]]), frame)
    with pytest.raises(InputError, match="as in the first table"):
        EventFrame.concatenate([frame, frame.select_columns(["flavour"])])


@pytest.mark.parametrize(
    "columns",
    [{}, {"a": np.zeros(2), "b": np.zeros(3)}, {"a": np.zeros((2, 2))}, {"a": np.array(["x"])}],
    ids=["none", "lengths", "two dimensions", "text"],
)
def test_other_tables_are_refused(columns: dict[str, np.ndarray]) -> None:
    with pytest.raises(InputError):
        EventFrame(columns)


def test_unknown_column_names_those_there_are(frame: EventFrame) -> None:
    with pytest.raises(InputError, match="no column 'chi' among q_squared, flavour"):
        frame["chi"]


def test_parquet_gives_back_what_was_written(frame: EventFrame, tmp_path) -> None:
    path = tmp_path / "events.parquet"
    frame.write_parquet(path, metadata={"made": "here"})
    back = read_frame(path)
    assert same(back, frame)
    assert back["flavour"].dtype == np.int8
    assert list(read_frame(path, ["is_signal"]).columns) == ["is_signal"]


def test_csv_keeps_nan_and_refuses_empty_cells(tmp_path) -> None:
    path = tmp_path / "events.csv"
    path.write_text("chi,flavour\n0.5,1\nnan,-1\n")
    frame = read_frame(path, ["flavour", "chi"])
    assert np.isnan(frame["chi"][1])
    assert frame["flavour"].tolist() == [1, -1]
    path.write_text("chi,flavour\n0.5,1\n,-1\n")
    with pytest.raises(InputError, match=r"column 'chi' holds '' in row 2; .*; write nan for no value"):
        read_frame(path)
    path.write_text("chi,flavour\n0.5,1\nnan,foo\n0.1,\n")
    with pytest.raises(InputError, match="column 'flavour' holds 'foo' in row 2; expected numbers"):
        read_frame(path)
    assert len(read_frame(path, ["chi"])) == 3


def test_pickle_is_not_read_unless_trusted(tmp_path) -> None:
    path = tmp_path / "events.pkl"
    path.write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")
    with pytest.raises(InputError, match="--trust-pickle"):
        read_frame(path)


def test_pickled_data_frame_is_read_when_trusted(frame: EventFrame, tmp_path) -> None:
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "events.pkl"
    pandas.DataFrame(dict(frame.columns)).to_pickle(path)
    assert same(read_frame(path, trust_pickle=True), frame)
    pandas.Series([1.0]).to_pickle(path)
    with pytest.raises(InputError, match="a pandas data frame"):
        read_frame(path, trust_pickle=True)


@pytest.mark.parametrize("name", ["events.parquet", "events.csv"])
def test_unusable_files_say_what_is_wrong(name: str, frame: EventFrame, tmp_path) -> None:
    path = tmp_path / name
    with pytest.raises(InputError, match="no file"):
        read_frame(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match="cannot be read"):
        read_frame(path)
    if name.endswith("csv"):
        path.write_text("chi,flavour\n")
    else:
        frame[:0].write_parquet(path)
    with pytest.raises(InputError, match="no events"):
        read_frame(path)
    with pytest.raises(InputError, match="no column costheta_K"):
        read_frame(path, ["costheta_K"])
    with pytest.raises(InputError, match=r"\.parquet, \.csv, \.pkl"):
        read_frame(tmp_path / "events.txt")


def test_a_header_that_is_no_utf_8_is_damage(tmp_path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"chi,mb\x92c\n0.1,5.28\n")
    for read in (read_frame, tables_of):
        with pytest.raises(InputError, match=r"cannot be read \(its header is no UTF-8\)"):
            read(path)


@pytest.mark.parametrize("name", ["events.parquet", "events.csv"])
def test_only_what_is_asked_for_is_looked_at(name: str, tmp_path) -> None:
    path = tmp_path / name
    table = pa.table({"chi": [0.1, 0.2], "mbc": [5.28, 5.27], "note": ["a", "b"]})
    if name.endswith("csv"):
        pa.csv.write_csv(table, path)
    else:
        pq.write_table(table, path)
    assert list(read_frame(path, ["chi"], optional=["mbc", "delta_e"]).columns) == ["chi", "mbc"]
    with pytest.raises(InputError, match="column 'note'"):
        read_frame(path)
    with pytest.raises(InputError, match=r"chi, mbc, note.*call it so"):
        read_frame(path, ["costheta_K"], remedy="call it so")


def test_nulls_and_empty_cells_are_nan_where_that_is_wanted(tmp_path) -> None:
    parquet, csv = tmp_path / "e.parquet", tmp_path / "e.csv"
    columns = {"m": [5.3, None], "n": pa.array([None, 2]), "none": pa.nulls(2), "is": [True, None]}
    pq.write_table(pa.table(columns), parquet)
    csv.write_text("m,n,none,is\n5.3,,,1\n,2,,\n")
    for path in (parquet, csv):
        frame = read_frame(path, nulls_as_nan=True)
        found = np.array([frame[name] for name in columns], dtype=float)
        assert np.array_equal(found, [[5.3, np.nan], [np.nan, 2], [np.nan] * 2, [1, np.nan]], equal_nan=True)
        with pytest.raises(InputError):
            read_frame(path)
    csv.write_text("m\n\n5.3\noops\n")
    with pytest.raises(InputError, match="holds 'oops'"):
        read_frame(csv, nulls_as_nan=True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"m;w\n5.3;1\n", "semicolons between its columns; expected commas"),
        (b"m;w\n5,3;1\n", "semicolons"),
        (b"m\tw\n5.3\t1\n", "tabs"),
        ("Zerfälle,w\n5.3,1\n".encode("latin-1"), "its header is no UTF-8"),
        ("m,w\n5.3,1\n".encode("utf-16"), "no UTF-8"),
    ],
)
def test_other_separators_and_encodings_are_named(tmp_path, content, said) -> None:
    (tmp_path / "e.csv").write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_frame(tmp_path / "e.csv")
