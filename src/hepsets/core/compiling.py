"""Say once that loops are being compiled: what takes half a minute looks like a fault otherwise."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # every command starts with this file, few have workers
    from multiprocessing.synchronize import Semaphore


@dataclass
class _Teller:
    """Whether this process is the one to tell; ``None`` where it is silent. ``shared`` with its workers."""

    turn: Callable[[], bool] | None = None
    shared: Semaphore | None = None


_teller = _Teller()


def tell_compiling() -> None:
    """Have this process, or the first of its workers that compiles something, say so on standard error.

    Of the processes of ``torchrun`` only the first speaks.
    """
    if os.environ.get("RANK", "0") == "0":
        _teller.turn = lambda: True


def turn_of_workers() -> Semaphore | None:
    """What workers give to :func:`take_turns`; ``None`` if nothing is told, or has been already."""
    if _teller.turn is not None and _teller.shared is None:
        from multiprocessing import get_context

        _take(get_context("spawn").Semaphore(1))
    return _teller.shared


def take_turns(shared: Semaphore | None) -> None:
    """Let this worker tell what none of the others, nor the parent, has told before."""
    if shared is not None:
        _take(shared)


def compiling() -> None:
    """Called when something is about to be compiled."""
    turn, _teller.turn = _teller.turn, None
    if turn is not None and turn():
        with suppress(OSError, ValueError):  # nobody reads
            print(
                "compiling for this machine, the first time: up to half a minute", file=sys.stderr, flush=True
            )


def _take(shared: Semaphore) -> None:
    _teller.shared = shared
    _teller.turn = lambda: shared.acquire(block=False)
