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
        assert np.array_equal(one.probabilities, other.probabilities)
        assert one.expected == pytest.approx(other.expected)
        assert one.scores.sum() == one.probabilities.sum() == 100
    assert whole.independent == pytest.approx(parts.independent)
    assert whole.independent == pytest.approx((1 - (1 - p[:, 0]) * (1 - p[:, 1])).sum())


def test_three_events_behind_an_earlier_filter_are_counted_by_hand():
    """They came with weights 2, 1 and 1; the first is kept with probability 1/2, the last for sure."""
    summary = FilterSummary.of(["a", "b"])
    scores = np.array([[0.0, 0.5], [0.07, 0.5], [1.0, 0.5]])
    probabilities = np.array([[0.5, 0.2], [0.25, 0.2], [1.0, 0.2]])
    weights, before = np.array([[4.0, 0], [0, 0], [1, 5]]), np.array([[2.0, 2], [1, 1], [1, 1]])
    summary.add(scores, probabilities, weights, np.array([True, False, True]), before)
    assert (summary.read, summary.kept) == (3, 2)
    assert summary.independent == pytest.approx(1 - 0.5 * 0.8 + 1 - 0.75 * 0.8 + 1)
    a, b = summary.skims
    assert (a.name, a.kept, a.sum_weights, a.sum_weights2, a.sum_before) == ("a", 2, 5, 17, 4)
    assert (a.chance, a.expected) == (4 * 2, 1.75)
    assert (a.mean_weight.value, a.mean_weight.se) == pytest.approx((5 / 4, np.sqrt(8) / 4))
    assert (b.name, b.kept, b.sum_weights, b.sum_before) == ("b", 1, 5, 4)
    assert b.chance == 5 * 4
    assert np.flatnonzero(a.scores).tolist() == [0, 1, 19]
    assert np.flatnonzero(a.probabilities).tolist() == [5, 10, 19]
    assert (b.scores[10], b.probabilities[4]) == (3, 3)
    summary.add(scores, probabilities, weights, np.ones(3, dtype=bool))
    assert (a.sum_before, a.chance, summary.kept) == (7, 8 + 4 * 3, 5)


def test_the_lines_tell_a_shift_what_was_kept():
    summary = FilterSummary.of(["a"])
    assert summary.lines() == [
        "0 of 0 events kept (0.00 %)",
        "a: 0 kept, sum of weights 0.0, effective size 0.0",
    ]
    assert (summary.unbiased, summary.weighted, summary.skims[0].mean_weight.value) == (True, True, 0)
    weights = np.array([[4.0], [0], [1.5], [0]])
    summary.add(weights / 4, weights / 4, weights, weights[:, 0] > 0)
    kept = "2 of 4 events kept (50.00 %)"
    assert summary.lines() == [kept, "a: 2 kept, sum of weights 5.5 ± 3.6, effective size 1.7"]
    summary.earlier["hepsets_b"] = None
    told = "a: 2 kept, sum of weights 5.5 ± 3.6 (4.0 before), effective size 1.7"
    assert summary.lines() == [kept, told, "weights of earlier filters are multiplied in: hepsets_b"]
    other = FilterSummary.of(["a"], unbiased=False, weighted=False)
    other.earlier.update({"hepsets_b": None, "hepsets_c": None})
    assert other.lines()[2:] == [
        "weights of earlier filters are left as they are: hepsets_b, hepsets_c",
        "warning: the events that were left out cannot be weighted for: the rest is biased",
    ]


def test_at_most_eight_unknown_ids_are_named():
    summary = FilterSummary.of(["a"])
    summary.unknown_ids.update({pdg: 20 - pdg for pdg in range(1, 11)})
    (line,) = (line for line in summary.lines() if "PDG" in line)
    assert line.endswith("never saw: " + ", ".join(f"{pdg} ({20 - pdg})" for pdg in range(1, 9)))


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
