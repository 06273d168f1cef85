"""Map a function over tasks in worker processes, in order, with bounded memory."""

from __future__ import annotations

import multiprocessing
import os
import signal
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
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent)
    try:
        pending.extend(pool.submit(function, task) for task in islice(todo, 2 * workers))
        while pending:
            yield pending.popleft().result()
            pending.extend(pool.submit(function, task) for task in islice(todo, 1))
    except (KeyboardInterrupt, SystemExit):  # who stops it does not want to wait for tasks under way
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()


def _end_with_parent() -> None:
    """Let this worker end with its parent, however that ends; it would wait for tasks for ever.

    Ctrl-C goes to the parent alone, or every worker would print where it was.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
