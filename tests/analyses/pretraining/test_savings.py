"""What pre-training saves, and at how many tasks it pays."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from hepsets.analyses.pretraining.curves import Cell, Point
from hepsets.analyses.pretraining.savings import costs_of, savings_of
from hepsets.analyses.pretraining.summary import equivalent, rates_in_words
from hepsets.core.measured import Measured

NONE = np.zeros(0, dtype=np.float32)


def cell(task, pretraining, tuning, labels, auc):
    points = tuple(Point(k, Measured(auc, 0.001), Measured(0.1, 0.01), 0.02) for k in range(3))
    return Cell(task, pretraining, tuning, labels, {1e-3: 0.5}, points, {}, NONE, NONE, 1.0)


CELLS = [
    *(cell("a", "none", "all", n, auc) for n, auc in ((10, 0.6), (100, 0.7), (1000, 0.8))),
    *(cell("b", "none", "all", n, auc) for n, auc in ((10, 0.6), (100, 0.7), (1000, 0.8))),
    cell("a", "masked", "all", 100, 0.8),
    cell("a", "masked", "head", 100, 0.6),
    cell("b", "masked", "all", 100, 0.65),
]


def test_a_network_as_good_as_scratch_with_ten_times_the_labels_saves_nine_tenths():
    found = {(one.task, one.tuning): one.saving for one in savings_of(CELLS)}
    assert found["a", "all"].equivalent == pytest.approx(1000)
    assert found["a", "head"].factor == pytest.approx(0.1)
    assert found["b", "all"].equivalent < 100


def test_what_saves_nothing_never_pays():
    (cost,) = costs_of(savings_of(CELLS), 60.0, {"masked": 29.0}, {"a": 0.01, "b": 0.01})
    assert cost.cpu_hours == pytest.approx(89 / 3600)
    assert cost.break_even == {"a": 10, "b": None}
    assert cost.break_even_tasks is None
    (cost,) = costs_of(
        savings_of([one for one in CELLS if one.task == "a"]), 60.0, {"masked": 29.0}, {"a": 0.01}
    )
    assert cost.break_even_tasks == 10


def test_tables_say_what_is_a_limit_and_of_which_kind():
    shown = {
        auc: equivalent(saving)
        for auc in (0.5, 0.7, 0.9)
        for saving in (savings_of([*CELLS[:3], cell("a", "masked", "all", 100, auc)])[0].saving,)
    }
    assert shown[0.5] == "< 10"
    assert shown[0.7].startswith("100 (9")
    assert shown[0.9] == "> 1,000"


def test_a_rate_at_the_end_of_those_tried_is_told_of():
    scratch = dataclasses.replace(CELLS[0], tried={1e-3: 0.6, 3e-3: 0.5})
    tuned = dataclasses.replace(CELLS[6], tried={1e-3: 0.4, 3e-3: 0.5})
    said = rates_in_words(SimpleNamespace(cells=(scratch, tuned)), "a")
    assert "in 1 of 1 trainings from scratch and 0 of 1 that start from a trunk" in said
