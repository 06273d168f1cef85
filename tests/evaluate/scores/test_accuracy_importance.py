import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.scores.accuracy_importance import accuracy_importance
from hepsets.evaluate.scores.importance import exchange_column

CLASSES = ("b", "c", "s")


def toy(random, n=3000):
    """Three classes at corners of column 0 and 1; column 2 is noise, which the classifier ignores."""
    truth = random.integers(0, 3, n)
    centre = np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]])[truth]
    return truth, np.column_stack([random.normal(centre), random.normal(size=n)])


def score(x):
    logits = np.stack([2 * x[:, 0] - 2, 2 * x[:, 1] - 2, np.zeros(len(x))], axis=1)
    p = np.exp(logits)
    return p / p.sum(axis=1, keepdims=True)


EXCHANGES = {f"x{column}": exchange_column(column) for column in range(3)}


def test_noise_is_worth_nothing_and_the_inputs_that_tell_are_worth_what_symmetry_says():
    truth, x = toy(np.random.default_rng(1))
    first, second, noise = accuracy_importance(score, x, truth, CLASSES, EXCHANGES)
    assert noise.accuracy_loss.value == 0
    assert noise.loss_growth.value == pytest.approx(0, abs=1e-12)
    assert first.accuracy_loss.value > 10 * first.accuracy_loss.se
    difference = first.accuracy_loss.value - second.accuracy_loss.value
    assert abs(difference) < 4 * np.hypot(first.accuracy_loss.se, second.accuracy_loss.se)
    assert first.loss_growth.value > 0


def test_the_error_is_the_spread_over_samples():
    random = np.random.default_rng(2)
    found = [
        accuracy_importance(score, *toy(random, 300)[::-1], CLASSES, {"x0": exchange_column(0)}, seed=i)[0]
        for i in range(200)
    ]
    spread = np.std([one.accuracy_loss.value for one in found])
    assert np.mean([one.accuracy_loss.se for one in found]) == pytest.approx(spread, rel=0.25)


def test_no_repetition_is_refused():
    with pytest.raises(InputError, match="0 repetitions"):
        accuracy_importance(score, np.zeros((3, 3)), [0, 1, 2], CLASSES, EXCHANGES, repeats=0)
