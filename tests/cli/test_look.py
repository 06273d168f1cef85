"""`hepsets config`, `compare` and `inspect`: one line each from a shell."""

import json
import tomllib

import pytest
from helpers.command import hepsets


@pytest.fixture
def command(monkeypatch, capsys):
    return lambda *arguments: hepsets(monkeypatch, capsys, *arguments)


def test_config_prints_what_run_takes(command):
    code, out, _ = command("config", "delta-c9", "--scale", "quick", "--set", "seed=7")
    assert code == 0
    settings = tomllib.loads(out)
    assert (settings["scale"], settings["seed"]) == ("quick", 7)
    assert "# Seed" in out


def test_compare_tabulates_two_runs(tmp_path, command):
    for name, auc in (("a", 0.5), ("b", 0.6)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.toml").write_text("seed = 1")
        record = {"analysis": "x", "metrics": {"auc": auc, "auc_se": 0.1}}
        (tmp_path / name / "result.json").write_text(json.dumps(record))
    code, out, _ = command("compare", tmp_path / "a", tmp_path / "b")
    assert code == 0
    assert "+0.7" in out
    assert command("compare", tmp_path / "a", tmp_path / "none")[0] == 2


def test_compare_leaves_lists_to_all(tmp_path, command):
    for name, bins in (("a", [1.0, 2.0]), ("b", [1.0, 5.0])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.toml").write_text("seed = 1")
        record = {"analysis": "x", "metrics": {"gain": bins, "gain_se": [0.1, 1.0]}}
        (tmp_path / name / "result.json").write_text(json.dumps(record))
    assert "χ²" not in command("compare", tmp_path / "a", tmp_path / "b")[1]
    assert "χ² 4.5 of 2" in command("compare", tmp_path / "a", tmp_path / "b", "--all")[1]


def test_inspect_says_what_a_file_is(tmp_path, command):
    (tmp_path / "d.csv").write_text("q2,phi\n1,0.1\n")
    code, out, _ = command("inspect", tmp_path / "d.csv")
    assert code == 0
    assert "delta-c9: lacks" in out
