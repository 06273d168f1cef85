"""Trainings side by side: in the order of their tasks, one thread each."""

from __future__ import annotations

import torch
from helpers.thread_counts import threads

from hepsets.learn.training.side_by_side import side_by_side


def test_results_come_in_the_order_of_the_tasks_whatever_the_number_of_workers():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        expected = [(3, 1), (1, 1), (2, 1)]  # one thread each, here and in other processes
        for workers in (1, 2):
            assert list(side_by_side(threads, [3, 1, 2], workers=workers)) == expected
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_under_torchrun_nothing_runs_beside(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr("hepsets.core.parallel.ProcessPoolExecutor", None)  # would fail if it were asked for
    assert [task for task, _ in side_by_side(threads, [1, 2], workers=2)] == [1, 2]


def test_no_trainings_are_done_at_once():
    assert list(side_by_side(threads, [], workers=2)) == []
