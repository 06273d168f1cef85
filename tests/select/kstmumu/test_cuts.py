"""Which B → K*μμ candidates are kept, how many of them, and how well they are measured."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.generate.kstmumu.density import VARIABLES, WINDOWS
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.select.kstmumu.cuts import (
    SelectionConfig,
    efficiency,
    is_selected,
    resolutions,
    truth_window,
)
from hepsets.simulate.kstmumu import see_decays

WINDOW = WINDOWS["0-20"]
GOOD = {"q_squared": 5.0, "delta_e": 0.0, "m_kpi": 0.892, "mbc": 5.28}
TRACKS = ("k", "pi", "mu_plus", "mu_minus")
GOOD |= {f"{what}_{track}": 0.01 for track in TRACKS for what in ("dr", "dz")}
GOOD |= {f"identification_{track}": 0.95 for track in TRACKS} | {f"momentum_{track}": 1.0 for track in TRACKS}


def candidate(**changes):
    return EventFrame({name: np.array([value]) for name, value in (GOOD | changes).items()})


@pytest.fixture(scope="module")
def selected():
    seen = see_decays(sample_decays(60_000, 0.0, 3, window=truth_window(WINDOW)), 3)
    return seen[is_selected(seen, WINDOW)]


def test_a_good_candidate_passes():
    assert is_selected(candidate(), WINDOW).all()


@pytest.mark.parametrize("name", ["q_squared", "mbc", "dr_k", "identification_pi", "momentum_mu_plus"])
def test_what_is_not_finite_is_refused_and_not_dropped(name):
    with pytest.raises(InputError, match=rf"{name} of 1 candidates"):
        is_selected(candidate(**{name: np.nan}), WINDOW)


@pytest.mark.parametrize(
    "change",
    [
        {"q_squared": 9.5},
        {"q_squared": 20.5},
        {"delta_e": 0.051},
        {"delta_e": -0.051},
        {"m_kpi": 0.993},
        {"m_kpi": 0.791},
        {"mbc": 5.269},
        {"dr_k": 0.6},
        {"dz_pi": -2.1},
        {"momentum_mu_plus": 0.59},
        {"momentum_mu_minus": 0.59},
        {"identification_mu_plus": 0.19},
        {"identification_mu_minus": 0.19},
        {"identification_k": 0.09},
        {"identification_pi": 0.09},
    ],
)
def test_one_bad_value_is_enough_to_fail(change):
    assert not is_selected(candidate(**change), WINDOW).any()


def test_slow_hadrons_pass():
    assert is_selected(candidate(momentum_k=0.2, momentum_pi=0.2), WINDOW).all()


def test_the_sideband_ends_below_the_signal_region():
    for mbc, signal, sideband in (
        (5.28, True, False),
        (5.265, False, False),
        (5.0, False, True),
        (4.7, False, False),
    ):
        frame = candidate(mbc=mbc)
        assert is_selected(frame, WINDOW, region="signal").all() == signal
        assert is_selected(frame, WINDOW, region="sideband").all() == sideband
        assert is_selected(frame, WINDOW, region=None).all()


def test_an_unknown_region_is_refused():
    with pytest.raises(InputError, match="'middle'"):
        is_selected(candidate(), WINDOW, region="middle")


@pytest.mark.parametrize("name", WINDOWS)
def test_decays_are_made_wherever_they_could_be_measured_in_the_window(name):
    made, window = truth_window(WINDOWS[name]), WINDOWS[name]
    q_squared = np.linspace(0.05, 19.2, 500)
    assert made.contains(q_squared)[window.contains(q_squared)].all()
    assert made.contains(np.array([9.5, 13.5])).all()


@pytest.mark.parametrize("name", ["0-20", "1-19"])
def test_the_efficiency_is_near_the_published_one(name):
    found = efficiency(WINDOWS[name], 0.0, 20_000, 1)
    assert found.value == pytest.approx(0.37, abs=0.02)
    assert found.se == pytest.approx(np.sqrt(0.37 * 0.63 / 20_000), rel=0.15)


def test_the_efficiency_loses_what_stricter_cuts_lose():
    strict = efficiency(WINDOW, 0.0, 10_000, 1, config=SelectionConfig(min_muon=0.9))
    assert strict.value < efficiency(WINDOW, 0.0, 10_000, 1).value - 0.05


def test_resolutions_are_near_the_published_ones(selected):
    found = resolutions(selected)
    assert list(found) == list(VARIABLES)
    for name, published in (("q_squared", 0.049), ("costheta_mu", 0.0025), ("costheta_K", 0.0034)):
        assert found[name].value == pytest.approx(published, rel=0.25)
    assert 0.003 < found["chi"].value < 0.008


def test_resolutions_are_the_central_two_thirds():
    rng = np.random.default_rng(1)
    truth = {f"truth_{name}": rng.uniform(-1, 1, 40_000) for name in VARIABLES}
    measured = {name: truth[f"truth_{name}"] + rng.normal(0, 0.01, 40_000) for name in VARIABLES}
    measured["chi"] += 2 * np.pi * (rng.random(40_000) < 0.1)  # the same angle
    found = resolutions(EventFrame(truth | measured | {"is_signal": np.ones(40_000, dtype=bool)}))
    for resolution in found.values():
        assert abs(resolution.value - 0.01) < 4 * resolution.se
        assert resolution.se < 2e-4


def test_resolutions_need_signal(selected):
    with pytest.raises(InputError, match="0 signal"):
        resolutions(selected.with_columns(is_signal=np.zeros(len(selected), dtype=bool)))


def test_no_decay_in_the_window_is_said():
    with pytest.raises(InputError, match="none in the window"):
        efficiency(WINDOWS["1-19"], 0.0, 1, 4)
