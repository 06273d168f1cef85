"""Fresh environments that hold the wheel of these sources: each is made once in a run of the tests."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from helpers.house import ROOT


@dataclass(frozen=True)
class Environment:
    """Where it is, and how many 10⁶ bytes its packages took when they were unpacked."""

    folder: Path
    megabytes: float

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def name(self) -> str:
        """As python3.11."""
        return next((self.folder / "lib").glob("python*")).name

    def run(self, line: str, where: Path) -> subprocess.CompletedProcess[str]:
        """A line as a user types it into a shell, in a folder; nothing of this Python is known there."""
        ours = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTEST_CURRENT_TEST")
        known = {name: value for name, value in os.environ.items() if name not in ours}
        home = self.folder / "home"
        known |= {"PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "HOME": str(home)}
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=where, env=known | {"COLUMNS": "200"}, capture_output=True, text=True, check=False,
        )  # fmt: skip


def pip(*words: str | Path, python: str | Path = sys.executable) -> None:
    """Pip of these tests, for any Python."""
    line = [sys.executable, "-m", "pip", "--python", python, *words]
    done = subprocess.run([*map(str, line)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def wheel_of(sources: Path, folder: Path) -> Path:
    """A wheel of sources, built with what this environment has."""
    pip("wheel", "--quiet", "--no-build-isolation", "--no-deps", "--wheel-dir", folder, sources)
    return next(folder.glob("*.whl"))


class FreshEnvironments:
    """Those that were made in a folder; several processes of tests may share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def wheel(self) -> Path:
        """The wheel of these sources."""
        return next((self.once("wheel", self._make_wheel) / "wheels").glob("*.whl"))

    def get(self, extras: str = "", *, python: str = sys.executable) -> Environment:
        """The environment of these extras (as ``train,generate``) and interpreter, with the pins."""
        name = "-".join([extras.replace(",", "-") or "base", Path(python).name])
        wheel = self.wheel()

        def make(folder: Path) -> None:
            subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
            asked = f"{wheel}[{extras}]" if extras else wheel
            few = ("--quiet", "--only-binary", ":all:", "--no-compile")
            pins = ("--constraint", ROOT / "constraints.txt")
            pip("install", *few, *pins, asked, python=folder / "bin" / "python")
            packages = next((folder / "lib").glob("python*/site-packages"))
            size = sum(file.stat().st_size for file in packages.rglob("*") if file.is_file()) / 1e6
            (folder / "home").mkdir()
            (folder / "megabytes").write_text(repr(size))

        folder = self.once(name, make)
        return Environment(folder, float((folder / "megabytes").read_text()))

    def once(self, name: str, make: Callable[[Path], None]) -> Path:
        """A folder that the first who asks makes; others wait until it is done."""
        folder, done = self.folder / name, self.folder / f"{name}.done"
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    @staticmethod
    def _make_wheel(folder: Path) -> None:
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, folder)
        nothing = shutil.ignore_patterns("*.egg-info", "__pycache__")
        shutil.copytree(ROOT / "src", folder / "src", ignore=nothing)
        wheel_of(folder, folder / "wheels")


@cache
def interpreter(minor: int) -> str | None:
    """Python 3.``minor`` of this machine that runs: on the path, or one of pyenv's."""
    if sys.version_info[1] == minor:
        return sys.executable
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    named = [shutil.which(f"python3.{minor}"), *root.glob(f"versions/3.{minor}.*/bin/python3.{minor}")]
    for one in filter(None, named):  # a name on the path may lead to none
        if subprocess.run([one, "--version"], capture_output=True, check=False).returncode == 0:
            return str(one)
    return None


@contextmanager
def fresh_environments(folder: Path) -> Iterator[FreshEnvironments]:
    """Those in a folder, which its last user removes: they are gigabytes."""
    folder.mkdir(exist_ok=True)
    with (folder.parent / f"{folder.name}.users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield FreshEnvironments(folder)
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another process is at work there
        shutil.rmtree(folder)
