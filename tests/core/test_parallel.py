import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import pytest
from helpers.thread_counts import process_of

from hepsets.core import parallel
from hepsets.core.errors import InputError
from hepsets.core.parallel import begin, computing_seconds, map_in_order, same_workers


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_tasks(workers):
    assert list(map_in_order(abs, range(-9, 0), workers)) == list(range(9, 0, -1))


def test_tasks_are_drawn_only_as_results_are_taken():
    drawn = []

    def tasks():
        for number in range(100):
            drawn.append(number)
            yield number

    results = map_in_order(abs, tasks(), 2)
    assert next(results) == 0
    assert len(drawn) <= 5
    results.close()


def test_an_error_in_a_worker_reaches_the_caller():
    with pytest.raises(ValueError, match="invalid literal"):
        list(map_in_order(int, ["1", "x"], 2))


def test_workers_start_once_for_several_maps_and_outlive_an_error_in_one():
    with same_workers(2):
        first = set(map_in_order(process_of, range(8), 2))
        with pytest.raises(ValueError, match="invalid literal"):
            list(map_in_order(int, ["1", "x"], 2))
        again = set(map_in_order(process_of, range(8), 2))
    assert os.getpid() not in first | again
    assert len(first | again) <= 2
    assert not set(map_in_order(process_of, range(8), 2)) & (first | again)


def test_what_is_begun_goes_on_in_a_worker_or_is_done_at_once_where_there_are_none():
    assert begin(process_of, 0)() == os.getpid()
    with same_workers(2):
        found = begin(process_of, 0)
        assert found() == found() != os.getpid()
        with pytest.raises(ValueError, match="invalid literal"):
            begin(int, "x")()


@pytest.mark.parametrize("workers", [1, 2])
def test_computing_in_workers_is_counted_too(workers):
    before = computing_seconds()
    assert len(set(map_in_order(sum, [range(3_000_000)] * 2, workers))) == 1
    assert computing_seconds() - before > 0.03


def test_workers_end_when_their_parent_is_killed_outright():
    program = """
import time
from concurrent.futures import ProcessPoolExecutor
from hepsets.core import parallel
from hepsets.core.errors import InputError
from hepsets.core.parallel import begin, computing_seconds, map_in_order, same_workers
if __name__ == "__main__":
    for _ in map_in_order(time.sleep, [0, *[300] * 9], 2):
        print("working", flush=True)
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout.readline() == b"working\n"
    parent.send_signal(signal.SIGKILL)
    # the pipe closes when the last process that inherited it is gone
    assert parent.communicate(timeout=20) == (b"", None)


def test_shared_workers_start_at_once_and_all_of_them():
    with same_workers(2):
        deadline = time.monotonic() + 60
        while len(multiprocessing.active_children()) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(multiprocessing.active_children()) == 2


def test_ctrl_c_while_a_worker_starts_waits_until_it_has_what_it_needs(monkeypatch):
    said = []

    class Slow(ProcessPoolExecutor):
        def submit(self, *what):
            signal.raise_signal(signal.SIGINT)
            said.append("started")
            return super().submit(*what)

    monkeypatch.setattr(parallel, "ProcessPoolExecutor", Slow)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
    try:
        with pytest.raises(KeyboardInterrupt):
            list(map_in_order(abs, [-1], workers=2))
        assert said == ["started"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_who_handles_ctrl_c_in_c_keeps_it(monkeypatch):
    changed = []
    monkeypatch.setattr(signal, "getsignal", lambda _: None)  # what Python says of such a handler
    monkeypatch.setattr(signal, "signal", lambda *what: changed.append(what))
    assert list(map_in_order(abs, [-1, -2], workers=2)) == [1, 2]
    assert changed == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE, errno.EAGAIN])
def test_a_machine_that_lets_no_worker_start_is_told_with_what_to_do(monkeypatch, number):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(multiprocessing.get_context("spawn"), "Semaphore", refuse)
    monkeypatch.setattr(parallel, "ProcessPoolExecutor", refuse)
    with pytest.raises(InputError, match=rf"{os.strerror(number)}.*/dev/shm.*--workers 1"):
        list(map_in_order(abs, range(3), 2))
    assert list(map_in_order(abs, range(3), 1)) == [0, 1, 2]


def test_workers_that_need_more_open_files_than_allowed_end_in_one_line():
    body = "from hepsets.core.parallel import map_in_order as m; import resource as r\n"
    body += "r.setrlimit(r.RLIMIT_NOFILE, (6, 6))\nlist(m(abs, range(3), 2))"
    done = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, timeout=60)
    assert "InputError: worker processes cannot start (Too many open files)" in done.stderr
