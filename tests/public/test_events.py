"""The public names about events in files give what the stages below give."""

from __future__ import annotations

import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.fcc_files import plain_columns, write_columns
from helpers.hepmc_text import hepmc_text

import hepsets as hs


@pytest.fixture(scope="module")
def events():
    return hs.generate("mixed", 100, seed=3)


def test_what_was_written_is_read_as_what_it_was_under_any_name(events, tmp_path):
    for kind in (events, hs.candidates(hs.simulate(events, seed=3)), hs.generate("kstmumu", 9)):
        hs.write(kind, tmp_path / "file")
        found = hs.read(tmp_path / "file")
        assert type(found) is type(kind)
        assert len(found) == len(kind)
        assert set(found.columns) == set(kind.columns)


@pytest.mark.parametrize("suffix", [".root", ".parquet"])
def test_z_decays_with_vertices_go_to_files_of_courses_and_of_ours(tmp_path, suffix):
    events = hs.read(write_columns(tmp_path / f"Zbb{suffix}", plain_columns()))
    assert events.columns["flavour"].tolist() == [5] * 4
    for name in ("ours.parquet", "Zbb_again.root"):
        hs.write(events, tmp_path / name)
        again = hs.read(tmp_path / name)
        assert again.vertices.particles["z"].tolist() == events.vertices.particles["z"].tolist()
        assert set(again.columns) == set(events.columns)


def test_csv_and_compressed_hepmc_are_known_by_their_content(events, tmp_path):
    (tmp_path / "decays").write_text("q_squared,chi\n1.0,0.5\n2.0,0.25\n")
    assert hs.read(tmp_path / "decays")["chi"].tolist() == [0.5, 0.25]
    (tmp_path / "events").write_bytes(gzip.compress(hepmc_text(events[:2])))
    assert hs.read(tmp_path / "events").columns["event_number"].tolist() == [0, 1]


def test_lists_of_numbers_are_no_particles(tmp_path):
    pq.write_table(pa.table({"particles": [[1, 2], [3]]}), tmp_path / "lists.parquet")
    with pytest.raises(hs.InputError, match="'particles' has type list"):
        hs.read(tmp_path / "lists.parquet")


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(hs.InputError, match="a int to write"):
        hs.write(5, "five.parquet")
    with pytest.raises(hs.InputError, match=r"no file nothing\.parquet"):
        hs.read("nothing.parquet")


def test_what_a_reader_masked_is_warned_of_and_told_when_it_is_asked_for(tmp_path, caplog):
    columns = plain_columns()
    columns["Thrust_xerr"] = np.array([np.nan, 0.5, np.inf, 3.0])
    path = write_columns(tmp_path / "Zbb.root", columns)
    told = hs.read(path, counted=True)
    assert told.counts.masked["thrust errors that are no numbers"] == 2
    assert told.counts.kept["particles that belong to no vertex"] == 3
    assert caplog.text == ""
    assert len(hs.read(path)) == len(told.events) == 4
    assert f"{path}: masked: 2 thrust errors that are no numbers" in caplog.text
    hs.write(told.events, tmp_path / "ours.parquet")
    assert hs.read(tmp_path / "ours.parquet", counted=True).counts.lines() == [
        "4 events with 10 particles and 6 vertices"
    ]
    hs.write(hs.generate("kstmumu", 5), tmp_path / "decays.parquet")
    with pytest.raises(hs.InputError, match="to be read and counted; expected particles with their vertices"):
        hs.read(tmp_path / "decays.parquet", counted=True)
