"""Map a function over tasks in worker processes, in order, with bounded memory."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def map_in_order(function: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> Iterator[Result]:
    """Yield ``function(task)`` for each task in the order of the tasks.

    With one worker everything happens in this process. At most two tasks per worker are under
    way, so results never pile up however slowly they are taken. ``function`` must be picklable
    and deterministic in its task; then the results do not depend on ``workers``.
    """
    if workers <= 1:
        yield from map(function, tasks)
        return
    pending: deque[Future[Result]] = deque()
    todo = iter(tasks)
    # fork would copy the threads' locks of torch and numba; spawned workers start clean
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent) as pool:
        try:
            pending.extend(pool.submit(function, task) for task in islice(todo, 2 * workers))
            while pending:
                yield pending.popleft().result()
                pending.extend(pool.submit(function, task) for task in islice(todo, 1))
        finally:
            for future in pending:
                future.cancel()


def _end_with_parent() -> None:
    """Let this worker end when its parent was killed outright; it would wait for tasks for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
