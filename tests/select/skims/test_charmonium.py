"""The J/psi skim on events whose truth is known."""

import numpy as np
import pytest
from helpers.decay_chains import conjugate, upsilon_events
from helpers.perfect_detector import PERFECT

from hepsets.select.candidates.combine import combine
from hepsets.select.skims.charmonium import M_JPSI, MODE_NAMES, JpsiConfig, find_jpsi
from hepsets.select.skims.registry import run_skims
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import simulate

KS = (310, [211, -211])
LEPTONS = {"J/psi -> e+ e-": [-11, 11], "J/psi -> mu+ mu-": [-13, 13]}


def search(events, *, detector=BELLE2, seed=1):
    numbers = np.arange(len(events))
    seen = simulate(events, seed=seed, event_numbers=numbers, detector=detector)
    return find_jpsi(combine(seen, event_numbers=numbers), numbers)


def events_with(found, chosen):
    return len(np.unique(found.values["event"][chosen])) / len(found.event_numbers)


@pytest.mark.parametrize("name", MODE_NAMES)
def test_a_perfect_detector_finds_both_decays(name):
    events = upsilon_events([(511, [(443, LEPTONS[name]), KS]), -511], 200, seed=1)
    found = search(events, detector=PERFECT)
    assert events_with(found, found.is_correct) > (0.75 if "e+" in name else 0.85)  # electrons radiate
    assert (found.values["mode"][found.is_correct] == MODE_NAMES.index(name)).all()


@pytest.mark.parametrize("name", MODE_NAMES)
def test_jpsi_kshort_passes_and_peaks_at_the_mass(name):
    events = upsilon_events([(511, [(443, LEPTONS[name]), KS]), -511], 600, seed=2)
    found = search(events)
    right = found.is_correct
    assert 0.4 < events_with(found, right) < 0.85
    low, middle, high = np.percentile(found.values["mass"][right], [16, 50, 84])
    if name == "J/psi -> mu+ mu-":
        assert abs(middle - M_JPSI) < 0.004
        assert 0.005 < 0.5 * (high - low) < 0.020
    else:  # electrons radiate: a tail on the lower side
        assert M_JPSI - 0.08 < middle < M_JPSI - 0.02
        assert middle - low > high - middle


def test_a_jpsi_of_a_cascade_counts_too():
    events = upsilon_events([(511, [(100443, [(443, [-13, 13]), 211, -211]), KS]), -511], 200, seed=3)
    found = search(events, detector=PERFECT)
    assert events_with(found, found.is_correct) > 0.85


@pytest.mark.parametrize(
    "chains",
    [
        [(511, [(443, [211, -211, 321, -321]), KS]), -511],
        [(511, [(-411, [321, -211, -211]), 211, 211, -211]), -511],
    ],
    ids=["hadronic J/psi", "no J/psi"],
)
def test_events_without_leptons_fail(chains):
    found = search(upsilon_events(chains, 500, seed=4))
    assert found.passes.mean() < 0.02
    assert not found.is_correct.any()


def test_leptons_of_two_b_mesons_pass_by_their_mass_only_and_are_never_correct():
    chains = [(511, [(-411, [321, -211, -211]), -13, 14]), (-511, [(411, [-321, 211, 211]), 13, -14])]
    found = search(upsilon_events(chains, 1500, seed=5), detector=PERFECT)
    assert 0.001 < found.passes.mean() < 0.06
    assert not found.is_correct.any()
    cuts = JpsiConfig()
    assert (found.values["mass"] > M_JPSI - cuts.below_muons).all()
    assert (found.values["mass"] < M_JPSI + cuts.above).all()


def test_the_conjugate_event_passes_as_the_event_does():
    chain = (511, [(443, [-13, 13]), 321, -211])
    numbers = np.arange(600)
    passes = [
        run_skims(upsilon_events([c, -c[0]], 600, seed=6), ["jpsi"], seed=2, event_numbers=numbers)["jpsi"]
        for c in (chain, conjugate(chain))
    ]
    assert passes[0].mean() > 0.3
    assert (passes[0] != passes[1]).mean() < 0.02
