import numpy as np
import pytest
from helpers import quadratic_family

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.evaluate.estimates.goodness_of_fit import CellModel
from hepsets.learn.data_sets.quadratic_likelihood import EventTerms, fit_one
from hepsets.learn.data_sets.truth_ratios import TruthRatios


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
