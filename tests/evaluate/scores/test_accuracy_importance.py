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


def probabilities(x):
    """Of events that are themselves the probabilities of two classes."""
    return x


def test_three_events_of_which_two_are_exchanged_lose_what_a_hand_calculation_says():
    x = np.array([[0.8, 0.2], [0.8, 0.2], [0.2, 0.8]])
    swap = {"last two": lambda events, random: events[[0, 2, 1]]}
    (found,) = accuracy_importance(probabilities, x, [0, 0, 1], ("b", "c"), swap)
    assert found.name == "last two"
    assert (found.accuracy_loss.value, found.accuracy_loss.se) == pytest.approx((2 / 3, 1 / 3))
    growth = found.loss_growth.value, found.loss_growth.se
    assert growth == pytest.approx((2 / 3 * np.log(4), np.log(4) / 3))


def test_an_event_that_is_surely_wrong_costs_as_much_as_one_in_ten_million():
    """The first event, whose probability has a rounding above one, becomes the second."""
    x = np.array([[1.0005, 0.0], [0.0, 1.0]])
    second = {"all": lambda events, random: events[[1, 1]]}
    (found,) = accuracy_importance(probabilities, x, [0, 1], ("b", "c"), second, repeats=1)
    assert (found.accuracy_loss.value, found.accuracy_loss.se) == (0.5, 0.5)
    assert found.loss_growth.value == pytest.approx(0.5 * np.log(1e7), abs=1e-9)


def test_each_input_and_each_of_three_repetitions_has_random_numbers_of_its_own():
    drawn = []

    def draw(events, random):
        drawn.append(random.random())
        return events

    accuracy_importance(probabilities, np.eye(2), [0, 1], ("b", "c"), {"one": draw, "other": draw})
    expected = [np.random.default_rng([0, place, i]).random() for place in range(2) for i in range(3)]
    assert drawn == expected


def test_no_repetition_is_refused():
    with pytest.raises(InputError, match="0 repetitions"):
        accuracy_importance(score, np.zeros((3, 3)), [0, 1, 2], CLASSES, EXCHANGES, repeats=0)
