"""Yields: production fractions, known ratios of rates, numbers that grow with luminosity, Poisson data."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets
from hepsets.select.bs_dspi import yields
from hepsets.select.bs_dspi.sample import CandidateSample
from hepsets.select.bs_dspi.yields import (
    decays,
    draw_data,
    draw_numbers,
    expected,
    join_data,
    luminosity_of,
    production_fractions,
    yield_covariance,
)


def sample_of(name, n, events=1000, weight=1.0):
    columns = {
        "underlying_event": np.arange(n),
        "event_number": np.arange(n),
        "weight": np.full(n, weight),
        "category": np.zeros(n, dtype=np.int8),
    }
    found = ParticleSets({"pt": np.zeros(0, dtype=np.float32)}, np.zeros(n + 1, dtype=np.int64), columns)
    return CandidateSample(name, found, events, 2 * events)


def test_production_fractions_leave_room_for_the_charged_b():
    f = production_fractions()
    assert f["bs"] / f["b0"] == pytest.approx(0.2539)
    assert f["bs"] + 2 * f["b0"] + f["lb"] == pytest.approx(1)


def test_an_inverse_femtobarn_holds_some_hundred_thousands_of_signal_decays_in_acceptance():
    # 2 · 144 µb · 0.092 · 3.0e-3 · 5.4e-2 · 1/fb
    found = decays("bs_dspi", 1.0)
    assert found.value == pytest.approx(2 * 144e9 * 0.0916 * 2.98e-3 * 5.37e-2, rel=0.01)
    assert found.se / found.value == pytest.approx(0.16, abs=0.01)  # most of it of the cross section
    assert decays("bs_dspi", 2.0).value == pytest.approx(2 * found.value)
    assert decays("bs_dsk", 1.0).value / found.value == pytest.approx(0.0752, rel=0.01)  # as LHCb measured it
    assert 20 < decays("b0_dpi", 1.0).value / decays("b0_dspi", 1.0).value < 500


def test_candidates_are_decays_times_efficiency():
    found = expected(sample_of("bs_dspi", 120), 1.0)
    assert found.value == pytest.approx(0.12 * decays("bs_dspi", 1.0).value)
    assert found.se > 0.09 * found.value


def test_generic_candidates_count_b_hadrons_and_mixed_ones_are_scaled():
    single = expected(sample_of("lhcb_bbbar", 4), 1.0)
    assert single.value == pytest.approx(2 * 144e9 * 4 / 2000)
    mixed = expected(sample_of("lhcb_bbbar", 4, weight=0.01), 1.0)
    assert mixed.value == pytest.approx(0.01 * yields.MIXING_SCALE.value * single.value)


def test_the_luminosity_of_so_many_candidates_holds_so_many():
    samples = {name: sample_of(name, n) for name, n in (("bs_dspi", 120), ("lhcb_bbbar", 4))}
    luminosity = luminosity_of(20_000, samples)
    assert sum(expected(sample, luminosity).value for sample in samples.values()) == pytest.approx(20_000)


def test_data_are_poisson_numbers_of_each_sample_shuffled_with_weight_one(monkeypatch):
    monkeypatch.setattr(
        yields,
        "make_candidates",
        lambda name, *, candidates, **_: sample_of(name, candidates + 7, weight=0.1),
    )
    data = draw_data({"bs_dspi": Measured(300, 1), "lhcb_bbbar": Measured(700, 1)}, seed=3)
    assert len(data) == pytest.approx(1000, abs=130)
    assert (data.columns["weight"] == 1).all()
    signal = data.columns["event_number"] < 10**10
    assert signal.sum() == pytest.approx(300, abs=70)
    assert 0.2 < signal[: len(data) // 2].mean() < 0.4
    again = draw_data({"bs_dspi": Measured(300, 1), "lhcb_bbbar": Measured(700, 1)}, seed=3)
    assert np.array_equal(again.columns["event_number"], data.columns["event_number"])


def test_numbers_are_drawn_first_and_chosen_from_what_was_made():
    numbers = draw_numbers({"bs_dspi": Measured(300, 1), "bs_dsk": Measured(0, 0)}, seed=4)
    assert list(numbers) == ["bs_dspi"]
    assert numbers["bs_dspi"] == pytest.approx(300, abs=70)
    data = join_data({"bs_dspi": sample_of("bs_dspi", 500).candidates}, numbers, seed=4)
    assert len(data) == numbers["bs_dspi"] == len(np.unique(data.columns["event_number"]))


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="'lhcb_bbbar'"):
        decays("lhcb_bbbar", 1.0)
    with pytest.raises(InputError, match="luminosity of 0"):
        decays("bs_dspi", 0)
    with pytest.raises(InputError, match="no candidate expected"):
        draw_data({"bs_dspi": Measured(0, 0)}, seed=1)
    with pytest.raises(InputError, match="samples without candidates"):
        luminosity_of(10, {"bs_dspi": sample_of("bs_dspi", 0)})


def test_expected_numbers_share_the_errors_of_their_common_factors():
    """The cross-section is common to all, f_s/f_d and the D_s fraction to decays of one meson."""
    names = ("bs_dsk", "bs_dsstpi", "b0_dpi")
    numbers = {name: expected(sample_of(name, 100, events=200), 1.0) for name in names}
    covariance = yield_covariance(numbers)
    values = np.array([one.value for one in numbers.values()])
    relative = covariance / np.outer(values, values)
    cross_section = (21 / 144) ** 2
    of_bs = cross_section + (0.0079 / 0.2539) ** 2 + (0.10 / 5.37) ** 2
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), [one.se for one in numbers.values()])
    assert relative[0, 1] == pytest.approx(of_bs)
    assert relative[0, 2] == relative[1, 2] == pytest.approx(cross_section)
    np.linalg.cholesky(covariance)


def test_numbers_that_are_known_better_than_their_factors_have_a_covariance_too():
    numbers = {name: Measured(100.0, 1.0) for name in ("bs_dsk", "bs_dsstpi", "b0_dpi", "lhcb_bbbar")}
    covariance = yield_covariance(numbers)
    np.testing.assert_allclose(np.diag(covariance), 1.0)
    np.linalg.cholesky(covariance)
