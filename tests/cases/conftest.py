"""Inputs that once went wrong, one folder each, as tests.

To add one: make ``tests/cases/NN-name/`` with the small input files and a ``test_case.py``::

    '''a.root and a.root as training and test events.'''


    def test_the_same_file_for_training_and_test_is_refused(case):
        line = case.refused("run", "continuum-suppression", "--data", "a.root", "--test-data", "a.root")
        assert "a.root" in line

The fixture ``case`` works in a copy of the folder, which is the current one meanwhile. Inputs that a few
lines of code can make need no file: write them to ``case.folder`` and call ``case.add()``. A refusal is one
line without traceback and leaves nothing: ``case.refused(...)`` checks that and gives the line; anything else
is ``case.hepsets(...)``, with exit code, standard output and standard error.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from helpers.command import hepsets as run_command


class Case:
    """The command, run in a copy of the case's folder.

    Parameters
    ----------
    folder
        The copy.
    """

    def __init__(self, folder: Path, monkeypatch, capsys) -> None:
        self.folder = folder
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self._before = self._files()

    def hepsets(self, *arguments: object) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of the command."""
        return run_command(self._monkeypatch, self._capsys, *arguments)

    def refused(self, *arguments: object) -> str:
        """The one line with which the command refuses its input; nothing may be left."""
        code, out, err = self.hepsets(*arguments)
        assert code == 2, (out, err)
        assert err.startswith("hepsets: error: ")
        assert err.count("\n") == 1
        assert self.made() == set()
        return err

    def made(self) -> set[str]:
        """Names of the files that were not there before."""
        return self._files() - self._before

    def add(self) -> None:
        """Take what is in the folder now as what was there before."""
        self._before = self._files()

    def _files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture
def case(request, tmp_path, monkeypatch, capsys) -> Case:
    """A copy of the folder of the test, as the current folder."""
    folder = tmp_path / "case"
    shutil.copytree(request.path.parent, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    monkeypatch.chdir(folder)
    return Case(folder, monkeypatch, capsys)
