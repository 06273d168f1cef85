"""Simulated events with shares: weights at any ΔC9, and what can be made of them."""

import numpy as np
import pytest
import torch

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.evaluate.estimates.goodness_of_fit import CellModel
from hepsets.evaluate.estimates.reference_events import FORMAT, ReferenceEvents
from hepsets.learn.data_sets.quadratic_likelihood import Rate
from hepsets.learn.data_sets.truth_ratios import TruthRatios
from hepsets.learn.files import write_tensors

SHARES = np.array([[1.0, 2, 0], [0.5, -1, 0], [0, 0.25, 0], [0, 0, 3]])


def three():
    """Two signal events and one of background."""
    x = np.array([3, 1, 2], dtype=np.float32)
    return ReferenceEvents(EventFrame({"x": x, "chi": -x}), SHARES)


def test_weights_are_the_polynomials_of_the_shares():
    events = three()
    assert events.weights(0.0) == pytest.approx([1 / 3, 2 / 3, 0])
    assert events.weights(2.0) == pytest.approx([2 / 3, 1 / 3, 0])  # 1 + 1, and 2 − 2 + 1
    assert events.weights(3.0) == pytest.approx([2 / 3, 1 / 3, 0])  # 1 + 1.5, and 2 − 3 + 2.25
    assert events.weights(2.0, 0.25) == pytest.approx([0.5, 0.25, 0.25])
    assert events.weights(-3.0) == pytest.approx([0, 1, 0])  # 1 − 1.5 is no weight
    assert events.has_background
    assert not events.first(2).has_background


def test_in_half_precision_shares_keep_their_ratios_however_small_they_are(tmp_path):
    frame = three().frame
    small = ReferenceEvents(frame, SHARES * np.array([[1e-7], [1e-7], [1e-7], [1.0]]))
    small.save(tmp_path / "small.safetensors", compact=True)
    again = ReferenceEvents.load(tmp_path / "small.safetensors")
    for delta in (0.0, 2.0, 3.0):
        np.testing.assert_allclose(again.weights(delta, 0.25), three().weights(delta, 0.25), rtol=1e-3)
    np.testing.assert_allclose(again.frame["x"], frame["x"], rtol=1e-3)
    three().save(tmp_path / "whole.safetensors")
    assert (tmp_path / "small.safetensors").stat().st_size < (tmp_path / "whole.safetensors").stat().st_size


def test_events_are_kept_with_their_shares_in_random_order():
    frame = EventFrame(
        {"x": np.arange(6.0), "y": np.ones(6), "is_signal": np.array([1, 0, 1, 1, 0, 1], bool)}
    )
    truth = TruthRatios(
        np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.0, 0.1, 0.2, 0.3]), np.zeros(4), Rate(0.25, 0.15)
    )
    kept = ReferenceEvents.of(frame, truth, ["x"], 1)
    order = np.argsort(kept.frame["x"])
    assert list(kept.frame.columns) == ["x"]
    assert kept.frame["x"].dtype == np.float32
    own = truth.weights(0.0)
    expected = np.zeros((4, 6))
    expected[:3, [0, 2, 3, 5]] = [own, own * truth.beta, own * truth.gamma]
    expected[3, [1, 4]] = 1
    assert kept.shares[:, order] == pytest.approx(expected)
    assert (kept.shares == kept.shares.astype(np.float32)).all()
    x = [ReferenceEvents.of(frame, truth, ["x"], seed).frame["x"].tolist() for seed in (1, 1, 2, 3)]
    assert x[0] == x[1]
    assert len({tuple(each) for each in x}) > 1
    few = ReferenceEvents.of(frame, truth, ["x"], 1, most=2)
    assert few.frame["x"].tolist() == x[0][:2]
    with pytest.raises(InputError, match="truth ratios"):
        ReferenceEvents.of(frame, truth[:3], ["x"], 1)


def test_parts_and_changes_keep_events_and_shares_together():
    events = three()
    assert len(events) == 3
    assert events.first(3) is events
    assert events.first(2).frame["x"].tolist() == [3, 1]
    assert events.first(2).shares.tolist() == SHARES[:, :2].tolist()
    some = events.where(np.array([False, True, True]))
    assert some.frame["chi"].tolist() == [-1, -2]
    assert some.shares.tolist() == SHARES[:, 1:].tolist()
    changed = events.changed(x=lambda x: 2 * x)
    assert changed.frame["x"].tolist() == [6, 2, 4]
    assert changed.frame["chi"].tolist() == [-3, -1, -2]
    assert changed.shares is events.shares
    both = events.and_also(some)
    assert both.frame["x"].tolist() == [3, 1, 2, 1, 2]
    assert both.shares.tolist() == (np.concatenate([SHARES, SHARES[:, 1:]], axis=1) / 2).tolist()
    assert events.with_folded_chi().frame["|chi|"].tolist() == [3, 1, 2]
    assert events.order("x").tolist() == [1, 2, 0]
    assert events.order("chi").tolist() == [0, 2, 1]
    assert events.order("x") is events.order("x")


def test_cells_are_looked_up_anew_unless_they_are_joined_from_those_before():
    events = three()

    def cells(name, *thresholds):
        n = len(thresholds) + 1
        nothing = np.zeros(n)
        return CellModel((name,), np.array(thresholds), np.zeros((3, n)), nothing, nothing, nothing)

    four = cells("x", 1.5, 0.5, 2.5)
    assert events.cell_of(four).tolist() == [3, 1, 2]
    assert events.cell_of(four.joined(1)).tolist() == [1, 0, 1]
    assert events.cell_of(cells("x", 2.5)).tolist() == [1, 0, 0]
    assert events.cell_of(four).tolist() == [3, 1, 2]
    assert events.cell_of(cells("chi", 1.5)).tolist() == [0, 0, 0]
    assert events.cell_of(cells("chi", -2.5)).tolist() == [0, 1, 1]


def test_files_of_other_shapes_or_values_are_refused(tmp_path):
    path = tmp_path / "reference.safetensors"
    events = three()
    ReferenceEvents(events.frame, SHARES / 4).save(path)
    assert ReferenceEvents.load(path).shares.tolist() == (SHARES / 4).tolist()
    events.save(path)
    again = ReferenceEvents.load(path)
    assert list(again.frame.columns) == ["x", "chi"]
    assert again.frame["x"].tolist() == [3, 1, 2]
    assert again.shares.tolist() == SHARES.tolist()
    values = np.ones((2, 3), dtype=np.float32)
    no_signal = SHARES * np.array([[0.0], [1], [1], [1]])
    for one, shares, said in (
        (values[:1], SHARES, "arrays of shapes that"),
        (values[0], SHARES, "arrays of shapes that"),
        (values, SHARES[:3], "arrays of shapes that"),
        (values, SHARES[:, :2], "arrays of shapes that"),
        (values * np.float32(np.inf), SHARES, "not finite"),
        (values, SHARES * np.nan, "not finite"),
        (values, no_signal, "no signal"),
    ):
        tensors = {
            "values": torch.from_numpy(one.copy()),
            "shares": torch.from_numpy(shares.astype(np.float32)),
        }
        write_tensors(path, {"format": FORMAT, "columns": ["x", "chi"]}, tensors)
        with pytest.raises(InputError, match=rf"reference\.safetensors.*{said}"):
            ReferenceEvents.load(path)
