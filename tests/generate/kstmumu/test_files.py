import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers.command import hepsets

from hepsets.core.errors import InputError
from hepsets.core.event_frame import read_frame
from hepsets.generate.kstmumu import files as kstmumu_file
from hepsets.generate.kstmumu.density import TEST_VALUES, VARIABLES, WINDOWS


def test_a_file_holds_independent_decays_of_every_value(tmp_path) -> None:
    path = tmp_path / "decays.parquet"
    kstmumu_file.write_decays(path, (-0.8, 0.0, -0.8), 400, 3, WINDOWS["1-19"])
    frame = read_frame(path)
    assert list(frame.columns) == [*VARIABLES, "flavour", "delta_c9"]
    assert frame["delta_c9"].tolist() == [-0.8] * 400 + [0.0] * 400 + [-0.8] * 400
    assert len(np.unique(frame["chi"])) == 1200
    assert WINDOWS["1-19"].contains(frame["q_squared"]).all()
    assert pq.read_schema(path).metadata[b"hepsets.delta_c9"] == b"-0.8, 0, -0.8"


def test_a_file_does_not_depend_on_its_row_groups(tmp_path, monkeypatch) -> None:
    whole, parts = tmp_path / "whole.parquet", tmp_path / "parts.parquet"
    kstmumu_file.write_decays(whole, (0.0, 0.5), 250, 1, WINDOWS["0-20"])
    monkeypatch.setattr(kstmumu_file, "GROUP_ROWS", 100)
    kstmumu_file.write_decays(parts, (0.0, 0.5), 250, 1, WINDOWS["0-20"])
    assert pq.ParquetFile(parts).num_row_groups == 5
    assert np.array_equal(read_frame(whole)["chi"], read_frame(parts)["chi"])


def test_an_error_leaves_no_file(tmp_path) -> None:
    with pytest.raises(InputError):
        kstmumu_file.write_decays(tmp_path / "decays.parquet", (0.0, 99.0), 10, 1, WINDOWS["0-20"])
    with pytest.raises(InputError):
        kstmumu_file.write_decays(tmp_path / "decays.parquet", (), 10, 1, WINDOWS["0-20"])
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_decays(monkeypatch, capsys, tmp_path) -> None:
    path = tmp_path / "decays.parquet"
    code, out, err = hepsets(
        monkeypatch, capsys, "generate", "kstmumu", "--delta-c9", "-0.8,0", "--delta-c9", "test",
        "--events", 50, "--window", "1-19-nonresonant", "--out", path,
    )  # fmt: skip
    assert code == 0, err
    assert "800 kstmumu events" in out
    frame = read_frame(path)
    assert set(frame["delta_c9"]) == {-0.8, 0.0, *TEST_VALUES}
    assert WINDOWS["1-19-nonresonant"].contains(frame["q_squared"]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["kstmumu", "--delta-c9", "many"], "expected a number, train or test"),
        (["kstmumu", "--window", "2-3"], "expected one of 0-20, 1-19"),
        (["mixed", "--delta-c9", "0"], "--delta-c9 for the sample mixed; expected no --delta-c9"),
    ],
)
def test_the_command_refuses_bad_options(
    monkeypatch, capsys, tmp_path, arguments: list[str], message: str
) -> None:
    path = tmp_path / "decays.parquet"
    code, _, err = hepsets(monkeypatch, capsys, "generate", *arguments, "--events", 5, "--out", path)
    assert code == 2
    assert message in err
    assert not path.exists()
