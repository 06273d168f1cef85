"""The commands of analyses."""

import json
import subprocess
import sys

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


def test_list_tells_questions_studies_detectors_and_imports_no_torch():
    program = (
        "import sys; from hepsets.cli import main; sys.argv = ['hepsets', 'list']\n"
        "try: main.main()\n"
        "except SystemExit: print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    for words in (
        "Which generated events survive",
        "few_labels",
        "morphing",
        "detectors: belle2",
        "all_skims",
    ):
        assert words in done.stdout
    assert done.stdout.endswith("False\n")
