"""Map a function over tasks in worker processes, in order, with bounded memory."""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import islice
from multiprocessing.synchronize import Semaphore
from typing import Any, TypeVar

from hepsets.core.compiling import take_turns, turn_of_workers
from hepsets.core.errors import InputError, is_of_threads, reason

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass
class _Shared:
    """Worker processes that several maps use, if any; and the computing time of all tasks in workers [s]."""

    pool: ProcessPoolExecutor | None = None
    seconds: float = 0.0


_shared = _Shared()


def map_in_order(function: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> Iterator[Result]:
    """Yield ``function(task)`` for each task in the order of the tasks.

    With one worker everything happens in this process. At most two tasks per worker are under
    way, so results never pile up however slowly they are taken. ``function`` must be picklable
    and deterministic in its task; then the results do not depend on ``workers``.
    """
    if workers <= 1:
        yield from map(function, tasks)
        return
    if _shared.pool is not None:
        yield from _in_order(_shared.pool, function, tasks, workers)
        return
    with _closing(_new_pool(workers)) as pool:
        yield from _in_order(pool, function, tasks, workers)


@contextmanager
def same_workers(workers: int) -> Iterator[None]:
    """Within it all maps with several workers use these processes, which start once: a start takes seconds.

    They start beside what this process does next.

    Parameters
    ----------
    workers
        Processes; with one there are none.
    """
    if workers <= 1 or _shared.pool is not None:
        yield
        return
    with _closing(_new_pool(workers)) as pool:
        for _ in range(workers):  # each starts with a task that finds no other idle
            _submit(pool, os.getpid)
        _shared.pool = pool
        try:
            yield
        finally:
            _shared.pool = None


def begin(function: Callable[[Task], Result], task: Task) -> Callable[[], Result]:
    """Start ``function(task)`` and give what returns its result.

    Within :func:`same_workers` it goes on in one of these processes, beside what this one does next, and
    both must be picklable; else it is done when this returns.
    """
    if _shared.pool is None:
        result = function(task)
        return lambda: result
    future = _submit(_shared.pool, _Timed(function), task)

    @cache
    def found() -> Result:
        timed: tuple[Result, float] = future.result()
        _shared.seconds += timed[1]
        return timed[0]

    return found


def computing_seconds() -> float:
    """Computing time of this process so far, and of what worker processes did for it [s].

    The start of workers is left out.
    """
    return time.process_time() + _shared.seconds


@dataclass(frozen=True)
class _Timed:
    """A function that also tells the computing time that it took."""

    function: Callable[[Any], Any]

    def __call__(self, task: Any) -> tuple[Any, float]:
        begin = time.process_time()
        result = self.function(task)
        return result, time.process_time() - begin


def _in_order(
    pool: ProcessPoolExecutor, function: Callable[[Task], Result], tasks: Iterable[Task], workers: int
) -> Iterator[Result]:
    pending: deque[Future[tuple[Result, float]]] = deque()
    todo = iter(tasks)
    timed: Callable[[Task], tuple[Result, float]] = _Timed(function)
    try:
        pending.extend(_submit(pool, timed, task) for task in islice(todo, 2 * workers))
        while pending:
            result, seconds = pending.popleft().result()
            _shared.seconds += seconds
            yield result
            pending.extend(_submit(pool, timed, task) for task in islice(todo, 1))
    finally:
        for future in pending:
            future.cancel()


def _submit(pool: ProcessPoolExecutor, function: Callable[..., Result], *task: Any) -> Future[Result]:
    """Submit a task, which may start a process; Ctrl-C waits until that has all that it needs.

    The process itself is deaf to Ctrl-C from the first on: it would say where it was.
    """
    ours = signal.getsignal(signal.SIGINT) is not None  # or C code handles it, which Python cannot bring back
    if not ours or threading.current_thread() is not threading.main_thread():
        with _telling_limits():
            return pool.submit(function, *task)
    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: asked.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # new processes inherit it
    try:
        with _telling_limits():
            return pool.submit(function, *task)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, before)
        if asked:
            signal.raise_signal(signal.SIGINT)


@contextmanager
def _closing(pool: ProcessPoolExecutor) -> Iterator[ProcessPoolExecutor]:
    """A pool that ends when it is left."""
    try:
        yield pool
    except (KeyboardInterrupt, SystemExit):  # who stops it does not want to wait for tasks under way
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()


def _new_pool(workers: int) -> ProcessPoolExecutor:
    # fork would copy the threads' locks of torch and numba; spawned workers start clean
    context = multiprocessing.get_context("spawn")
    with _telling_limits():
        return ProcessPoolExecutor(
            workers, mp_context=context, initializer=_begin_worker, initargs=(turn_of_workers(),)
        )


@contextmanager
def _telling_limits() -> Iterator[None]:
    """Say what to do where the machine lets no more processes start: it says no more than, say, no space."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not is_of_threads(error):
            raise
        raise InputError(
            f"worker processes cannot start ({reason(error)})",
            "space for semaphores in /dev/shm, and limits (ulimit -n, ulimit -u) that leave room",
            "try fewer --workers, or --workers 1",
        ) from error


def _begin_worker(turn: Semaphore | None) -> None:
    take_turns(turn)
    atexit.register(gc.freeze)  # or taking libraries apart at the end takes a second
    _end_with_parent()


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
