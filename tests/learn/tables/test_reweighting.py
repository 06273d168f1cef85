import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.evaluate.scores.sample import effective_count
from hepsets.learn.tables.reweighting import ReweightingConfig, Sample, reweight

CONFIG = ReweightingConfig(folds=2, trees=30, least_in_leaf=100, seed=1)
MEANS = (0.5, -0.3)


def sample(n: int, means=(0.0, 0.0), seed: int = 0, weights=None, first_family: int = 0) -> Sample:
    """Two normal variables, in families of five."""
    random = np.random.default_rng(seed)
    columns = {name: random.normal(mean, 1, n) for name, mean in zip("xy", means, strict=True)}
    return Sample(EventFrame(columns), first_family + np.arange(n) // 5, weights)


def truth(events) -> np.ndarray:
    """The ratio of both normal densities."""
    a, b = MEANS
    return np.exp(a * events["x"] + b * events["y"] - (a**2 + b**2) / 2)


SIMULATED = sample(4000, seed=1)
DATA = sample(4000, MEANS, seed=2, first_family=10_000)
FOUND = reweight(SIMULATED, DATA, ("x", "y"), CONFIG)


def test_weights_are_the_ratio_of_data_to_simulation() -> None:
    expected = truth(SIMULATED.events)
    assert np.corrcoef(np.log(FOUND.weights), np.log(expected))[0, 1] > 0.9
    assert effective_count(FOUND.weights) == pytest.approx(effective_count(expected), rel=0.1)


def test_means_and_widths_become_those_of_data() -> None:
    for name, mean in zip("xy", MEANS, strict=True):
        values = SIMULATED.events[name]
        found = np.average(values, weights=FOUND.weights)
        assert found == pytest.approx(mean, abs=0.07)
        assert np.average((values - found) ** 2, weights=FOUND.weights) == pytest.approx(1, abs=0.15)


def test_families_are_in_one_fold_and_folds_keep_their_sums() -> None:
    for sample_, folds in ((SIMULATED, FOUND.folds), (DATA, FOUND.data_folds)):
        assert len(folds) == len(sample_.events)
        assert (np.ptp(folds.reshape(-1, 5), axis=1) == 0).all()
    for fold in range(2):
        own = FOUND.folds == fold
        assert FOUND.weights[own].sum() == pytest.approx(own.sum())


def test_no_reweighter_saw_the_fold_that_it_weighs() -> None:
    """Data of one fold moved far away change the weights of all other folds, and none of its own."""
    moved = {"x": DATA.events["x"] + 5 * (FOUND.data_folds == 0), "y": DATA.events["y"]}
    other = reweight(SIMULATED, Sample(EventFrame(moved), DATA.groups), ("x", "y"), CONFIG)
    np.testing.assert_array_equal(other.folds, FOUND.folds)
    own = FOUND.folds == 0
    np.testing.assert_array_equal(other.weights[own], FOUND.weights[own])
    assert np.abs(other.weights[~own] - FOUND.weights[~own]).mean() > 0.1


def test_other_simulation_gets_the_mean_of_all_reweighters() -> None:
    other = sample(4000, seed=7).events
    found, expected = FOUND.multipliers(other), truth(other)
    assert np.corrcoef(np.log(found), np.log(expected))[0, 1] > 0.9
    assert found.mean() == pytest.approx(1, abs=0.06)


def test_sidebands_are_subtracted_by_negative_weights() -> None:
    """Signal as simulated, and background elsewhere: less the sideband, there is little to do."""
    random = np.random.default_rng(3)
    x = np.concatenate([random.normal(0, 1, 3000), random.normal(2, 0.5, 3000), random.normal(2, 0.5, 6000)])
    data = EventFrame({"x": x, "y": random.normal(0, 1, len(x))})
    weights = np.repeat([1.0, 1.0, -0.5], [3000, 3000, 6000])
    groups = 10_000 + np.arange(len(x))
    for given, mean in ((weights, 0.0), (np.where(weights < 0, 0, weights), 1.0)):
        found = reweight(SIMULATED, Sample(data, groups, given), ("x", "y"), CONFIG)
        x_mean = np.average(SIMULATED.events["x"], weights=found.weights)
        assert x_mean == pytest.approx(mean, abs=0.2)


def test_weights_of_simulation_are_kept_as_factors() -> None:
    own = np.where(SIMULATED.events["x"] > 0, 2.0, 1.0)
    given = Sample(SIMULATED.events, SIMULATED.groups, own)
    found = reweight(given, DATA, ("x", "y"), CONFIG)
    assert found.weights.sum() == pytest.approx(own.sum())
    assert np.average(SIMULATED.events["x"], weights=found.weights) == pytest.approx(MEANS[0], abs=0.07)


def test_what_cannot_be_reweighted_is_refused() -> None:
    frame = SIMULATED.events
    with pytest.raises(InputError, match="shapes"):
        Sample(frame, SIMULATED.groups[:-1])
    with pytest.raises(InputError, match="add to -4000"):
        Sample(frame, SIMULATED.groups, np.full(4000, -1.0))
    with pytest.raises(InputError, match="negative weights of simulation"):
        reweight(Sample(frame, SIMULATED.groups, np.where(np.arange(4000) < 9, -1.0, 1)), DATA, ("x",))
    with pytest.raises(InputError, match="no event columns"):
        reweight(SIMULATED, DATA, ("z",))
    two = Sample(frame[:10], np.repeat([1, 2], 5))
    with pytest.raises(InputError, match="take fewer folds"):
        reweight(two, DATA, ("x",))
