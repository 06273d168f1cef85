"""K⁺π⁻μ⁺μ⁻ candidates in events whose truth is known."""

import numpy as np
import pytest
from helpers.decay_chains import conjugate, upsilon_events
from helpers.perfect_detector import PERFECT
from scipy.stats import ks_2samp

from hepsets.core.event_frame import EventFrame
from hepsets.core.masses import M_B0
from hepsets.generate.kstmumu.kinematics import decay_variables
from hepsets.generate.pythia import event_type
from hepsets.select.kstmumu.candidates import CandidateCuts, find_candidates, generic_candidates
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import simulate
from hepsets.simulate.kstmumu import see_decays

SIGNAL = (511, [(313, [321, -211]), -13, 13])
CHARMONIUM = (511, [(443, [-13, 13]), 321, -211])


def search(chains, n, *, detector=PERFECT, cuts=None, seed=1):
    events = upsilon_events(chains, n, seed=seed)
    seen = simulate(events, seed=seed, event_numbers=np.arange(n), detector=detector)
    return find_candidates(seen, cuts)


@pytest.mark.parametrize("chain", [SIGNAL, conjugate(SIGNAL)])
def test_signal_decays_are_found_with_their_flavour(chain):
    found = search([chain, -chain[0]], 300)
    assert found["is_signal"].sum() > 180  # slow muons are left out
    signal = found[found["is_signal"]]
    assert (signal["flavour"] == np.sign(chain[0])).all()
    assert (signal["true_muons"] == 2).all()
    assert signal["one_b"].all()
    assert np.median(signal["mbc"]) == pytest.approx(M_B0, abs=1e-3)
    assert len(np.unique(signal["event"])) == len(signal)


def test_decays_by_way_of_charmonium_count_as_signal_at_its_mass():
    found = search([CHARMONIUM, -511], 200, cuts=CandidateCuts(kstar_window=2.0))
    signal = found[found["is_signal"]]
    assert len(signal) > 50
    assert np.abs(signal["q_squared"] - 3.0969**2).max() < 1.0


def test_pions_are_no_muons():
    pions = (511, [(313, [321, -211]), 211, -211])
    assert len(search([pions, -511], 300)) < 5


def test_muons_of_two_b_are_told_apart_from_those_of_one():
    left = (511, [(-411, [321, -211, -211]), -13, 14])
    right = (-511, [(411, [-321, 211, 211]), 13, -14])
    wide = CandidateCuts(max_delta_e=5.0, min_mbc=0.0)
    found = search([left, right], 1000, cuts=wide)
    assert not found["is_signal"].any()
    muons = found["true_muons"] == 2
    assert muons.mean() > 0.5  # the many pions of these decays make fakes
    assert not found["one_b"][muons].any()


def test_all_candidates_lie_within_the_cuts():
    cuts = CandidateCuts()
    found = search([SIGNAL, -511], 300, detector=PERFECT)
    assert (np.abs(found["delta_e"]) < cuts.max_delta_e).all()
    assert (found["mbc"] > cuts.min_mbc).all()
    assert (np.abs(found["m_kpi"] - cuts.kstar_mass) < cuts.kstar_window).all()
    for track in ("mu_plus", "mu_minus"):
        assert (found[f"momentum_{track}"] > cuts.min_muon_momentum).all()
        assert (found[f"identification_{track}"] > cuts.min_muon).all()


def test_room_is_made_for_more_candidates_than_events():
    everything = CandidateCuts(
        min_muon=0.0, min_kaon=0.0, min_pion=0.0, kstar_window=5.0, max_delta_e=10.0, min_mbc=0.0, max_dr=9.0
    )
    chain = (511, [(313, [321, -211]), -13, 13, 211, -211, 211, -211])
    few = search([chain, conjugate(chain)], 40, cuts=everything)
    assert len(few) > 2000  # more than there was room for at first
    assert len(np.unique(few["event"])) == 40


def test_the_fast_simulation_of_decays_agrees_with_that_of_whole_events():
    """Signal events through simulate() and the combinatorics, and their decays through see_decays()."""
    n = 1500
    events = upsilon_events([SIGNAL, -511], n, seed=5)
    numbers = np.arange(n)
    open_cuts = CandidateCuts(
        min_muon_momentum=0.0,
        min_muon=0.0,
        min_kaon=0.0,
        min_pion=0.0,
        max_delta_e=1.0,
        min_mbc=4.0,
        max_dr=9.0,
        max_dz=9.0,
    )
    whole = find_candidates(simulate(events, seed=1, event_numbers=numbers, detector=BELLE2), open_cuts)
    whole = whole[whole["is_signal"]]

    particles, decays = events.particles, np.empty((n, 5))
    momenta, work = np.empty((4, 4)), np.empty((7, 4))
    for event in range(n):
        own = slice(*events.offsets[event : event + 2])
        pdg = particles["pdg"][own]
        for row, kind in enumerate((321, -211, -13, 13)):
            at = events.offsets[event] + np.flatnonzero(pdg == kind)[0]
            momenta[row] = [particles[name][at] for name in ("px", "py", "pz", "energy")]
        decays[event] = decay_variables(momenta, 1, work)
    truth = dict(zip(("q_squared", "costheta_mu", "costheta_K", "chi"), decays.T, strict=False))
    fast = see_decays(EventFrame(truth | {"flavour": np.ones(n, dtype=np.int8)}), 1)

    error = np.sqrt(0.25 / n)
    assert abs(len(whole) - len(fast)) / n < 5 * error
    for name in truth:
        distances = [
            np.abs(whole[name] - truth[name][whole["event"]]),
            np.abs(fast[name] - fast[f"truth_{name}"]),
        ]
        widths = [np.quantile(distance, 0.5) for distance in distances]
        assert widths[0] == pytest.approx(widths[1], rel=0.2), name
    for name in ("vertex_chi2", "delta_e", "mbc", "identification_mu_plus", "momentum_k", "costheta_pi"):
        assert ks_2samp(whole[name], fast[name]).pvalue > 1e-3, name


def test_no_events_have_no_candidates():
    assert len(search([-511, 511], 3)) == 0


def test_generic_candidates_do_not_depend_on_how_blocks_are_grouped():
    pytest.importorskip("pythia8mc")
    both = generic_candidates("mixed", range(2), 1)
    second = generic_candidates("mixed", range(1, 2), 1)
    own = both[both["event"] >= 5000]
    np.testing.assert_array_equal(own["mbc"], second["mbc"])
    np.testing.assert_array_equal(own["event"], second["event"])
    assert (both["event_type"] == event_type("mixed")).all()
