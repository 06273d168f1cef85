import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.evaluate.scores.area_importance import area_importance, correlated_groups
from hepsets.evaluate.scores.families import family_auc
from hepsets.evaluate.scores.importance import exchange_columns


def candidates(n: int, seed: int):
    """Two variables tell the class equally well and are one but for a little noise; a third knows nothing."""
    random = np.random.default_rng(seed)
    labels = random.random(n) < 0.5
    x = random.normal(0, 1, n) + labels
    columns = {"x": x, "copy": x + random.normal(0, 0.1, n), "noise": random.normal(0, 1, n)}
    return EventFrame(columns), labels, np.arange(n) // 2


EVENTS, LABELS, GROUPS = candidates(4000, 1)


def mean_of_both(events):
    return events["x"] + events["copy"]


def importances(exchanges, **options):
    found = area_importance(mean_of_both, EVENTS, LABELS, GROUPS, exchanges, **options)
    return {one.name: one.loss for one in found}


def test_a_score_without_all_that_it_looks_at_knows_nothing() -> None:
    found = importances({"both": exchange_columns(["x", "copy"]), "noise": exchange_columns(["noise"])})
    area = family_auc(LABELS, mean_of_both(EVENTS), GROUPS)
    assert area.value == pytest.approx(0.760, abs=0.02)  # Φ(1 / √2)
    assert found["both"].value == pytest.approx(area.value - 0.5, abs=3 * found["both"].se)
    assert found["both"].se == pytest.approx(area.se, rel=0.5)
    assert (found["noise"].value, found["noise"].se) == pytest.approx((0, 0), abs=1e-12)


def test_inputs_that_say_the_same_stand_in_for_one_another() -> None:
    found = importances({"x": exchange_columns(["x"]), "both": exchange_columns(["x", "copy"])})
    assert found["x"].value < 0.6 * found["both"].value


def test_columns_of_a_group_stay_together() -> None:
    exchanged = exchange_columns(["x", "copy"])(EVENTS, np.random.default_rng(2))
    assert (exchanged["x"] != EVENTS["x"]).mean() > 0.99
    np.testing.assert_allclose(np.std(exchanged["copy"] - exchanged["x"]), 0.1, rtol=0.05)
    np.testing.assert_array_equal(exchanged["noise"], EVENTS["noise"])
    np.testing.assert_array_equal(np.sort(exchanged["x"]), np.sort(EVENTS["x"]))


def test_copies_of_families_do_not_shrink_the_error() -> None:
    twice = np.repeat(np.arange(4000), 2)
    exchanges = {"both": exchange_columns(["x", "copy"])}
    one = importances(exchanges)["both"]
    other = area_importance(mean_of_both, EVENTS[twice], LABELS[twice], GROUPS[twice], exchanges)[0].loss
    assert other.value == pytest.approx(one.value, abs=3 * one.se)
    assert other.se == pytest.approx(one.se, rel=0.2)


def test_errors_are_the_spread_over_samples() -> None:
    losses = []
    for seed in range(60):
        events, labels, groups = candidates(400, 100 + seed)
        exchanges = {"both": exchange_columns(["x", "copy"])}
        losses.append(area_importance(mean_of_both, events, labels, groups, exchanges, repeats=3)[0].loss)
    spread = np.std([loss.value for loss in losses])
    assert np.mean([loss.se for loss in losses]) == pytest.approx(spread, rel=0.3)


def test_correlated_variables_are_found() -> None:
    assert correlated_groups(EVENTS, ("noise", "copy", "x")) == [("noise",), ("copy", "x")]
    assert correlated_groups(EVENTS, ("x", "copy"), least=0.9999) == [("x",), ("copy",)]
    assert correlated_groups(EVENTS, ("x",)) == [("x",)]
    against = EVENTS.with_columns(copy=-np.exp(EVENTS["x"]), noise=np.ones(len(EVENTS)))
    assert correlated_groups(against, ("x", "copy", "noise")) == [("x", "copy"), ("noise",)]


def test_nothing_to_judge_by_is_refused() -> None:
    with pytest.raises(InputError, match="0 repetitions"):
        importances({}, repeats=0)
    with pytest.raises(InputError, match="1 candidates"):
        correlated_groups(EVENTS[:1], ("x", "copy"))
