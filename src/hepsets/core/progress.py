"""Progress bars for work that takes longer than a glance, silent where nobody watches."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Advance = Callable[[float], None]
"""Called with how much more of the total is done."""


@contextmanager
def progress_bar(description: str, total: float) -> Iterator[Advance]:
    """A bar on standard error while the block runs; none in a worker, or when that is not a terminal."""
    if not sys.stderr.isatty() or multiprocessing.parent_process() is not None:
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(description, total=total)
        yield lambda step: progress.advance(task, step)


def follow(advance: Advance, total: float) -> Callable[[int, int], None]:
    """Move a bar of ``total`` by reports of how much of how much is done."""
    reached = 0.0

    def report(done: int, of: int) -> None:
        nonlocal reached
        now = done / of * total
        advance(now - reached)
        reached = now

    return report
