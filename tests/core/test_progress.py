import io
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from helpers.stuck_work import NOON, lines_of_stuck_work

from hepsets.core.progress import follow, progress_bar, progress_line


def test_work_that_is_done_at_a_glance_is_silent(capsys):
    with progress_bar("training", 3) as advance:
        for _ in range(3):
            advance(1)
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_a_line_tells_the_step_the_rate_and_the_end_though_the_step_still_runs():
    last = lines_of_stuck_work(advances=4).splitlines()[-1]
    assert last == "generating: 10 000 of 40 000, 167 per s, ends about 12:04:00"


def test_workers_say_nothing():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(lines_of_stuck_work, 0).result() == ""


def test_of_processes_that_train_together_the_first_speaks(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert lines_of_stuck_work(0) == ""
    monkeypatch.setenv("RANK", "0")
    assert lines_of_stuck_work() != ""


def test_work_goes_on_when_nobody_reads_its_progress(monkeypatch):
    class Closed(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Closed())
    with progress_bar("generating", 2, every_s=0.01) as advance:
        time.sleep(0.05)
        advance(2)


def test_an_error_of_the_work_comes_through_and_ends_the_lines(capsys):
    with pytest.raises(ZeroDivisionError), progress_bar("dividing", 2, every_s=0.01):
        1 / 0  # noqa: B018
    capsys.readouterr()
    time.sleep(0.05)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("done", "elapsed_s", "line"),
    [
        (0.0, 30.0, "training: 0 % of 100 % after 30 s"),
        (0.001, 86.4, "training: 0.1 % of 100 %, 0.069 % per min, ends about 30 Nov 11:58"),
        (1.0, 50.0, "training: 100 % of 100 %, 2 % per s, ends about 12:00:00"),
    ],
)
def test_the_end_is_that_of_work_going_on_at_the_same_rate(done, elapsed_s, line):
    assert progress_line("training", done, 1.0, elapsed_s, NOON) == line


def test_reports_of_a_training_move_its_bar_to_the_end():
    moved: list[float] = []
    report = follow(moved.append, 1.0)
    for done in (10, 40, 80):
        report(done, 80)
    assert moved == [0.125, 0.375, 0.5]


def test_work_goes_on_untold_where_no_thread_may_start(monkeypatch, capsys):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with progress_bar("working", 2) as advance:
        advance(1)
    assert capsys.readouterr().err == ""
