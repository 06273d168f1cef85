import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hepsets.evaluate.filter.importance_sampling import choose_logistic_rule, importance_speedup
from hepsets.evaluate.filter.keep_rule import KeepRule, LogisticRule, correct_prior
from hepsets.evaluate.filter.speedup import SpeedupConfig
from hepsets.evaluate.scores.sample import scored

PROBABILITY = st.floats(0.0, 1.0)


@given(PROBABILITY, st.floats(0.1, 20), st.floats(0.001, 1), st.floats(0.01, 0.5))
def test_root_probabilities_stay_between_floor_and_one(score, scale, floor, retention):
    p = float(KeepRule(scale, floor, 0.5, retention)(score))
    assert floor <= p <= 1


def test_root_probabilities_go_with_the_square_root_of_the_pass_probability():
    rule = KeepRule(2.0, 0.001, 0.5, 0.05)
    scores = np.linspace(0.01, 0.8, 50)
    assert np.allclose(rule(scores) ** 2 / 4, correct_prior(scores, 0.5, 0.05))


@given(PROBABILITY, st.floats(-8, 8), st.floats(0.001, 0.5))
def test_logistic_probabilities_stay_between_floor_and_one(score, offset, floor):
    assert floor <= float(LogisticRule(offset, floor)(score)) <= 1


def test_logistic_probabilities_are_the_score_itself_without_an_offset():
    scores = np.linspace(0, 1, 101)
    assert np.allclose(LogisticRule(0.0, 1e-9)(scores[1:]), scores[1:])
    logit = np.log(scores[1:-1] / (1 - scores[1:-1]))
    assert np.allclose(LogisticRule(1.5, 1e-9)(scores[1:-1]), 1 / (1 + np.exp(-logit - 1.5)))


def test_the_best_logistic_rule_is_better_than_a_bare_score():
    rng = np.random.default_rng(3)
    p = rng.beta(0.3, 4, 20_000)
    labels = rng.random(len(p)) < p
    scores = correct_prior(p, labels.mean(), 0.5)
    costs = SpeedupConfig(retention=None, time_network=0.0)
    best = choose_logistic_rule(scored(labels, scores), costs)

    def speedup(rule):
        return importance_speedup(labels, rule(scores), None, costs).speedup

    assert speedup(best) >= speedup(LogisticRule(0.0, 0.01))
    assert speedup(best) > 1.2
