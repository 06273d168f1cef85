"""Locks that the operating system lets go of when the process that holds them dies."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hepsets.core.errors import InputError

log = logging.getLogger("hepsets")

LOCK = ".lock"
"""Name of the lock file in a folder that one process at a time may work in."""

_HELD_ELSEWHERE = (errno.EACCES, errno.EAGAIN)


def try_lock(file: int) -> bool:
    """Lock an open file unless another process holds it; it is free again when the file is closed.

    Raises
    ------
    OSError
        Where the file system knows no locks.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD_ELSEWHERE:
            return False
        raise
    return True


@contextmanager
def only_process(folder: Path) -> Iterator[None]:
    """Hold a folder that is there, so that no other process works in it.

    The lock file stays: to remove it would let two processes hold two files of one name. Where the file
    system knows no locks the log says so, and the work goes on.

    Raises
    ------
    InputError
        If another process holds it, or nothing can be written there.
    """
    try:
        file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise InputError(f"{folder} cannot be used ({error.strerror})", "a folder to write to") from error
    try:
        try:
            if not try_lock(file):
                raise InputError(f"another run is at work in {folder}", "one at a time", "wait for it")
        except OSError as error:
            log.warning("%s cannot be locked (%s): mind that no other run uses it", folder, error.strerror)
        yield
    finally:
        os.close(file)
