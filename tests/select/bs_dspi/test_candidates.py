"""Candidates of forced decays: masses, vertices, times with pulls of width one, mistaken identities."""

import numpy as np
import pytest
from helpers.lhcb_decays import candidates, decays

from hepsets.core.errors import InputError
from hepsets.core.masses import M_B0, M_BS, M_DPLUS, M_DS, M_LC
from hepsets.select.bs_dspi.candidates import AROUND, find_candidates
from hepsets.select.bs_dspi.cuts import CandidateCuts
from hepsets.select.bs_dspi.hypotheses import KSTAR_K, PHI_PI
from hepsets.select.bs_dspi.truth import Category
from hepsets.simulate.forward import see_lhc_events
from hepsets.simulate.lhcb import LHCB

N = 60_000


@pytest.fixture(scope="module")
def signal():
    events, found = candidates("bs_dspi", N)
    columns = {name: column[found.columns["category"] == 0] for name, column in found.columns.items()}
    assert len(columns["bs_mass"]) > 5000
    return events, columns


def width(values):
    low, high = np.percentile(values, [15.87, 84.13])
    return (high - low) / 2


def test_the_mass_is_right_and_as_sharp_as_lhcb_has_it(signal):
    _, c = signal
    off = c["bs_mass"] - M_BS
    assert off.mean() == pytest.approx(0, abs=0.0003 + 3 * off.std() / np.sqrt(len(off)))
    assert width(off) == pytest.approx(0.0150, abs=0.0015)
    assert width(c["bs_mass_free"] - M_BS) > 1.08 * width(off)  # without the constraint
    assert width(c["ds_mass"] - M_DS) == pytest.approx(0.0060, abs=0.0008)


@pytest.mark.parametrize(("name", "true"), [("bs_mass", M_BS), ("ds_mass", M_DS)])
def test_masses_have_pulls_of_width_one(signal, name, true):
    _, c = signal
    pull = (c[name] - true) / c[f"{name}_err"]
    assert pull.mean() == pytest.approx(0, abs=0.08)
    assert width(pull) == pytest.approx(1, abs=0.05)


def test_decay_times_have_pulls_of_width_one(signal):
    _, c = signal
    off = c["decay_time"] - c["true_decay_time"]
    assert width(off / c["decay_time_err"]) == pytest.approx(1, abs=0.05)
    assert 0.035 < width(off) < 0.07  # ps


@pytest.mark.parametrize(("vertex", "place"), [("bs", 1), ("ds", 3)])
def test_vertices_have_pulls_of_width_one(signal, vertex, place):
    events, c = signal
    at = events.offsets[c["event_number"]] + place  # the first daughter, behind the b hadron
    for axis in "xyz":
        pull = (c[f"{vertex}_vertex_{axis}"] - events.particles[axis][at]) / c[f"{vertex}_vertex_{axis}_err"]
        assert pull.mean() == pytest.approx(0, abs=0.06)
        assert width(pull) == pytest.approx(1, abs=0.05)


def test_a_true_candidate_points_back_and_its_chi2_are_as_they_should(signal):
    _, c = signal
    assert np.median(c["bs_dira"]) > 0.9999
    assert np.mean(c["bs_ip_chi2"]) == pytest.approx(2, abs=0.3)
    assert np.mean(c["bs_vertex_chi2"]) == pytest.approx(1, abs=0.15)
    assert np.mean(c["ds_vertex_chi2"]) == pytest.approx(3, abs=0.3)
    assert (c["min_ip_chi2"] > CandidateCuts().min_track_ip_chi2 - 1e-6).all()


def test_modes_by_mass_are_mostly_the_true_ones(signal):
    _, c = signal
    for mode in (PHI_PI, KSTAR_K):
        assert (c["ds_mode"][c["decay_mode"] == mode] == mode).mean() > 0.6


def test_with_nothing_else_in_the_event_a_candidate_is_alone(signal):
    _, c = signal
    assert (c["cone_asymmetry"] == 1).all()
    assert (c["n_tracks"] == 4).all()
    _, found = candidates("bs_dspi", 500)
    assert found.n_particles == 0
    assert set(found.particles) == set(AROUND)


def test_b0_to_d_s_pi_peaks_below_by_the_difference_of_masses():
    _, found = candidates("b0_dspi", 8000)
    off = found.columns["bs_mass"][found.columns["category"] == Category.B0_DSPI] - M_B0
    assert np.median(off) == pytest.approx(0, abs=0.002)


def test_missing_photons_make_the_mass_too_small():
    _, found = candidates("bs_dsstpi", 8000)
    mass = found.columns["bs_mass"][found.columns["category"] == Category.BS_DSSTPI]
    assert 5.15 < np.median(mass) < 5.28


@pytest.mark.parametrize(
    ("sample", "hypothesis", "mass"), [("b0_dpi", "dplus_mass", M_DPLUS), ("lb_lcpi", "lc_mass", M_LC)]
)
def test_a_pion_or_proton_taken_for_a_kaon_gives_itself_away(sample, hypothesis, mass):
    _, found = candidates(sample, 40_000)
    c = found.columns
    true = c["category"] > Category.COMBINATORIAL
    assert 10 < true.sum() < 4000  # identification leaves few
    assert np.median(c[hypothesis][true]) == pytest.approx(mass, abs=0.004)
    assert c["bs_mass"][true].std() > 0.025  # and smears the mass of the B


def test_mixed_events_give_combinations_that_weigh_little():
    events = decays("bs_dspi", 3000)
    seen = see_lhc_events(events, seed=1, event_numbers=np.arange(3000), detector=LHCB)
    mixed = find_candidates(seen, sample="bs_dspi", mixed=True)
    assert len(mixed) > 100
    c = mixed.columns
    assert (c["category"] == Category.COMBINATORIAL).all()
    assert len(np.unique(c["underlying_event"])) == 1
    assert c["weight"] == pytest.approx(1 / 2999)
    narrow = np.abs(c["bs_mass"] - M_BS) < 0.05
    assert narrow.mean() < 0.2  # no peak
    with pytest.raises(InputError, match="1 events to mix"):
        find_candidates(seen[:1], sample="bs_dspi", mixed=True)


def test_an_unknown_sample_is_refused():
    events = decays("bs_dspi", 2)
    seen = see_lhc_events(events, seed=1, event_numbers=np.arange(2), detector=LHCB)
    with pytest.raises(InputError, match=r"'zbb'.*bs_dspi"):
        find_candidates(seen, sample="zbb")


def test_events_without_candidates_give_an_empty_table():
    events = decays("bs_dspi", 3)
    seen = see_lhc_events(events, seed=1, event_numbers=np.arange(3), detector=LHCB)
    none = find_candidates(seen, sample="bs_dspi", cuts=CandidateCuts(min_kaon_id=0.9999999))
    assert len(none) == 0
    assert "bs_mass" in none.columns
