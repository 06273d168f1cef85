"""The limit of importance sampling where few trials do not resolve the least likely events.

``python tests/evaluate/test_importance_limit.py`` prints the table of docs/evaluation.md (minutes).
"""

import numpy as np
import pytest
from scipy.stats import beta

from hepsets.core.errors import InputError
from hepsets.evaluate.filter.limit import Further, estimate_limit
from hepsets.evaluate.filter.speedup import SpeedupConfig

COSTS = SpeedupConfig(retention=None, time_network=None)
TRIALS, FURTHER, FEW, EVENTS = 100, 1100, 2, 4000

QUANTILES = {
    "Beta(0.15, 3)": beta(0.15, 3).ppf,
    "Beta(0.5, 4)": beta(0.5, 4).ppf,
    "Beta(2, 5)": beta(2, 5).ppf,
    "0.3 (15 %) or 0.001": lambda u: np.where(u < 0.15, 0.3, 0.001),
    "0.25 (15 %) or 0.01": lambda u: np.where(u < 0.15, 0.25, 0.01),
    "log-uniform 5e-6 to 0.5": lambda u: 0.5 * 10 ** (-5 * u),
}
"""Distributions of the pass probability, by their quantile functions."""


def exact(quantile):
    """Limits of AUC and importance sampling by quadrature over the distribution."""
    return exact_of(quantile((np.arange(50_000) + 0.5) / 50_000))


def exact_of(probabilities):
    """The same for equally likely pass probabilities."""
    p = np.sort(probabilities)[::-1]
    r, t_g, t_s = p.mean(), COSTS.time_generate, COSTS.time_simulate
    best = 0.0
    for scale in np.geomspace(0.3, 30, 100):
        keep = np.clip(scale * np.sqrt(p), 1e-12, 1)
        best = max(best, (t_g + t_s) / (np.mean(p / keep) / r * (t_g + t_s * keep.mean())))
    f1, f0 = (np.append(0, np.cumsum(x) / x.sum()) for x in (p, 1 - p))
    return np.trapezoid(f1, f0), best


def estimate(quantile, rng, *, further=FURTHER, balanced=True, replicas=25):
    """A limit as a run makes it: a balanced, weighted sample, and further trials by the counts."""
    retention = float(np.mean(quantile((np.arange(50_000) + 0.5) / 50_000)))
    p = quantile(rng.random(40 * EVENTS if balanced else EVENTS))
    label = rng.random(len(p)) < p
    weight = np.ones(len(p))
    if balanced:
        passing, failing = np.flatnonzero(label)[: EVENTS // 2], np.flatnonzero(~label)
        weight[failing] = (1 - retention) / retention
        chosen = np.concatenate([passing, failing[: EVENTS // 2]])
        p, label, weight = p[chosen], label[chosen], weight[chosen]
    passes = rng.binomial(TRIALS // 2, p[:, None], (len(p), 2))
    few = passes.sum(axis=1) <= FEW
    more = np.where(few, rng.binomial(further, p), -1) if further else None
    return estimate_limit(
        passes,
        TRIALS,
        weight,
        COSTS.resolve(retention=retention if balanced else None),  # errors are those at a fixed one
        further=None if more is None else Further(more, further),
        strata=label,
        seed=int(rng.integers(2**31)),
        replicas=replicas,
    )


@pytest.mark.parametrize("name", QUANTILES)
def test_further_trials_leave_no_bias_and_the_error_covers_the_truth(name):
    rng = np.random.default_rng(20)
    auc, truth = exact(QUANTILES[name])
    found = [estimate(QUANTILES[name], rng, replicas=20) for _ in range(10)]
    value = np.array([limit.importance_speedup.value for limit in found])
    error = np.array([limit.importance_speedup.se for limit in found])
    # 1 %, and what ten samples leave to chance
    assert abs(value.mean() / truth - 1) < 0.011 + 2.5 * value.std(ddof=1) / truth / np.sqrt(10)
    # χ² of ten has 29.6 at a level of one in a thousand
    assert np.mean((value - truth) ** 2) < 2.96 * np.mean(error**2)
    areas = np.array([limit.auc.value for limit in found])
    # a distribution of two points comes out a little broader, which flatters its area
    assert abs(areas.mean() - auc) < (0.006 if " or " in name else 0.001) + 2.5 * areas.std(ddof=1) / np.sqrt(
        10
    )


@pytest.mark.parametrize("name", QUANTILES)
def test_the_bracket_holds_what_the_sample_itself_would_reach(name):
    """No chance of the choice of events: the exact limit of the very events that were simulated."""
    rng = np.random.default_rng(21)
    inside = 0
    for _ in range(8):
        own_p = QUANTILES[name](rng.random(EVENTS))
        _, own = exact_of(own_p)
        limit = estimate(lambda _, own_p=own_p: own_p, rng, balanced=False, replicas=2)
        low, high = limit.importance_bracket
        assert low - 1e-9 <= limit.importance_speedup.value <= high + 1e-9
        # what binomial noise moves at a given distribution is 0.5 %
        inside += low * 0.993 < own < high * 1.007
        assert limit.importance_halves.value < high
    assert inside >= 7


def test_the_error_reaches_across_the_bracket_where_the_value_is_at_its_end():
    """Nearly all events pass once in 10⁵ trials: of these nothing is resolved, and the value is a bound."""
    rng = np.random.default_rng(24)

    def quantile(u):
        return np.where(u < 0.03, 0.2 + 0.7 * u / 0.03, 1e-5)

    _, truth = exact(quantile)
    for _ in range(4):
        limit = estimate(quantile, rng, replicas=5)
        low, high = limit.importance_bracket
        value, error = limit.importance_speedup.value, limit.importance_speedup.se
        assert high - value < 0.1 * (high - low)
        assert error > 0.9 * (high - low) / np.sqrt(3)
        assert abs(value - truth) < 3 * error


def test_few_trials_say_so_in_the_bracket():
    rng = np.random.default_rng(22)
    quantile = QUANTILES["Beta(0.15, 3)"]
    few, many = (estimate(quantile, rng, further=further, replicas=4) for further in (0, FURTHER))
    width = [np.ptp(limit.importance_bracket) / limit.importance_speedup.value for limit in (few, many)]
    assert width[0] > 2 * width[1] > 0.02
    assert (few.further_events, few.further_trials) == (0, 0)
    assert (many.further_trials, many.further_events > 500) == (FURTHER, True)


def test_further_trials_that_pass_always_or_never_are_ordinary():
    passes = np.repeat([[20, 20], [0, 0]], [50, 950], axis=0)
    further = Further(np.where(passes.sum(axis=1) <= 2, 0, -1), 500)
    limit = estimate_limit(passes, 40, None, COSTS, further=further, replicas=5)
    assert limit.auc.value == pytest.approx(1, abs=1e-3)
    assert limit.importance_bracket[1] == pytest.approx(1.01 / (0.05 + 0.01), rel=0.05)


@pytest.mark.parametrize(("passes", "trials"), [([0, 11], 10), ([0, -2], 10), ([0], 10), ([0.0, 1.0], 10)])
def test_further_counts_that_do_not_fit_are_refused(passes, trials):
    with pytest.raises(InputError, match="further trials"):
        estimate_limit(np.array([[1, 0], [2, 3]]), 8, None, COSTS, further=Further(np.array(passes), trials))


def table(samples: int = 40) -> None:
    """Bias and coverage of limits of importance sampling and AUC, and the bracket."""
    print("| p | exact | 100 trials | with 1 100 further | quoted error | covered | bracket | AUC |")
    for name, quantile in QUANTILES.items():
        rng = np.random.default_rng(1)
        auc, truth = exact(quantile)
        plain = [estimate(quantile, rng, further=0, replicas=2) for _ in range(samples)]
        found = [estimate(quantile, rng) for _ in range(samples)]
        value = np.array([limit.importance_speedup.value for limit in found])
        error = np.array([limit.importance_speedup.se for limit in found])
        bracket = np.array([limit.importance_bracket for limit in found]) / value[:, None]
        low, high = 100 * (bracket.mean(axis=0) - 1)
        old = np.mean([limit.importance_speedup.value for limit in plain]) / truth
        area = np.mean([limit.auc.value for limit in found]) - auc
        bias, chance = 100 * value.mean() / truth - 100, 100 * value.std(ddof=1) / truth / samples**0.5
        print(
            f"| {name} | {truth:.3f} | {100 * old - 100:+.1f} % | {bias:+.1f} ± {chance:.1f} % | "
            f"{100 * error.mean() / truth:.1f} % | {100 * np.mean(np.abs(value - truth) < error):.0f} % | "
            f"{low:+.1f} to {high:+.1f} % | {area:+.4f} |",
            flush=True,
        )


if __name__ == "__main__":
    table()
