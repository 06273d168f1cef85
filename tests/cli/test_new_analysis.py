"""A new analysis runs as it is written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.command import hepsets
from helpers.plugins import declare

from hepsets.cli import new_analysis


def test_a_package_of_ones_own_runs_and_passes_its_test(monkeypatch, capsys, tmp_path):
    package = tmp_path / "mine"
    code, out, err = hepsets(monkeypatch, capsys, "new-analysis", "tau-mass", "--package", package)
    assert code == 0, err
    written = {path.name for path in package.iterdir()}
    assert written == {"pyproject.toml", "hepsets_tau_mass.py", "test_hepsets_tau_mass.py", "README.md"}
    assert all(str(package / name) in out for name in written)
    assert 'tau-mass = "hepsets_tau_mass"' in (package / "pyproject.toml").read_text()
    declare(package, "hepsets-tau-mass", {"hepsets.analyses": {"tau-mass": "hepsets_tau_mass"}})
    test = package / "test_hepsets_tau_mass.py"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([*filter(None, sys.path), str(package)])},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_in_the_source_tree_it_is_a_folder_a_test_and_a_page(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(new_analysis, "source_tree", lambda: tmp_path)
    code, _, err = hepsets(monkeypatch, capsys, "new-analysis", "tau-mass")
    assert code == 0, err
    written = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    module = Path("src", "hepsets", "analyses", "tau_mass", "__init__.py")
    assert written == {module, Path("tests", "analyses", "test_tau_mass.py"), Path("docs", "tau_mass.md")}
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and "@" in path.read_text()[:300]]
    assert len((tmp_path / module).read_text().splitlines()) < 100


@pytest.mark.parametrize("name", ["Tau", "tau_mass", "3tau", "tau--mass", "../tau", "delta-c9", "class"])
def test_names_are_checked(monkeypatch, capsys, tmp_path, name):
    code, _, err = hepsets(monkeypatch, capsys, "new-analysis", name, "--package", tmp_path / "mine")
    assert code == 2
    assert name in err
    assert not list(tmp_path.iterdir())


def test_a_folder_does_not_hide_a_module_of_its_name(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(new_analysis, "source_tree", lambda: tmp_path)
    module = tmp_path / "src" / "hepsets" / "analyses" / "report.py"
    module.parent.mkdir(parents=True)
    module.touch()
    code, _, err = hepsets(monkeypatch, capsys, "new-analysis", "report")
    assert code == 2
    assert "report.py exists" in err
    assert list(module.parent.iterdir()) == [module]


def test_all_files_are_written_or_none(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(new_analysis, "source_tree", lambda: tmp_path)
    (tmp_path / "docs").write_text("no folder")
    code, _, err = hepsets(monkeypatch, capsys, "new-analysis", "tau-mass")
    assert code == 2
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["docs"]


def test_nothing_is_overwritten(monkeypatch, capsys, tmp_path):
    (tmp_path / "README.md").write_text("precious")
    code, _, err = hepsets(monkeypatch, capsys, "new-analysis", "tau-mass", "--package", tmp_path)
    assert code == 2
    assert "README.md exists" in err
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
