"""The public names about events give what the stages below give."""

from __future__ import annotations

import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.fcc_files import plain_columns, write_columns
from helpers.hepmc_text import hepmc_text

import hepsets as hs
from hepsets.generate.pythia import event_type
from hepsets.select.candidates.combine import combine
from hepsets.select.candidates.rest_of_event import candidate_events
from hepsets.select.skims.registry import BATCH_EVENTS, run_skims
from hepsets.select.variables.continuum import VARIABLES
from hepsets.select.variables.own_frames import OWN_VARIABLES


@pytest.fixture(scope="module")
def events():
    return hs.generate("mixed", BATCH_EVENTS + 100, seed=5)


@pytest.fixture(scope="module")
def seen(events):
    return hs.simulate(events, seed=3)


def test_events_are_told_what_they_are(events):
    assert set(events.columns["event_type"]) == {event_type("mixed")}


def test_decays_at_several_delta_c9_are_independent():
    decays = hs.generate("kstmumu", 50, delta_c9=[-0.8, 0.3], seed=2, window="1-19")
    assert decays["delta_c9"].tolist() == [-0.8] * 50 + [0.3] * 50
    assert len(np.unique(decays["q_squared"])) == 100
    assert decays["q_squared"].min() > 1


@pytest.mark.parametrize("name", ["hadronic_b0", "fast_charm"])
def test_a_skim_passes_the_events_that_the_command_labels(events, seen, name):
    expected = run_skims(events, [name], seed=3, event_numbers=np.arange(len(events)))[name]
    assert expected.any()
    assert np.array_equal(hs.skim(seen, name), expected)


def test_event_numbers_and_trials_reach_the_detector(events):
    numbers = np.arange(len(events)) + 1000
    expected = run_skims(events, ["fast_charm"], seed=3, event_numbers=numbers, trial=2)["fast_charm"]
    seen = hs.simulate(events, seed=3, event_numbers=numbers, trial=2)
    assert np.array_equal(hs.skim(seen, "fast_charm", event_numbers=numbers), expected)


def test_candidates_are_the_best_of_each_event_with_the_variables(seen):
    numbers = np.arange(len(seen))
    at_once = candidate_events(combine(seen, event_numbers=numbers), numbers)
    found = hs.candidates(seen)
    assert len(found) == len(at_once) > 3
    for name, column in at_once.columns.items():
        assert np.array_equal(found.columns[name], column), name
    assert {*VARIABLES, *OWN_VARIABLES} <= set(found.columns)


def test_what_was_written_is_read_as_what_it_was_under_any_name(events, seen, tmp_path):
    for kind in (events, hs.candidates(seen), hs.generate("kstmumu", 9)):
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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda seen: hs.generate("mixt", 5), "mixt"),
        (lambda seen: hs.generate("mixed", 0), "0 events"),
        (lambda seen: hs.generate("mixed", 5, seed=-1), "seed -1"),
        (lambda seen: hs.generate("zbb", 5, workers=0), "0 workers"),
        (lambda seen: hs.write(5, "five.parquet"), "a int to write"),
        (lambda seen: hs.generate("mixed", 5, delta_c9=1.0), "delta_c9 or window for the sample 'mixed'"),
        (lambda seen: hs.generate("kstmumu", 5, delta_c9=[]), "no ΔC9"),
        (lambda seen: hs.generate("kstmumu", 5, window="3-4"), "window '3-4'"),
        (lambda seen: hs.read("nothing.parquet"), "no file nothing.parquet"),
        (lambda seen: hs.simulate(seen.events, "bell2"), "did you mean 'belle2'"),
        (lambda seen: hs.skim(hs.simulate(seen.events, "idea"), "jpsi"), "ParticleSets for a skim"),
        (lambda seen: hs.candidates(hs.simulate(seen.events, "idea")), "ParticleSets for a skim"),
        (lambda seen: hs.skim(seen, "jpsy"), "did you mean 'jpsi'"),
        (lambda seen: hs.skim(seen, "jpsi", event_numbers=np.arange(3)), "event numbers of shape"),
        (lambda seen: hs.candidates(hs.simulate(hs.generate("ddbar", 1, seed=1))), "no B candidate"),
    ],
)
def test_what_cannot_be_meant_is_refused(seen, call, message):
    with pytest.raises(hs.InputError, match=message.replace("(", r"\(")):
        call(seen)


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
