"""How long a training goes on follows from its validation losses alone."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.schedule import (
    IMPROVEMENT,
    SCHEDULES,
    Constant,
    Cosine,
    Plan,
    Schedule,
    Settle,
    is_flat,
)

FALLING = [float(loss) for loss in 0.7 * 0.97 ** np.arange(300)]
STOPS = [*FALLING[:20], *[FALLING[19]] * 280]


def course(plan: Plan, losses: list[float]) -> tuple[int, list[float]]:
    """How many epochs a training with these losses lasts, and the rates at the begin of each."""
    seen: list[float] = []
    rates = []
    while not plan.ended(seen):
        rates.append(plan.rate(seen, 0.0))
        seen.append(losses[len(seen)])
    return len(seen), rates


def test_a_loss_that_creeps_no_longer_improves():
    assert is_flat([0.5, 0.5 * (1 - IMPROVEMENT / 2), 0.5 * (1 - IMPROVEMENT / 1.5)], 2)
    assert not is_flat([0.5, 0.5, 0.5 * (1 - 2 * IMPROVEMENT)], 2)


def test_a_small_sample_is_passed_as_often_as_the_least_steps_need():
    assert FitConfig(least_steps=1500).plan(steps=8).epochs == 188
    assert FitConfig(least_steps=1500).plan(steps=176).epochs == 10


def test_settling_waits_until_the_loss_is_flat_and_ends_with_a_falling_rate():
    plan = Settle(100, patience=5)
    epochs, rates = course(plan, STOPS)
    assert epochs == 25 + 9  # twenty that improve, five without, a third as many while the rate falls
    assert rates[:26] == [1.0] * 26
    assert all(np.diff(rates[25:]) < 0)
    assert plan.rate(STOPS[:33], 1 - 1e-9) == pytest.approx(0.0)
    assert plan.converged(STOPS[:epochs]) is True


def test_settling_that_is_cut_short_lets_the_rate_fall_all_the_same_and_says_so():
    plan = Settle(20, patience=4)
    epochs, rates = course(plan, FALLING)
    assert epochs == 20
    assert rates[15] == 1.0 > rates[16] > rates[19]
    assert plan.converged(FALLING[:20]) is False


def test_the_first_epoch_of_a_falling_rate_starts_from_the_best_state_and_no_other():
    plan = Settle(100, patience=5)
    assert [n for n in range(34) if plan.falls_now(STOPS[:n])] == [25]
    assert not any(Cosine(100, 5).falls_now(STOPS[:n]) for n in range(100))


def test_a_constant_rate_runs_its_epochs_and_knows_whether_it_was_still_improving():
    plan = Constant(40, patience=8)
    assert course(plan, FALLING)[0] == course(plan, STOPS)[0] == 40
    assert plan.converged(FALLING[:40]) is False
    assert plan.converged(STOPS[:40]) is True


def test_nobody_can_tell_from_a_rate_that_falls_on_a_fixed_plan():
    assert Cosine(40, 8).converged(STOPS[:40]) is None


@given(
    st.lists(st.floats(0.1, 1.0), min_size=60, max_size=60),
    st.integers(1, 60),
    st.integers(2, 20),
    st.sampled_from(sorted(set(SCHEDULES) - {"plateau"})),
)
def test_every_training_ends_in_time_and_its_rate_never_rises(losses, epochs, patience, schedule):
    plan = SCHEDULES[schedule](epochs, patience)
    lasted, rates = course(plan, losses)
    assert 1 <= lasted <= epochs
    assert rates[0] == 1.0
    assert all(np.diff(rates) <= 0)
    if isinstance(plan, Settle):  # what is settled stays so, whatever comes after
        settled = plan.settled(losses[:lasted])
        assert settled is not None
        assert all(plan.settled(losses[:n]) == (settled if n >= settled else None) for n in range(lasted))


def test_every_name_that_a_config_takes_is_a_schedule():
    assert tuple(SCHEDULES) == get_args(Schedule)
    assert all(type(FitConfig(schedule=name).plan(10)) is plan for name, plan in SCHEDULES.items())


def test_a_plateau_lowers_the_rate_only_where_the_loss_waits():
    plan = SCHEDULES["plateau"](10, 2, plateau=(0.5, 1))
    assert [plan.rate([0.7, 0.6, *[0.6] * n], 0.0) for n in range(5)] == [1.0, 1.0, 0.5, 0.5, 0.25]


def test_a_training_ends_early_after_so_many_epochs_without_a_lower_loss() -> None:
    plan = SCHEDULES["plateau"](epochs=50, patience=5, plateau=(0.3, 2), stop_after=3)
    assert not plan.ended([0.5, 0.4, 0.41, 0.4])
    assert plan.ended([0.5, 0.4, 0.41, 0.4, 0.45])
    assert plan.ended([0.3] * 50)
