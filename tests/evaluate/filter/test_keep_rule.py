import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsets.core.errors import InputError
from hepsets.evaluate.filter.importance_sampling import choose_logistic_rule, importance_speedup
from hepsets.evaluate.filter.keep_rule import KeepRule, LogisticRule, ProtectedRule, correct_prior
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
        return importance_speedup(labels, rule(scores), None, costs).speedup.value

    assert speedup(best) >= speedup(LogisticRule(0.0, 0.01))
    assert speedup(best) > 1.2


def test_a_protected_rule_has_the_scale_of_the_events_bin_and_one_for_events_without_the_observable():
    rule = ProtectedRule("missing_energy", (1.0, 2.0), (0.5, 1.0, 2.0), 3.0, 0.2, 0.4, 0.05)
    values = np.array([-9, 0.9, 1, 1.9, 2, 9, 0.5, np.nan])
    valid = np.array([True] * 6 + [False] * 2)
    assert rule.bins(values, valid).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    scales = np.array([0.5, 0.5, 1, 1, 2, 2, 3, 3])
    assert rule(np.full(8, 0.7), values, valid) == pytest.approx(
        np.clip(scales * np.sqrt(correct_prior(0.7, 0.4, 0.05)), 0.2, 1)
    )
    assert rule(np.zeros(8), values, valid) == pytest.approx(0.2)
    assert rule(np.ones(8), values, valid) == pytest.approx(np.clip(scales, 0.2, 1))


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_shares_of_nobody_and_of_everybody_are_refused(share):
    for shares in ((share, 0.05), (0.5, share)):
        with pytest.raises(InputError, match=f"share of passing events of {share}"):
            correct_prior(0.5, *shares)


def test_a_network_trained_on_the_population_needs_no_other_prior():
    scores = np.linspace(0, 1, 11)
    assert correct_prior(scores, 0.05, 0.05) == pytest.approx(scores)
    odds = correct_prior(scores[1:-1], 0.4, 0.1) / (1 - correct_prior(scores[1:-1], 0.4, 0.1))
    assert odds == pytest.approx(scores[1:-1] / (1 - scores[1:-1]) * (0.1 / 0.9) / (0.4 / 0.6))
