"""How far long work is, on standard error: a bar on a terminal, elsewhere a line every half minute."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Advance = Callable[[float], None]
"""Called with how much more of the total is done."""

HALF_MINUTE = 30.0


@contextmanager
def progress_bar(
    description: str, total: float, *, every_s: float = HALF_MINUTE, clock: Callable[[], float] = time.time
) -> Iterator[Advance]:
    """Tell on standard error how far the block is, as long as it runs.

    On a terminal it is a bar, elsewhere a line of :func:`progress_line` every ``every_s`` seconds.
    Workers, and all processes of ``torchrun`` but the first, are silent.

    Parameters
    ----------
    description
        What is done.
    total
        Of what ``advance`` is called with; 1 stands for 100 %.
    every_s
        Time between lines, in seconds.
    clock
        Seconds since 1970.
    """
    if multiprocessing.parent_process() is not None or os.environ.get("RANK", "0") != "0":
        yield lambda _: None
        return
    if not sys.stderr.isatty():
        with _lines(description, total, every_s, clock) as advance:
            yield advance
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(description, total=total)
        yield lambda step: progress.advance(task, step)


@contextmanager
def _lines(description: str, total: float, every_s: float, clock: Callable[[], float]) -> Iterator[Advance]:
    """A thread writes the lines, since a step may take longer than the time between two of them."""
    done, start, ended = 0.0, clock(), threading.Event()

    def advance(step: float) -> None:
        nonlocal done
        done += step

    def tell() -> None:
        with suppress(OSError, ValueError):  # nobody reads any more: the work goes on
            while not ended.wait(every_s):
                now = clock()
                line = progress_line(description, done, total, now - start, datetime.fromtimestamp(now))
                print(line, file=sys.stderr, flush=True)

    teller = threading.Thread(target=tell, daemon=True)
    with suppress(RuntimeError):  # no thread more may start: the work goes on, untold
        teller.start()
    try:
        yield advance
    finally:
        ended.set()
        if teller.is_alive():
            teller.join(timeout=1.0)  # a full pipe must not keep it


def progress_line(description: str, done: float, total: float, elapsed_s: float, now: datetime) -> str:
    """How far work is, how fast, and when it may end if it goes on like this.

    Parameters
    ----------
    description
        What is done.
    done, total
        How much of how much; of a total of 1 per cent are told.
    elapsed_s
        Since it began, in seconds.
    now
        In the reader's time zone.

    Examples
    --------
    >>> noon = datetime(2026, 11, 29, 12)
    >>> progress_line("generating", 60_000, 300_000, 30.0, noon)
    'generating: 60 000 of 300 000, 2 000 per s, ends about 12:02:00'
    >>> progress_line("training models", 2, 11, 240.0, noon)
    'training models: 2 of 11, 0.5 per min, ends about 12:18:00'
    >>> progress_line("training cnn", 0.25, 1.0, 60.0, noon)
    'training cnn: 25 % of 100 %, 25 % per min, ends about 12:03:00'
    >>> progress_line("judging models", 0, 11, 30.0, noon)
    'judging models: 0 of 11 after 30 s'
    """
    scale, unit = (100.0, " %") if total == 1 else (1.0, "")
    far = f"{description}: {_number(scale * done)}{unit} of {_number(scale * total)}{unit}"
    if done <= 0 or elapsed_s <= 0:
        return f"{far} after {elapsed_s:.0f} s"
    per_s = done / elapsed_s
    speed, time_unit = (per_s, "s") if scale * per_s >= 1 else (60 * per_s, "min")
    end = now + timedelta(seconds=max(total - done, 0.0) / per_s)
    at = f"{end:%H:%M:%S}" if end.date() == now.date() else f"{end:%d %b %H:%M}"
    return f"{far}, {_number(scale * speed)}{unit} per {time_unit}, ends about {at}"


def _number(value: float) -> str:
    """Whole numbers in groups of three, small ones with two digits."""
    return f"{value:,.0f}".replace(",", " ") if value >= 10 or value == int(value) else f"{value:.2g}"


def follow(advance: Advance, total: float) -> Callable[[int, int], None]:
    """Move a bar of ``total`` by reports of how much of how much is done."""
    reached = 0.0

    def report(done: int, of: int) -> None:
        nonlocal reached
        now = done / of * total
        advance(now - reached)
        reached = now

    return report
