"""Folders for what libraries keep, where the user's own ones cannot be written."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path


def private_folder() -> Path | None:
    """A folder in the system's temporary one where nobody else can put code; ``None`` if there is none."""
    try:
        path = Path(tempfile.gettempdir()) / f"hepsets-{os.getuid()}"
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError:
        return None
    mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return path if mine and stat.S_IMODE(found.st_mode) == 0o700 and os.access(path, os.W_OK) else None


def house_matplotlib() -> None:
    """Give matplotlib a folder that lasts, where it has none: it says so, and looks for all fonts each time.

    Processes that this one starts have it too.
    """
    if os.environ.get("MPLCONFIGDIR") or all(map(_can_be_made, _folders_of_matplotlib())):
        return
    own = private_folder()
    if own is not None:
        os.environ["MPLCONFIGDIR"] = str(own / "matplotlib")


def _folders_of_matplotlib() -> tuple[Path, ...]:
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 (Path.home raises for a user whom the system lacks)
    if not sys.platform.startswith(("linux", "freebsd")):
        return (home / ".matplotlib",)
    config = os.environ.get("XDG_CONFIG_HOME") or home / ".config"
    cache = os.environ.get("XDG_CACHE_HOME") or home / ".cache"
    return Path(config) / "matplotlib", Path(cache) / "matplotlib"


def _can_be_made(folder: Path) -> bool:
    """Whether one may write in ``folder``, or make it; never of a path that begins with no root."""
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    return folder.is_absolute() and folder.is_dir() and os.access(folder, os.W_OK)
