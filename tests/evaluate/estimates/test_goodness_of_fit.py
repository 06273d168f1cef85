import numpy as np
import pytest
import torch
from helpers import quadratic_family
from scipy.stats import chi2

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.evaluate.estimates.goodness_of_fit import FORMAT, CellModel
from hepsets.learn.data_sets.quadratic_likelihood import DeltaC9Fit, EventTerms, Rate, fit_one
from hepsets.learn.data_sets.truth_ratios import TruthRatios
from hepsets.learn.files import write_tensors


def true_ratios(frame):
    return TruthRatios.after_selection(*quadratic_family.coefficients(frame), frame["delta_c9"])


@pytest.fixture(scope="module")
def reference():
    frame = quadratic_family.mixture(60_000, (-2.0, -1.0, 0.0, 1.0), np.random.default_rng(1))
    return frame, true_ratios(frame)


@pytest.fixture(scope="module")
def cells(reference):
    return CellModel.of(*reference, cells=32)


def fit_of(frame, truth):
    return fit_one(EventTerms(*quadratic_family.coefficients(frame)), truth.rate, points=11)


def test_cells_hold_equally_many_events_of_the_reference(reference, cells):
    counts = np.bincount(cells.cell_of(reference[0]), minlength=32)
    assert counts.max() - counts.min() < 0.001 * len(reference[0])
    assert cells.expected(0.0).sum() == pytest.approx(1)


def test_expected_shares_are_those_of_a_sample_at_that_value(cells):
    frame = quadratic_family.sample(100_000, -1.5, np.random.default_rng(2))
    shares = np.bincount(cells.cell_of(frame), minlength=32) / len(frame)
    assert shares == pytest.approx(cells.expected(-1.5), abs=4 * np.sqrt(0.04 / 1e5))


def test_p_values_of_good_data_sets_are_uniform(reference, cells):
    random = np.random.default_rng(3)
    values = []
    for _ in range(120):
        frame = quadratic_family.sample(2000, -0.8, random)
        values.append(cells.compare(frame, fit_of(frame, reference[1])).p_value)
    assert np.mean(np.array(values) < 0.5) == pytest.approx(0.5, abs=0.18)
    assert np.mean(np.array(values) < 0.05) < 0.13


def test_a_data_set_that_no_value_describes_is_found_out(reference, cells):
    frame = quadratic_family.sample(4000, -0.8, np.random.default_rng(4))
    lost = (frame["costheta_K"] > 0) & (np.arange(4000) % 3 == 0)
    damaged = frame[~lost]
    result = cells.compare(damaged, fit_of(damaged, reference[1]))
    assert result.p_value < 1e-4
    assert result.ndof == 31
    assert result.observed.sum() == len(damaged)
    assert "costheta_K" in result.worst_cell


def test_background_is_expected_where_it_was_in_the_reference(reference):
    frame, truth = reference
    random = np.random.default_rng(5)
    noise = quadratic_family.flat(60_000, random)
    noise = noise[random.random(60_000) < np.where(noise["costheta_K"] > 0, 1.0, 0.2)]
    both = EventFrame.concatenate(
        [
            part.select_columns(["q_squared", "costheta_mu", "costheta_K", "chi"]).with_columns(
                is_signal=np.full(len(part), is_signal)
            )
            for part, is_signal in ((frame, True), (noise, False))
        ]
    )
    model = CellModel.of(both, truth, cells=16)
    shares = np.bincount(model.cell_of(noise), minlength=16) / len(noise)
    assert model.expected(0.3, 1.0) == pytest.approx(shares)
    assert model.expected(0.3, 0.25) == pytest.approx(0.75 * model.expected(0.3) + 0.25 * shares)


def test_cells_are_described_by_their_limits(cells):
    frame = quadratic_family.flat(2000, np.random.default_rng(6))
    number = cells.cell_of(frame)
    for cell in (0, 13, 31):
        inside = np.ones(2000, dtype=bool)
        for limit in cells.describe(cell).split(", "):
            words = limit.split(" ")
            if words[1] == "≥":
                inside &= frame[words[0]] >= float(words[2]) - 0.01 * abs(float(words[2]))
            elif len(words) == 3:
                inside &= frame[words[0]] < float(words[2]) + 0.01 * abs(float(words[2]))
            else:
                assert words[1] == words[3] or words[1] == "≤"
        assert inside[number == cell].all()


def test_a_file_holds_the_cells(cells, tmp_path):
    cells.save(tmp_path / "cells.safetensors")
    again = CellModel.load(tmp_path / "cells.safetensors")
    assert (again.expected(0.4) == cells.expected(0.4)).all()
    assert again.describe(7) == cells.describe(7)


def test_what_cannot_be_compared_is_refused(reference, cells):
    frame, truth = reference
    with pytest.raises(InputError, match="power of two"):
        CellModel.of(frame, truth, cells=20)
    with pytest.raises(InputError, match="ten for each"):
        CellModel.of(frame[:100], truth)
    few = quadratic_family.flat(10, np.random.default_rng(7))
    fit = fit_of(few, truth)
    with pytest.raises(InputError, match="in two cells"):
        cells.compare(few, fit)


def forty(background=0):
    """Signal at x of 0 to 39 and y of −x, and background at x of 35 and more; true ratios."""
    x = np.r_[np.arange(40), np.full(background, 35)].astype(np.float32)
    frame = EventFrame({"x": x, "y": -x, "is_signal": np.arange(40 + background) < 40})
    beta, gamma = np.repeat([0.1, 0.2, 0.3, 0.4], 10), np.repeat([0.0, 0.1, 0.0, 0.2], 10)
    return frame, TruthRatios(beta, gamma, np.zeros(40), Rate(0.25, 0.075))


def four(background=0):
    return CellModel.of(*forty(background), cells=4, variables=("x", "y"))


def fitted(value, fraction=np.nan):
    return DeltaC9Fit(value, value - 1, value + 1, fraction, 40, np.zeros(1), np.zeros(1), at_limit=False)


def test_cells_are_cut_at_medians_of_one_variable_after_the_other():
    model = four()
    assert model.variables == ("x", "y")
    assert model.thresholds.tolist() == [20, -9, -29]
    assert np.bincount(model.cell_of(forty()[0])).tolist() == [10] * 4
    assert model.cell_of(forty()[0])[[0, 10, 20, 30]].tolist() == [1, 0, 3, 2]
    assert [model.describe(cell) for cell in (0, 1, 3)] == [
        "x < 20, y < -9",
        "x < 20, y ≥ -9",
        "x ≥ 20, y ≥ -29",
    ]
    assert (model.n_cells, model.levels) == (4, 2)


def test_what_is_expected_in_a_cell_is_the_sum_of_its_polynomials():
    model = four()
    # cells 1, 0, 3, 2 as x rises
    assert model.signal == pytest.approx(
        np.array([[0.25] * 4, [0.05, 0.025, 0.1, 0.075], [0.025, 0.0, 0.05, 0.0]])
    )
    assert model.signal_variance == pytest.approx([10 / 1600] * 4)
    assert model.background.tolist() == model.background_variance.tolist() == [0] * 4
    shape = np.array([0.25 + 0.15 + 0.225, 0.25 + 0.075, 0.25 + 0.3 + 0.45, 0.25 + 0.225])
    assert model.expected(3.0) == pytest.approx(shape / shape.sum())


def test_background_is_counted_with_its_binomial_variance():
    """Of 60 events the upper half begins at 30, whose median is 35 with background in the cell below."""
    assert four(background=1).background.sum() == 1
    model = four(background=20)
    share = np.bincount(model.cell_of(forty(20)[0])[40:], minlength=4) / 20
    assert share.max() == 1
    assert model.background.tolist() == share.tolist()
    assert model.background_variance.tolist() == [0] * 4
    frame, truth = forty(20)
    frame["x"][40:50] = 0
    model = CellModel.of(frame, truth, cells=2, variables=("x",))
    assert model.background.tolist() == [0.5, 0.5]
    assert model.background_variance.tolist() == [0.0125, 0.0125]


def test_chi2_is_that_of_counts_with_the_error_of_simulation():
    """13, 4, 13 and 10 where 10 are expected, each with a variance of 10 by data and by simulation."""
    frame = forty()[0][np.r_[0:4, 10:20, 10:13, 20:40, 30:33]]
    found = four().compare(frame, fitted(0.0))
    assert found.observed.tolist() == [13, 4, 13, 10]
    assert found.expected == pytest.approx([10] * 4)
    assert (found.chi2, found.ndof) == (pytest.approx(54 / 20), 3)
    assert found.p_value == pytest.approx(chi2.sf(54 / 20, 3))
    assert found.worst_cell == "x < 20, y ≥ -9"
    assert found.worst_pull == pytest.approx(-6 / np.sqrt(20))


def test_fitted_background_counts_in_expectation_and_variance():
    frame, truth = forty(20)
    frame["x"][40:50] = 0
    model = CellModel.of(frame, truth, cells=2, variables=("x",))
    found = model.compare(forty()[0], fitted(1.0, 0.25))
    share = 0.75 * model.expected(1.0) + 0.25 * model.background
    assert found.expected == pytest.approx(40 * share)
    variance = 40 * share + 1600 * (0.75**2 * model.signal_variance + 0.25**2 * 0.0125)
    pulls = (found.observed - 40 * share) / np.sqrt(variance)
    assert found.chi2 == pytest.approx(pulls @ pulls)
    assert found.worst_pull == pytest.approx(pulls[np.argmax(np.abs(pulls))])


def test_cells_count_from_five_expected_events():
    """Of 20 events five are expected in each cell, or two in the cells of a tenth."""
    frame = forty()[0]
    assert four().compare(frame[::2], fitted(0.0)).ndof == 3
    with pytest.raises(InputError, match="19 events in 4 cells"):
        four().compare(frame[:19], fitted(0.0))
    shares = np.array([[0.4, 0.4, 0.1, 0.1], [0] * 4, [0] * 4])
    lopsided = CellModel(("x",), np.array([20.0, 10, 30]), shares, *(np.zeros(4) for _ in range(3)))
    found = lopsided.compare(frame[np.r_[0:8, 10:18, 20:24]], fitted(0.0))  # 8, 8, 4 and none
    assert (found.chi2, found.ndof) == (pytest.approx(0), 1)


def test_the_smallest_reference_has_ten_events_for_each_cell():
    frame, truth = forty()
    assert CellModel.of(frame, truth, cells=4, variables=("x",)).n_cells == 4
    assert CellModel.of(frame, truth, cells=2, variables=("x",)).thresholds.tolist() == [20]
    twice = EventFrame({"x": np.arange(80.0)})
    eight = CellModel.of(twice, truth[np.r_[0:40, 0:40]], cells=8, variables=("x",))
    assert eight.thresholds.tolist() == [40, 20, 60, 10, 30, 50, 70]
    one = CellModel.of(twice.with_columns(x=np.ones(80)), truth[np.r_[0:40, 0:40]], cells=4, variables=("x",))
    assert one.signal[0].tolist() == pytest.approx([0, 0, 0, 1])
    with pytest.raises(InputError, match="39 events for 4 cells"):
        CellModel.of(frame[:39], truth[:39], cells=4, variables=("x",))
    for cells in (0, 1, 3):
        with pytest.raises(InputError, match=f"{cells} cells.*power of two"):
            CellModel.of(frame, truth, cells=cells, variables=("x",))


def test_a_cell_between_two_cuts_of_one_variable_says_both():
    model = CellModel.of(*forty(), cells=4, variables=("x",))
    assert [model.describe(cell) for cell in range(4)] == ["x < 10", "10 ≤ x < 20", "20 ≤ x < 30", "x ≥ 30"]


def test_joined_cells_hold_the_sums_of_theirs():
    model, frame = four(20), forty(20)[0]
    halves = model.joined(1, ["x"])
    assert halves.variables == ("x",)
    assert model.joined(2).variables == ("x", "y")
    assert halves.thresholds.tolist() == model.thresholds[:1].tolist()
    assert halves.cell_of(frame).tolist() == (model.cell_of(frame) // 2).tolist()
    for name in ("signal", "signal_variance", "background", "background_variance"):
        own = getattr(model, name)
        assert getattr(halves, name) == pytest.approx(own[..., ::2] + own[..., 1::2]), name


def test_a_file_of_cells_holds_all_their_numbers_and_other_shapes_are_refused(tmp_path):
    path, model = tmp_path / "cells.safetensors", four(20)
    model.save(path)
    again = CellModel.load(path)
    assert again.variables == model.variables
    arrays = {name: getattr(model, name) for name in
              ("thresholds", "signal", "signal_variance", "background", "background_variance")}  # fmt: skip
    for name, values in arrays.items():
        assert getattr(again, name).tolist() == values.tolist(), name
    for name, values in (("thresholds", model.thresholds[:2]), ("signal", model.signal[:2])):
        tensors = {
            key: torch.from_numpy(np.ascontiguousarray(each))
            for key, each in {**arrays, name: values}.items()
        }
        write_tensors(path, {"format": FORMAT, "variables": ["x", "y"]}, tensors)
        with pytest.raises(InputError, match=r"cells\.safetensors.*shapes that do not fit"):
            CellModel.load(path)
