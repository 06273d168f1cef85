import numpy as np
import pytest
from scipy.stats import kstest

from hepsets.core.errors import InputError
from hepsets.evaluate.scores.shapes import shape_closure


def closed(random, shift=0.0, n=2000):
    """Data and simulation, weighted at random; simulation is off by ``shift`` and reweighted exactly."""
    data, simulated = random.normal(shift, 1, n), random.normal(0, 1, 2 * n)
    before = random.choice([1.0, 3.0], 2 * n)
    after = before * np.exp(shift * simulated - 0.5 * shift**2)
    return shape_closure("x", (data, np.ones(n)), simulated, before, after)


def test_p_values_are_uniform_where_shapes_are_the_same():
    random = np.random.default_rng(1)
    found = [closed(random) for _ in range(300)]
    assert kstest([one.p_before for one in found], "uniform").pvalue > 0.01
    assert found[0].ndof == 9


def test_exact_weights_close_what_was_open():
    random = np.random.default_rng(2)
    found = [closed(random, 0.2) for _ in range(150)]
    assert np.median([one.p_before for one in found]) < 1e-4
    assert kstest([one.p_after for one in found], "uniform").pvalue > 0.01
    assert found[0].after.sum() == pytest.approx(1)


def test_negative_weights_subtract_and_cancelling_ones_are_refused():
    random = np.random.default_rng(3)
    values = np.concatenate([random.normal(0, 1, 4000), random.normal(3, 0.5, (2, 1000)).ravel()])
    weights = np.concatenate([np.ones(5000), -np.ones(1000)])
    simulated = random.normal(0, 1, 4000)
    ones = np.ones(4000)
    assert shape_closure("x", (values, weights), simulated, ones, ones).p_before > 1e-3
    with pytest.raises(InputError, match="do not add to a positive number"):
        shape_closure("x", (values, -weights), simulated, ones, ones)
