"""Rules that protect an observable: equal effective fractions, unbiased, and at least cost."""

from dataclasses import replace

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.evaluate.filter import protected_rule
from hepsets.evaluate.filter.bias import measure_weighted_bias
from hepsets.evaluate.filter.effective_fraction import measure_effective_fraction
from hepsets.evaluate.filter.importance_sampling import choose_keep_rule, importance_speedup
from hepsets.evaluate.filter.keep_rule import ProtectedRule, correct_prior
from hepsets.evaluate.filter.protected_rule import FLOORS, FRACTIONS, choose_protected_rule
from hepsets.evaluate.filter.speedup import SpeedupConfig
from hepsets.evaluate.scores.sample import scored

COSTS = SpeedupConfig(retention=None, time_network=0.001)
EDGES = np.linspace(0, 5, 9)


def balanced(seed, n):
    """Values, which have them, labels, scores and weights of a balanced sample; high values hardly pass."""
    rng = np.random.default_rng(seed)
    x, z = rng.uniform(0, 5, n), rng.normal(size=n)
    probability = 1 / (1 + np.exp(3.2 + 0.4 * x - (2.2 - 0.25 * x) * z))
    labels = rng.random(n) < probability
    r = labels.mean()
    chosen = labels | (rng.random(n) < r / (1 - r))
    weights = np.where(labels, 1.0, (1 - r) / r)[chosen]
    scores = correct_prior(probability[chosen], r, 0.5)
    return x[chosen], rng.random(chosen.sum()) < 0.9, labels[chosen], scores, weights


@pytest.fixture(scope="module")
def rule():
    x, valid, *sample = balanced(1, 300_000)
    return choose_protected_rule("missing_energy", x, valid, scored(*sample), COSTS)


@pytest.fixture(scope="module")
def test_sample():
    return balanced(2, 300_000)


def fractions(keep, sample):
    x, valid, labels, _, weights = sample
    return measure_effective_fraction(
        "x", x[labels], labels, keep, weights, COSTS, valid=valid[labels], edges=EDGES
    )


def test_bins_of_other_events_keep_one_effective_fraction(rule, test_sample):
    x, valid, labels, scores, weights = test_sample
    protected = fractions(rule(scores, x, valid), test_sample)
    plain = fractions(choose_keep_rule(scored(labels, scores, weights), COSTS)(scores), test_sample)
    assert plain.fraction[0] > 2.5 * plain.fraction[-1]
    mean = np.average(protected.fraction, weights=protected.fraction_se**-2)
    # scales come from 200 to 1000 passing validation events in each bin: 3 to 7 %
    sigma = np.hypot(protected.fraction_se, 0.05 * mean)
    assert np.sum(((protected.fraction - mean) / sigma) ** 2) < 20
    assert protected.fraction.max() < 1.25 * protected.fraction.min()
    without = ~valid & labels
    inverse = np.mean(1 / rule(scores, x, valid)[without])
    assert 1 / inverse == pytest.approx(mean, rel=0.1)


def test_on_the_events_it_was_chosen_on_the_fractions_are_equal_exactly(rule):
    x, valid, labels, scores, _ = balanced(1, 300_000)
    keep, bins = rule(scores, x, valid), rule.bins(x, valid)
    found = [1 / np.mean(1 / keep[labels & (bins == b)]) for b in range(len(rule.scales) + 1)]
    assert np.array(found) == pytest.approx(found[0], rel=1e-9)


def test_weights_under_protection_have_no_bias(rule, test_sample):
    x, valid, labels, scores, _ = test_sample
    keep = rule(scores, x, valid)
    rng = np.random.default_rng(3)
    pulls = [
        measure_weighted_bias(
            "x", x[labels], rng.random(labels.sum()) < keep[labels], keep[labels], edges=EDGES
        ).pulls
        for _ in range(150)
    ]
    assert np.mean(pulls) == pytest.approx(0, abs=4 / np.sqrt(np.size(pulls)))
    assert np.std(pulls) == pytest.approx(1, abs=0.08)


def test_no_other_probabilities_with_these_fractions_cost_less(rule):
    """Lagrange's condition, by brute force: any small change that keeps all fractions costs more."""
    x, valid, labels, scores, weights = balanced(1, 300_000)
    costs = COSTS.resolve(retention=float(np.average(labels, weights=weights)))
    keep, bins = rule(scores, x, valid), rule.bins(x, valid)
    best = importance_speedup(labels, keep, weights, costs).speedup.value
    passing = 1 / labels.sum() * labels
    chance = correct_prior(scores, 0.5, rule.population)
    rng = np.random.default_rng(4)
    shapes = [0.1 * np.sign(np.log(chance / np.median(chance))), -0.1 * scores, 0.2 * scores]
    shapes += [0.2 * np.sin(rng.uniform(1, 9) * scores + rng.uniform(0, 6)) for _ in range(5)]
    for shape in shapes:
        other = np.clip(keep * np.exp(shape), rule.floor, 1)
        for b in range(len(rule.scales) + 1):
            own = bins == b
            wanted = passing[own] @ (1 / keep[own])
            low, high = -2.0, 2.0
            for _ in range(50):  # back to the same fraction by a factor
                middle = (low + high) / 2
                trial = np.clip(keep[own] * np.exp(shape[own] + middle), rule.floor, 1)
                enough = passing[own] @ (1 / trial) <= wanted
                low, high = (low, middle) if enough else (middle, high)
            other[own] = np.clip(keep[own] * np.exp(shape[own] + high), rule.floor, 1)
        found = importance_speedup(labels, other, weights, costs)
        assert found.speedup.value < best * 1.002  # scores are finite in number: not exactly the least


def test_protection_costs_speedup_of_the_whole_and_gains_it_in_the_worst_bin(rule, test_sample):
    x, valid, labels, scores, weights = test_sample
    plain = choose_keep_rule(scored(labels, scores, weights), COSTS)
    best = importance_speedup(labels, plain(scores), weights, COSTS).speedup.value
    keep = rule(scores, x, valid)
    assert 1.2 < importance_speedup(labels, keep, weights, COSTS).speedup.value < best
    worst = fractions(keep, test_sample).speedup.min()
    for scale in np.geomspace(plain.scale, 100, 40):  # keeping more of everything does not do it
        other = replace(plain, scale=float(scale))(scores)
        assert fractions(other, test_sample).speedup.min() < 0.8 * worst


def test_where_nothing_can_be_saved_everything_is_kept():
    rng = np.random.default_rng(5)
    labels = rng.random(400) < 0.5
    scores, x = np.full(400, 0.5), rng.random(400)
    rule = choose_protected_rule("r2", x, np.ones(400, bool), scored(labels, scores), COSTS)
    assert (rule(scores, x, np.ones(400, bool)) == 1).all()


def test_values_beyond_the_edges_belong_to_the_outer_bins():
    rule = ProtectedRule("r2", (1.0, 2.0), (0.1, 0.2, 0.4), 0.8, 0.01, 0.5, 0.5)
    values, valid = [-1e9, 1.0, 1.5, 2.0, 1e30, 1.5], [True] * 5 + [False]
    assert rule.bins(values, valid).tolist() == [0, 1, 1, 2, 2, 3]
    assert rule(np.ones(6), values, valid) == pytest.approx([0.1, 0.2, 0.2, 0.4, 0.4, 0.8])


def test_values_that_are_not_finite_or_not_for_all_events_are_refused():
    x, valid, labels, scores, weights = balanced(6, 5000)
    with pytest.raises(InputError, match="not finite"):
        choose_protected_rule(
            "r2", np.where(labels, np.nan, x), valid, scored(labels, scores, weights), COSTS
        )
    with pytest.raises(InputError, match="one for each event"):
        choose_protected_rule("r2", x[1:], valid[1:], scored(labels, scores, weights), COSTS)


def few(number, seed, missing=0.1):
    """Some weighted events of an observable that is 0 to 4, whose high values are hard to tell."""
    rng = np.random.default_rng(seed)
    x, labels = rng.uniform(0, 4, number), np.arange(number) % 3 == 0
    logit = rng.normal(np.where(labels, 1, -1) * (2.5 - 0.5 * x))
    valid = rng.random(number) >= missing
    return x, valid, labels, 1 / (1 + np.exp(-logit)), np.where(labels, 1.0, 4.0) * rng.uniform(1, 2, number)


def by_trial(weight, root, inverse, floor, steps=60):
    """Scales, one for each fraction, at which weighted passing events have the mean 1/p of ``inverse``."""
    low, high = np.full(len(inverse), np.log(0.05)), np.full(len(inverse), np.log(1000.0))
    for _ in range(steps):
        middle = (low + high) / 2
        keep = np.clip(np.exp(middle)[:, None] * root, floor, 1)
        enough = (1 / keep) @ weight / weight.sum() <= inverse
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.exp(high)


def tried(rule, events, costs, floors, fractions):
    """Speedup and scales of every floor and fraction that scales between 0.05 and 1000 can have."""
    x, valid, labels, scores, weights = events
    bins, root = rule.bins(x, valid), np.sqrt(correct_prior(scores, rule.trained, rule.population))
    found = {}
    for floor in floors:
        scales = np.empty((len(rule.scales) + 1, len(fractions)))
        for b in range(len(scales)):
            own = labels & (bins == b) if b < len(rule.scales) else labels  # few are without it
            scales[b] = by_trial(weights[own], root[own], 1 / fractions, floor)
        possible = ((scales > 0.0501) & (scales < 999)).all(axis=0)
        for at in np.flatnonzero(possible):
            keep = np.clip(scales[bins, at] * root, floor, 1)
            gain = importance_speedup(labels, keep, weights, costs).speedup.value
            found[floor, fractions[at]] = gain, scales[:, at]
    return found


def test_the_chosen_rule_is_the_best_of_all_that_are_tried_by_hand(monkeypatch):
    fractions, floors = FRACTIONS[1::4], FLOORS[1::2]
    monkeypatch.setattr(protected_rule, "FRACTIONS", fractions)
    monkeypatch.setattr(protected_rule, "FLOORS", floors)
    x, valid, labels, scores, weights = events = few(240, 7)
    costs = SpeedupConfig(retention=0.1, time_generate=0.05, time_network=0.002, time_simulate=2.5)
    found = choose_protected_rule("r2", x, valid, scored(labels, scores, weights), costs, trained=0.4)
    assert (found.observable, found.trained, found.population) == ("r2", 0.4, 0.1)
    speedups = tried(found, events, costs, floors, fractions)
    best = max(gain for gain, _ in speedups.values())
    keep, bins = found(scores, x, valid), found.bins(x, valid)
    assert importance_speedup(labels, keep, weights, costs).speedup.value > 0.999 * best > 1.5
    inverse = [np.average(1 / keep[own], weights=weights[own]) for own in
               (labels & (bins == b) for b in range(len(found.scales)))]  # fmt: skip
    assert inverse == pytest.approx([inverse[0]] * len(inverse), rel=1e-9)
    (same,) = (scales for (floor, fraction), (_, scales) in speedups.items()
               if floor == found.floor and fraction == pytest.approx(1 / inverse[0]))  # fmt: skip
    assert [*found.scales, found.without] == pytest.approx(same.tolist(), rel=1e-6)


@pytest.mark.parametrize("least", [None, 1e-11, 0.0])
def test_the_speedups_to_choose_from_are_those_of_the_rules(least, monkeypatch):
    """A passing event of hardly any probability keeps high fractions out of reach."""
    fractions = FRACTIONS[::6]
    monkeypatch.setattr(protected_rule, "FRACTIONS", fractions)
    x, valid, labels, scores, weights = events = few(150, 11)
    scores[np.flatnonzero(labels & valid)[0]] = scores[0] if least is None else least
    costs = SpeedupConfig(retention=0.1, time_generate=0.05, time_network=0.02, time_simulate=2.5)
    rule = ProtectedRule("r2", (1.0, 2.5), (1.0,) * 3, 1.0, 1.0, 0.4, 0.1)
    table = protected_rule._Table(scored(labels, scores, weights), rule.bins(x, valid), 4, rule)
    for floor in (0.02, 0.2):
        gains = table.gains(costs, floor)
        expected = tried(rule, events, costs, (floor,), fractions)
        assert fractions[np.isfinite(gains)].tolist() == [fraction for _, fraction in expected]
        root = np.sqrt(correct_prior(scores, 0.4, 0.1))
        for (_, fraction), (_, scales) in expected.items():
            keep = np.clip(scales[rule.bins(x, valid)] * root, floor, 1)
            kept = [np.average(keep[own], weights=weights[own]) for own in (labels, ~labels)]
            cost = 0.05 + 0.02 + 2.5 * (0.1 * kept[0] + 0.9 * kept[1])
            assert gains[fractions == fraction] == pytest.approx(fraction * 2.55 / cost, rel=2e-3)


@pytest.mark.parametrize(("passing", "bins"), [(14, 4), (1200, 5), (4200, 20)])
def test_bins_hold_a_quarter_of_few_events_or_two_hundred(passing, bins):
    """In steps of a twentieth of the range."""
    x = np.tile(np.linspace(0, 1, passing), 2) + 0.001
    labels = np.arange(2 * passing) < passing
    scores = np.where(labels, 0.8, 0.2)
    rule = choose_protected_rule("r2", x, np.ones(len(x), bool), scored(labels, scores), COSTS)
    assert len(rule.scales) == len(rule.edges) + 1 == bins


@pytest.mark.parametrize("number", [199, 200])
def test_two_hundred_passing_events_without_the_observable_are_a_bin_of_their_own(number):
    """They are told less well than the others; fewer of them are kept as all events together."""
    rng = np.random.default_rng(8)
    labels = np.arange(2000) % 2 == 0
    valid = np.ones(2000, bool)
    valid[np.flatnonzero(labels)[:number]] = False
    valid[np.flatnonzero(~labels)[:number]] = False
    scores = 1 / (1 + np.exp(-rng.normal(np.where(labels, 1, -1) * np.where(valid, 3, 1))))
    x = np.where(valid, rng.uniform(0, 1, 2000), np.nan)
    rule = choose_protected_rule("r2", x, valid, scored(labels, scores), COSTS)
    keep = rule(scores, np.where(valid, x, 0), valid)
    fraction = [1 / np.mean(1 / keep[labels & has]) for has in (valid, ~valid)]
    assert (fraction[1] == pytest.approx(fraction[0], rel=1e-9)) == (number == 200)
    together = np.clip(rule.without * np.sqrt(correct_prior(scores, 0.5, rule.population)), rule.floor, 1)
    assert (1 / np.mean(1 / together[labels]) == pytest.approx(fraction[0], rel=1e-9)) == (number == 199)


def test_the_retention_is_the_share_of_weights_unless_it_is_known():
    x, valid, labels, scores, weights = few(60, 9)
    sample = scored(labels, scores, weights)
    rule = choose_protected_rule("r2", x, valid, sample, COSTS)
    assert rule.population == pytest.approx(weights[labels].sum() / weights.sum())
    assert rule.trained == 0.5
    known = choose_protected_rule("r2", x, valid, sample, COSTS.resolve(retention=0.2))
    assert known.population == 0.2


def test_where_nothing_can_be_saved_the_rule_still_names_its_bins():
    labels = np.arange(8) % 2 == 0
    x = np.repeat([0.5, 1.5, 2.5, 3.5], 2)
    rule = choose_protected_rule(
        "r2", x, np.ones(8, bool), scored(labels, np.full(8, 0.5)), COSTS, trained=0.3
    )
    assert rule == ProtectedRule("r2", rule.edges, (1.0,) * 4, 1.0, 1.0, 0.3, 0.5)
    assert rule.bins(x, np.ones(8, bool)).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_what_a_rule_saves_is_judged_in_the_bins_of_the_events():
    """Where nothing is told the scale is so large that it would keep all events of the other bins."""
    x = np.r_[np.linspace(0, 1, 30), np.linspace(0, 1, 30), np.full(20, 3.0)]
    labels = np.repeat([True, False, True, False], [30, 30, 10, 10])
    scores = np.repeat([0.99, 0.25, 0.01], [30, 30, 20])
    rule = choose_protected_rule("r2", x, np.ones(80, bool), scored(labels, scores), COSTS)
    keep = rule(scores, x, np.ones(80, bool))
    costs = COSTS.resolve(retention=0.5)
    assert importance_speedup(labels, keep, np.ones(80), costs).speedup.value > 1.15


def test_rules_are_chosen_on_validation_events_that_pass_and_have_the_observable():
    x, valid, labels, scores, weights = few(60, 10)
    with pytest.raises(InputError, match="keep rule is chosen"):
        choose_protected_rule("r2", x, valid, scored(labels, scores, weights, Purpose.TEST), COSTS)
    for has in (valid & ~labels, ~np.ones(60, bool)):
        with pytest.raises(InputError, match="r2: no passing event"):
            choose_protected_rule("r2", x, has, scored(labels, scores, weights), COSTS)
    with pytest.raises(InputError, match=r"\(59,\) for 60 events"):
        choose_protected_rule("r2", x[1:], valid, scored(labels, scores, weights), COSTS)
    with pytest.raises(InputError, match="one for each event"):
        choose_protected_rule("r2", x, valid[1:], scored(labels, scores, weights), COSTS)
