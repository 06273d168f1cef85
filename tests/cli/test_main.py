import json
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers.command import hepsets

from hepsets.core.events import Events, read_parquet, write_parquet
from hepsets.generate.pythia import generate_block


@pytest.fixture(scope="module")
def labelled():
    """Two small labelled event tables, for training and testing."""
    events = generate_block("mixed", 5, 0, 240)
    label = np.arange(240) % 2 == 0
    events = events.with_columns(label=label)
    return events[:120], events[120:]


@pytest.fixture
def files(labelled, tmp_path):
    paths = tmp_path / "train.parquet", tmp_path / "test.parquet"
    for events, path in zip(labelled, paths, strict=True):
        write_parquet(events, path)
    return paths


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


def test_list_names_everything_that_can_be_run(monkeypatch, capsys):
    code, out, _ = hepsets(monkeypatch, capsys, "list")
    assert code == 0
    for name in ("smart-background", "mixed", "ccbar", "hadronic_bplus", "gcn_stack", "decay_sweep"):
        assert name in out


def bad_files(folder, labelled):
    """Names of broken files and what the message must say of each."""
    train, _ = labelled
    particles = {name: column.copy() for name, column in train.particles.items()}

    def write(name, events):
        write_parquet(events, folder / name)

    write("one_class.parquet", train.with_columns(label=np.ones(len(train), bool)))
    write("no_label.parquet", Events(train.particles, train.offsets))
    write("strange_label.parquet", train.with_columns(label=np.arange(len(train))))
    particles["px"][7] = np.nan
    write("nan.parquet", Events(particles, train.offsets, train.columns))
    particles["px"][7] = 0
    particles["mother_index"][5] = 999
    write("lost_mother.parquet", Events(particles, train.offsets, train.columns))
    particles["mother_index"][[1, 2]] = [2, 1]
    particles["mother_index"][5] = 0
    write("cycle.parquet", Events(particles, train.offsets, train.columns))
    hollow = {"label": np.arange(len(train) + 1) % 2 == 0}
    write("empty.parquet", Events(train.particles, np.insert(train.offsets, 3, train.offsets[3]), hollow))
    whole = (folder / "one_class.parquet").read_bytes()
    (folder / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    (folder / "text.parquet").write_text("not parquet")
    table = train.to_arrow()
    pq.write_table(table.slice(0, 0), folder / "none.parquet")
    pq.write_table(table.drop_columns(["particles"]), folder / "columns.parquet")
    return {
        "one_class.parquet": "every event",
        "no_label.parquet": "'label'",
        "strange_label.parquet": "0 (fails) or 1 (passes)",
        "nan.parquet": "px = nan",
        "lost_mother.parquet": "points nowhere",
        "cycle.parquet": "cycle",
        "empty.parquet": "has no particles",
        "cut.parquet": "cannot be read as parquet",
        "text.parquet": "cannot be read as parquet",
        "none.parquet": "no events",
        "columns.parquet": "a column 'particles'",
        "missing.parquet": "no file",
    }


def test_a_bad_file_gives_one_line_exit_code_2_and_leaves_nothing(
    monkeypatch, capsys, tmp_path, labelled, files
):
    broken = tmp_path / "broken"
    broken.mkdir()
    for name, message in bad_files(broken, labelled).items():
        code, out, err = hepsets(
            monkeypatch, capsys, "run", "smart-background", "--scale", "quick",
            "--data", broken / name, "--test-data", files[1], "--out", tmp_path / "run",
        )  # fmt: skip
        assert code == 2, name
        assert message in err, name
        assert err.count("\n") == 1, name
        assert "Traceback" not in err + out
        assert not list(tmp_path.glob("run*")), name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "no-such-analysis"], "no analysis 'no-such-analysis'"),
        (["run", "smart-background", "--set", "fit.epoch=3"], "did you mean 'epochs'"),
        (["run", "smart-background", "--set", "models=['gcn']"], "no model 'gcn'"),
        (["run", "smart-background", "--set", "data.skim=no_skim"], "no skim"),
        (["run", "smart-background", "--set", "data.sample=no_sample"], "mixed"),
        (["run", "smart-background", "--data", "a.parquet"], "--test-data"),
        (["run", "smart-background", "--out", "/dev/null/run"], "cannot be made"),
        (["generate", "muons", "--events", "5", "--out", "x.parquet"], "mixed"),
        (["generate", "mixed", "--events", "5", "--out", "no/such/folder/x.parquet"], "no folder"),
        (["generate", "mixed", "--events", "5", "--out", "."], "is a folder"),
        (["simulate", "no.parquet", "--out", "x.parquet"], "no file"),
        (["tune", "smart-background", "--trials", "1", "--model", "gcn"], "no model 'gcn'"),
    ],
)
def test_a_bad_option_gives_one_line_and_exit_code_2(monkeypatch, capsys, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = hepsets(monkeypatch, capsys, *arguments)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


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


def test_an_input_is_never_overwritten_by_its_own_output(monkeypatch, capsys, files):
    before = files[0].read_bytes()
    code, _, err = hepsets(monkeypatch, capsys, "simulate", files[0], "--out", files[0])
    assert code == 2
    assert "is also the input" in err
    assert files[0].read_bytes() == before


def test_the_users_own_files_give_the_same_page(monkeypatch, capsys, tmp_path, files):
    strange = read_parquet(files[1])
    strange.particles["pdg"][-3:] = 9_900_441  # no such particle in training
    write_parquet(strange, files[1])
    code, out, err = hepsets(
        monkeypatch, capsys, "run", "smart-background", "--scale", "quick", "--out", tmp_path / "run",
        "--data", files[0], "--test-data", files[1], "--set", "fit.epochs=1",
        "--set", "models=['deep_sets_pdg', 'gcn_stack']",
    )  # fmt: skip
    assert code == 0, err
    assert "report.html" in out
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert [model["name"] for model in result["metrics"]["models"]] == ["deep_sets_pdg", "gcn_stack"]
    assert result["metrics"]["retention"]["label"]["value"] == pytest.approx(0.05, abs=0.02)
    assert "limit" not in result["metrics"]
    page = " ".join((tmp_path / "run" / "report.html").read_text().split())
    assert "PDG ids that training saw fewer than 20 times" in page
    assert "cannot be repeated here" in page


def test_two_different_scales_are_refused(monkeypatch, capsys, tmp_path):
    (tmp_path / "config.toml").write_text('scale = "quick"\n')
    for arguments, message in (
        (("--config", tmp_path / "config.toml", "--scale", "full"), "for a file of scale quick"),
        (("--scale", "quick", "--set", "scale=full"), "--set scale"),
    ):
        code, _, err = hepsets(
            monkeypatch, capsys, "run", "smart-background", *arguments, "--out", tmp_path / "run"
        )
        assert code == 2
        assert message in err
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("model.coordinates=cylindrical", "decay_sweep"),
        ('model.drop=["foo"]', "foo"),
        ("model.heads=2", "--study skims"),
        ("fit.seed=3", "unknown key 'fit.seed'"),
        ("model.seed=3", "one seed for the run"),
        ('models=["deep_sets", "deep_sets"]', "each model once"),
    ],
)
def test_options_that_no_model_can_take_are_refused_before_anything_is_made(
    monkeypatch, capsys, tmp_path, setting, message
):
    code, _, err = hepsets(
        monkeypatch, capsys, "run", "smart-background", "--set", setting, "--out", tmp_path / "run"
    )
    assert code == 2
    assert message in err
    assert not (tmp_path / "run").exists()
    assert not list(tmp_path.glob("*partial*"))
