import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.scores.label_saving import LabelSaving, break_even_tasks, label_saving, mean_of_draws

COUNTS = (30, 100, 300, 1000, 3000)


def rising(labels: float) -> float:
    return 0.5 + 0.1 * np.log10(labels)


SCRATCH = {n: Measured(rising(n), 0.004) for n in COUNTS}


def test_a_network_that_learns_ten_times_as_fast_saves_a_factor_of_ten():
    tuned = {n: Measured(rising(10 * n), 0.003) for n in (30, 100, 200)}
    for one in label_saving(SCRATCH, tuned):
        assert one.factor == pytest.approx(10, rel=1e-6)
        assert one.low < one.equivalent < one.high
        assert one.low == pytest.approx(one.equivalent * 10 ** (-0.005 / 0.1), rel=1e-6)
        assert not one.beyond


def test_what_scratch_never_reaches_is_a_limit_and_worse_than_scratch_is_less_than_one():
    best, worse = (label_saving(SCRATCH, {100: Measured(area, 0.0)})[0] for area in (0.95, rising(50)))
    assert best.beyond
    assert best.equivalent == 3000
    assert worse.factor == pytest.approx(0.5, rel=1e-6)


def test_a_dip_in_the_scratch_curve_does_not_hide_labels():
    dipped = {**SCRATCH, 300: Measured(0.5, 0.004)}
    (found,) = label_saving(dipped, {30: Measured(rising(100) + 1e-9, 0.0)})
    assert found.equivalent == pytest.approx(300, rel=1e-3)  # 100 reach as much as it, and 300 no more
    with pytest.raises(InputError, match="of 1 points"):
        label_saving({30: Measured(0.6, 0.1)}, {30: Measured(0.6, 0.1)})


def test_a_mean_over_draws_has_the_error_of_draws_and_of_test_events():
    rng = np.random.default_rng(1)
    means = [mean_of_draws(rng.normal(0.7, 0.02, 5), [0.0] * 5) for _ in range(400)]
    pulls = np.array([(one.value - 0.7) / one.se for one in means])
    assert abs(np.mean(np.abs(pulls) < 1.14) - 0.68) < 0.08  # Student's, four degrees of freedom
    assert mean_of_draws([0.7] * 5, [0.01] * 5).se == pytest.approx(0.01)
    with pytest.raises(InputError, match="0 areas"):
        mean_of_draws([], [])


def test_pre_training_pays_after_as_many_tasks_as_save_its_cost():
    saving = LabelSaving(100, 1100.0, 900.0, 1300.0, False)
    assert break_even_tasks(2500.0, saving, 1.0) == 3
    assert break_even_tasks(10.0, saving, 1.0) == 1
    assert break_even_tasks(2500.0, LabelSaving(100, 80.0, 60.0, 90.0, False), 1.0) is None


def test_what_scratch_beats_with_its_fewest_labels_is_a_limit_from_above_and_never_pays():
    (worse,) = label_saving(SCRATCH, {100: Measured(rising(10), 0.003)})
    assert worse.below
    assert (worse.equivalent, worse.beyond) == (30, False)
    assert break_even_tasks(10.0, worse, 1.0) is None
    (as_good,) = label_saving(SCRATCH, {30: Measured(rising(30), 0.003)})
    assert not as_good.below


def test_what_saves_labels_only_within_its_band_never_pays():
    assert break_even_tasks(10.0, LabelSaving(1000, 1100.0, 990.0, 1250.0, False), 1.0) is None
    assert break_even_tasks(10.0, LabelSaving(1000, 1100.0, 1001.0, 1250.0, False), 1.0) == 1


@pytest.mark.parametrize("shared", [0.0, 0.7])
def test_the_band_holds_what_is_true_at_least_as_often_as_one_standard_error(shared):
    rng = np.random.default_rng(4)

    def measured(area, test):
        own = rng.normal(0, 0.004 * np.sqrt(1 - shared))
        areas = area + test + own + rng.normal(0, 0.003, 20)
        return mean_of_draws(areas, [0.004] * 20)

    inside = []
    for _ in range(400):
        test = rng.normal(0, 0.004 * np.sqrt(shared))
        scratch = {n: measured(rising(n), test) for n in COUNTS}
        (one,) = label_saving(scratch, {100: measured(rising(600), test)})
        inside.append(one.low <= 600 <= one.high)
    assert np.mean(inside) > (0.9 if shared else 0.62)
