"""The commands that make events."""

import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
from helpers.command import hepsets
from helpers.hepmc_text import assert_same, parsed

from hepsets.core.events import read_parquet, write_parquet
from hepsets.generate.pythia import generate_block


def test_generated_files_do_not_depend_on_the_number_of_workers(monkeypatch, capsys, tmp_path):
    contents = []
    for workers in (1, 2):
        path = tmp_path / f"{workers}.parquet"
        code, out, err = hepsets(
            monkeypatch, capsys, "generate", "mixed", "--events", 5200, "--out", path, "--workers", workers
        )
        assert code == 0, err
        assert "5200 mixed events" in out
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]
    events = read_parquet(tmp_path / "1.parquet")
    assert len(events) == 5200
    assert (events.columns["event_type"] == 1).all()


def test_simulate_adds_one_label_per_skim_and_writes_the_candidates(monkeypatch, capsys, tmp_path):
    events, out_file, candidates = (tmp_path / f"{name}.parquet" for name in ("events", "out", "candidates"))
    write_parquet(generate_block("mixed", 5, 0, 300), events)
    code, out, err = hepsets(
        monkeypatch, capsys, "simulate", events, "--out", out_file, "--candidates", candidates,
        "--skim", "hadronic_b0", "--skim", "hadronic_bplus",
    )  # fmt: skip
    assert code == 0, err
    assert "hadronic_b0: retention" in out
    labelled = read_parquet(out_file)
    found = pq.read_table(candidates)
    assert {"skim", "event_number", "mbc", "delta_e", "signal_probability", "is_correct"} <= set(
        found.column_names
    )
    for skim in ("hadronic_b0", "hadronic_bplus"):
        numbers = found.filter(np.array(found["skim"].to_pylist()) == skim)["event_number"].to_numpy()
        assert np.array_equal(np.unique(numbers), np.flatnonzero(labelled.columns[f"label_{skim}"]))
    assert np.array_equal(labelled.columns["label"], labelled.columns["label_hadronic_b0"])


def test_a_seed_that_kernels_cannot_hold_is_refused(monkeypatch, capsys, tmp_path):
    out = tmp_path / "x.parquet"
    code, _, err = hepsets(
        monkeypatch, capsys, "generate", "mixed", "--events", 1, "--out", out, "--seed", 2**63
    )
    assert code == 2
    assert "--seed" in err


def test_a_terminated_command_leaves_no_file_and_no_worker(tmp_path):
    program = "from hepsets.cli.main import main; main()"
    options = ["generate", "mixed", "--events", "1000000", "--workers", "2", "--out", tmp_path / "x.parquet"]
    command = subprocess.Popen([sys.executable, "-c", program, *options], stdout=subprocess.PIPE)
    while not any(file.stat().st_size for file in tmp_path.iterdir()):  # until the first events are there
        assert command.poll() is None
        time.sleep(0.1)
    command.terminate()
    assert command.communicate(timeout=20) == (b"", None)  # the last worker has closed the pipe
    assert command.returncode == 128 + signal.SIGTERM
    assert not list(tmp_path.iterdir())


def test_an_input_is_never_overwritten_by_its_own_output(monkeypatch, capsys, tmp_path):
    events = tmp_path / "events.parquet"
    write_parquet(generate_block("mixed", 5, 0, 20), events)
    before = events.read_bytes()
    code, _, err = hepsets(monkeypatch, capsys, "simulate", events, "--out", events)
    assert code == 2
    assert "is also the input" in err
    assert events.read_bytes() == before


def test_simulate_with_a_layered_detector_writes_what_it_sees_and_takes_no_skim(
    monkeypatch, capsys, tmp_path
):
    events, seen = tmp_path / "z.parquet", tmp_path / "seen.parquet"
    code, out, _ = hepsets(monkeypatch, capsys, "generate", "zbb", "--events", 20, "--out", events)
    assert (code, "20 zbb events" in out) == (0, True)
    code, out, _ = hepsets(monkeypatch, capsys, "simulate", events, "--detector", "idea", "--out", seen)
    assert (code, "20 events seen" in out) == (0, True)
    code, _, err = hepsets(
        monkeypatch, capsys, "simulate", events, "--detector", "idea", "--skim", "jpsi", "--out", seen
    )
    assert (code, "--skim for the detector idea" in err) == (2, True)


def test_events_are_generated_as_hepmc3_too(monkeypatch, capsys, tmp_path):
    parquet, listing = tmp_path / "e.parquet", tmp_path / "e.hepmc"
    for out in (parquet, listing):
        assert hepsets(monkeypatch, capsys, "generate", "mixed", "--events", 20, "--out", out)[0] == 0
    found, _ = parsed(listing.read_bytes())
    assert_same(found, read_parquet(parquet))
    code, _, err = hepsets(monkeypatch, capsys, "generate", "kstmumu", "--events", 5, "--out", listing)
    assert code == 2
    assert "ends in .parquet" in err
