"""Write files that appear under their names whole, or not at all; together, if they belong together."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from hepsets.core.errors import InputError
from hepsets.core.lock import try_lock

_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
_OURS = re.compile(r"\.(?P<name>.+)\.(?P<host>[0-9a-f]{8})-[0-9a-f]{12}\.partial", re.DOTALL)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_group: ContextVar[list[Partial] | None] = ContextVar("group", default=None)


class Partial:
    """A file in the making: beside its final place, locked for as long as its writer lives.

    What writers of this machine left there when they were killed is removed. A device or a pipe has no
    place beside it: it is written itself.

    Parameters
    ----------
    path
        The final place; a symbolic link stays, the file that it points at is replaced.

    Attributes
    ----------
    path
        Where to write: an empty file that no other writer uses, be it on another machine.

    Raises
    ------
    InputError
        If nothing can be written there, before any work is done for it.
    """

    def __init__(self, path: Path) -> None:
        self._lock: int | None = None
        self._waits = False
        try:
            if is_special(path):
                self.final = self.path = path
                return
            self.final = Path(os.path.realpath(path))
            if self.final.is_dir():
                raise InputError(f"{path} is a folder", "the name of a file to write")
            if not self.final.parent.is_dir():
                raise InputError(f"no folder {path.parent}", "an existing folder", "create it first")
            remove_leftovers(self.final)
            self.path = _new_name(self.final)
            self._lock = _create_locked(self.path)
        except OSError as error:
            raise InputError(
                f"{path} cannot be written ({error.strerror})", "a folder to write to"
            ) from error

    def keep(self) -> None:
        """Give the file its final name, at once or with the others of :func:`together`."""
        if self._lock is None:
            return
        group = _group.get()
        if group is None:
            self.path.replace(self.final)
        else:
            self._waits = True
            group.append(self)

    def drop(self) -> None:
        """Remove what has not got its final name, and does not wait for it."""
        if self._lock is None or self._waits:
            return
        self.path.unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = None

    def name_in(self, error: BaseException | None) -> None:
        """Name this file in an error of a full disk: libraries do not say which file it was."""
        if isinstance(error, OSError) and error.errno in _FULL and error.filename is None:
            error.filename = str(self.final)

    def _leave_group(self) -> None:
        self._waits = False
        self.drop()


def is_special(path: Path) -> bool:
    """Whether ``path`` is a device, a pipe or a stream of this process, which cannot be replaced.

    Raises
    ------
    InputError
        For a socket, and for a disk: what is on it would be lost.
    """
    try:
        kind = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    if stat.S_ISSOCK(kind) or stat.S_ISBLK(kind):
        what = "a socket" if stat.S_ISSOCK(kind) else "a disk"
        raise InputError(f"{path} is {what}", "the name of a file to write")
    folder = os.path.realpath(path.parent)
    of_process = folder == "/dev" or folder.startswith("/proc/")
    return stat.S_ISCHR(kind) or stat.S_ISFIFO(kind) or (stat.S_ISREG(kind) and of_process)


def final_name(path: str) -> str:
    """What a partial file is going to be called; any other name as it is."""
    folder, name = os.path.split(path)
    match = _OURS.fullmatch(name)
    return os.path.join(folder, match["name"]) if match else path  # noqa: PTH118 (it may be no UTF-8)


def remove_leftovers(path: Path) -> None:
    """Remove partial files of ``path`` whose writers are dead.

    A writer lives while its file is locked. Not every file system tells locks from machine to machine, so
    only what this machine left is removed.
    """
    with os.scandir(path.parent) as entries:
        for entry in entries:
            match = _OURS.fullmatch(entry.name)
            if match and match["name"] == path.name and match["host"] == _HOST:
                _remove_if_dead(entry.path)


def remove_all_leftovers(folder: Path) -> None:
    """Remove all partial files and folders in a folder that no other process works in."""
    for path in list(folder.rglob(".*.partial")):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _remove_if_dead(path: str) -> None:
    with suppress(OSError):  # gone meanwhile, another user's, or a file system without locks
        file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if try_lock(file):
                os.unlink(path)  # noqa: PTH108
        finally:
            os.close(file)


def _new_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.{_HOST}-{uuid.uuid4().hex[:12]}.partial")


def _create_locked(path: Path) -> int:
    """Descriptor of a new file that is locked where the file system can."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        with suppress(OSError):
            try_lock(file)
        if os.fstat(file).st_nlink:  # else another writer took it for a dead one's, just before it was locked
            return file
        os.close(file)


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; it is renamed to ``path`` on a clean exit.

    After an error or a kill nothing stands under the final name, and what stood there before stays.

    Raises
    ------
    InputError
        If nothing can be written there.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with whole_file(Path(folder) / "note.txt") as partial:
    ...         _ = partial.write_text("done")
    ...     [file.name for file in Path(folder).iterdir()]
    ['note.txt']
    """
    partial = Partial(Path(path))
    try:
        yield partial.path
        partial.keep()
    except OSError as error:
        partial.name_in(error)
        raise
    finally:
        partial.drop()


@contextmanager
def together() -> Iterator[None]:
    """Files that are written in this block appear at its end, all of them or none.

    Inside another such block they wait for that one.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     try:
    ...         with together():
    ...             with whole_file(Path(folder) / "first") as partial:
    ...                 _ = partial.write_text("done")
    ...             raise OSError("the second cannot be made")
    ...     except OSError:
    ...         list(Path(folder).iterdir())
    []
    """
    if _group.get() is not None:
        yield
        return
    waiting: list[Partial] = []
    token = _group.set(waiting)
    try:
        yield
        _rename_all(waiting)
    finally:
        _group.reset(token)
        for partial in waiting:
            partial._leave_group()


def _rename_all(partials: list[Partial]) -> None:
    """Give all files their names; if one cannot have it, restore what stood there before."""
    before = [(partial.final, _new_name(partial.final)) for partial in partials]
    placed = 0
    try:
        for final, copy in before:
            _copy(final, copy)
        for partial in partials:
            partial.path.replace(partial.final)
            placed += 1
    except BaseException:
        for final, copy in before[:placed]:
            if copy.exists():
                copy.replace(final)
            else:
                final.unlink(missing_ok=True)
        raise
    finally:
        for _, copy in before:
            copy.unlink(missing_ok=True)


def _copy(path: Path, copy: Path) -> None:
    """A second name for a file, if there is one; a copy on a file system without hard links."""
    if not path.exists():
        return
    try:
        copy.hardlink_to(path)
    except OSError:
        shutil.copy2(path, copy)
