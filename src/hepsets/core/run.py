"""The folder of a run: it appears whole under its name, or is a partial one that can be resumed."""

from __future__ import annotations

import json
import logging
import platform
import shutil
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hepsets.core import config as configuration
from hepsets.core.errors import InputError, reason
from hepsets.core.lock import LOCK, only_process
from hepsets.core.metrics import to_json
from hepsets.core.whole_file import remove_all_leftovers, whole_file

log = logging.getLogger("hepsets")

_RECORDED = (
    "hepsets",
    "torch",
    "numpy",
    "awkward",
    "pyarrow",
    "numba",
    "particle",
    "pythia8mc",
    "onnxruntime",
)


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that a result depends on."""
    found = {"python": platform.python_version()}
    for name in _RECORDED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@dataclass(frozen=True)
class Origin:
    """When a run was made, and with what.

    Parameters
    ----------
    date
        ISO 8601.
    versions
        As :func:`versions` tells.
    """

    date: str
    versions: dict[str, str]

    @classmethod
    def now(cls) -> Self:
        """Today, with what is installed."""
        return cls(date.today().isoformat(), versions())


def read_result(folder: Path) -> dict[str, Any]:
    """``result.json`` of a finished run.

    Raises
    ------
    InputError
        If there is none that can be read.
    """
    path = folder / "result.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found["analysis"], str):
            raise ValueError("no analysis")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} cannot be read ({reason(error)})", "the folder of a finished run", "check the path"
        ) from error
    return dict(found)


class RunFolder:
    """Context manager for a run's folder.

    Work happens in ``<out>.partial``; :meth:`finish` writes ``result.json`` and renames the folder
    to ``<out>``. A killed run leaves only the partial folder, which ``resume=True`` takes up again; one that
    is refused (InputError) before anything was kept in it leaves no folder.

    Parameters
    ----------
    out
        Where the finished run shall stand.
    config
        The complete configuration, a dataclass.
    resume
        Go on with a partial folder of the same configuration.

    Raises
    ------
    InputError
        If ``out`` exists, or a partial folder exists and ``resume`` is off, or its configuration
        is another one, or another process is at work in it, or it cannot be made.
    """

    def __init__(self, out: str | Path, config: Any, *, resume: bool = False) -> None:
        self.out = Path(out)
        if not self.out.name:  # . and /
            raise InputError(f"{self.out} exists", "a new folder", "choose another --out")
        self.path = self.out.with_name(self.out.name + ".partial")
        self.config = config
        self._resume = resume
        self._started = time.monotonic()
        self._before = 0.0
        self._handler: logging.Handler | None = None
        self._lock = ExitStack()
        self._made: list[Path] = []  # folders around it that were not there

    def __enter__(self) -> Self:
        with ExitStack() as lock:
            self._take(lock)
            self._lock = lock.pop_all()
        self._handler = logging.FileHandler(
            self.path / "log.txt", encoding="utf-8", errors="backslashreplace"
        )
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(self._handler)
        log.setLevel(logging.INFO)
        log.info("run in %s, hepsets %s", self.out, version("hepsets"))
        return self

    def _take(self, lock: ExitStack) -> None:
        """Make the partial folder, or take one up, as the only process in it."""
        toml = configuration.to_toml(self.config)
        saved = self.path / "config.toml"
        if self.out.exists():
            raise InputError(f"{self.out} exists", "a new folder", "choose another --out or delete it")
        self._made = [folder for folder in self.path.parents if not folder.exists()]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{self.out} cannot be made ({error.strerror})", "a folder to write to"
            ) from error
        lock.enter_context(only_process(self.path))
        if self.out.exists():  # another process finished it just now
            raise InputError(f"{self.out} exists", "a new folder", "choose another --out or delete it")
        remove_all_leftovers(self.path)
        if saved.is_file() or self._holds_work():
            if not self._resume:
                raise InputError(
                    f"{self.path} holds an unfinished run", "a new folder", "add --resume or delete it"
                )
            if not saved.is_file() or not self._is_of(saved, toml):
                raise InputError(
                    f"{self.path} holds a run with another configuration",
                    f"the configuration in {saved}",
                    f"resume with --config {saved}, or delete the folder",
                )
        for folder in ("figures", "models"):
            (self.path / folder).mkdir(parents=True, exist_ok=True)
        write_atomically(saved, toml)
        self._before = _seconds(self.path / "elapsed")

    @property
    def elapsed(self) -> float:
        """Seconds of work in this run, earlier tries counted in but for those that were killed outright."""
        return self._before + time.monotonic() - self._started

    def finish(self, analysis: str, scale: str, seed: int, metrics: Mapping[str, Any]) -> dict[str, Any]:
        """Write ``result.json`` and give the folder its final name."""
        result = {
            "analysis": analysis,
            "scale": scale,
            "seed": seed,
            "config_sha256": configuration.sha256(self.config),
            "versions": versions(),
            "elapsed_s": round(self.elapsed, 1),
            "metrics": to_json(metrics),
        }
        log.info("finished after %.0f s", self.elapsed)
        self._close_log()
        (self.path / "elapsed").unlink(missing_ok=True)
        write_atomically(self.path / "result.json", json.dumps(result, indent=2, allow_nan=False) + "\n")
        self.path.rename(self.out)
        (self.out / LOCK).unlink(missing_ok=True)
        return result

    def _is_of(self, saved: Path, toml: str) -> bool:
        """Whether a file holds this configuration; a key that it does not know yet has its default."""
        if saved.read_text(encoding="utf-8") == toml:
            return True
        try:
            return bool(
                configuration.from_mapping(type(self.config), configuration.read_toml(saved)) == self.config
            )
        except InputError:
            return False

    def _holds_work(self) -> bool:
        """Whether there is more than the configuration and the log: something to resume."""
        files = {file.name for file in self.path.rglob("*") if file.is_file()}
        return bool(files - {"config.toml", "log.txt", LOCK})

    def _remove_made(self) -> None:
        """Remove the folders around it that it made, the innermost first, until one holds something else."""
        with suppress(OSError):
            for folder in self._made:
                folder.rmdir()

    def _close_log(self) -> None:
        if self._handler is not None:
            log.removeHandler(self._handler)
            self._handler.close()
            self._handler = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            if error is not None:
                log.error("stopped: %s", error)
                if isinstance(error, InputError) and not self._holds_work():
                    self._close_log()
                    shutil.rmtree(self.path, ignore_errors=True)
                    self._remove_made()
            self._close_log()
            if self.path.is_dir():
                write_atomically(self.path / "elapsed", f"{self.elapsed:.1f}")


def _seconds(clock: Path) -> float:
    """Seconds of earlier tries; none if the file is missing or damaged, they are only told."""
    try:
        return float(clock.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0.0


def write_atomically(path: Path, text: str) -> None:
    """Write a text file that appears whole or not at all; a path in it may be no text."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")
