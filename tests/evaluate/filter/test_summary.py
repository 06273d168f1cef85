import numpy as np
import pytest

from hepsets.evaluate.filter.summary import FilterSummary


def test_parts_add_up_to_the_whole():
    rng = np.random.default_rng(1)
    scores, p = rng.random((100, 2)), rng.random((100, 2))
    weights = np.where(rng.random((100, 1)) < p, 1 / p, 0.0)
    kept = (weights > 0).any(axis=1)
    whole, parts = FilterSummary.of(["a", "b"]), FilterSummary.of(["a", "b"])
    whole.add(scores, p, weights, kept)
    for begin in range(0, 100, 33):
        part = slice(begin, begin + 33)
        parts.add(scores[part], p[part], weights[part], kept[part])
    assert (whole.read, whole.kept) == (parts.read, parts.kept) == (100, kept.sum())
    for one, other in zip(whole.skims, parts.skims, strict=True):
        assert one.kept == other.kept
        assert one.sum_weights == pytest.approx(other.sum_weights)
        assert one.effective == pytest.approx(other.effective)
        assert np.array_equal(one.scores, other.scores)
        assert one.scores.sum() == one.probabilities.sum() == 100
    assert whole.independent == pytest.approx(parts.independent)
    assert whole.independent == pytest.approx((1 - (1 - p[:, 0]) * (1 - p[:, 1])).sum())


def test_the_mean_weight_is_one_within_its_own_error():
    rng = np.random.default_rng(3)
    p = rng.uniform(0.05, 1, (300, 1))
    pulls = []
    for _ in range(1000):
        summary = FilterSummary.of(["a"])
        weights = np.where(rng.random((300, 1)) < p, 1 / p, 0.0)
        summary.add(p, p, weights, weights[:, 0] > 0)
        mean = summary.skims[0].mean_weight
        pulls.append((mean.value - 1) / mean.se)
    assert abs(np.mean(pulls)) < 0.3  # the error is estimated, so a pull's mean is not quite zero
    assert np.std(pulls) == pytest.approx(1, abs=0.15)
    exact = FilterSummary.of(["a"])
    exact.add(p, p, np.ones_like(p), np.ones(300, dtype=bool))
    assert (exact.skims[0].mean_weight.value, exact.skims[0].mean_weight.se) == (1.0, 0.0)


def test_the_effective_size_is_kish_s():
    summary = FilterSummary.of(["a"])
    weights = np.array([[1.0], [4.0], [0.0]])
    summary.add(np.zeros((3, 1)), np.ones((3, 1)), weights, weights[:, 0] > 0)
    assert summary.skims[0].effective == pytest.approx(25 / 17)
    assert FilterSummary.of(["a"]).skims[0].effective == 0.0


def test_warnings_name_what_is_strange():
    summary = FilterSummary.of(["a"], unbiased=False)
    assert "biased" in summary.lines()[-1]
    summary = FilterSummary.of(["a"])
    assert not [line for line in summary.lines() if "warning" in line]
    summary.outside = 3
    summary.reasons.update({"beam": 1, "particle": 2})
    summary.unknown_ids.update({9: 1, 7: 1})
    summary.doubled = 4
    text = "\n".join(summary.lines())
    assert "particle (2); beam (1)" in text
    assert "never saw: 7 (1), 9 (1)" in text
    assert "4 events are equal to earlier ones" in text
