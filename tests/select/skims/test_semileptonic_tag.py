"""The semileptonic tag on events whose truth is known."""

import numpy as np
import pytest
from helpers.decay_chains import conjugate, upsilon_events
from helpers.perfect_detector import PERFECT

from hepsets.core.lorentz import Frame
from hepsets.core.lorentz_kernels import boost
from hepsets.select.candidates.combine import CandidateConfig, combine
from hepsets.select.candidates.record import ELECTRON, MUON
from hepsets.select.skims.registry import run_skims
from hepsets.select.skims.semileptonic_tag import MODE_NAMES, SemileptonicConfig, find_semileptonic_b0
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import simulate

PI0 = (111, [22, 22])
D_MINUS = (-411, [321, -211, -211])
DSTAR_MINUS = (-413, [(-421, [321, -211]), -211])
OPEN = SemileptonicConfig(min_signal_probability=0.0)
CHAINS = {
    "D- e+": (511, [D_MINUS, -11, 12]),
    "D- mu+": (511, [D_MINUS, -13, 14]),
    "D*- e+": (511, [DSTAR_MINUS, -11, 12]),
    "D*- mu+": (511, [DSTAR_MINUS, -13, 14]),
}


def tag(events, *, detector=BELLE2, cuts=None, seed=1):
    numbers = np.arange(len(events))
    seen = simulate(events, seed=seed, event_numbers=numbers, detector=detector)
    wide = CandidateConfig(min_charm_logit=-1000.0) if detector is PERFECT else None
    return find_semileptonic_b0(combine(seen, event_numbers=numbers, cuts=wide), numbers, cuts=cuts)


def events_with(candidates, chosen):
    return len(np.unique(candidates.values["event"][chosen])) / len(candidates.event_numbers)


@pytest.mark.parametrize("name", MODE_NAMES)
def test_a_perfect_detector_finds_every_mode_and_its_conjugate(name):
    for chain in (CHAINS[name], conjugate(CHAINS[name])):
        events = upsilon_events([chain, -chain[0]], 100, seed=3)
        found = tag(events, detector=PERFECT, cuts=SemileptonicConfig(0.0, min_signal_probability=0.0))
        right = found.is_correct
        assert events_with(found, right) > 0.8
        assert (found.values["mode"][right] == MODE_NAMES.index(name)).all()
        assert (found.values["flavour"][right] == np.sign(chain[0])).all()
        assert (found.values["charge"] == 0).all()


@pytest.fixture(scope="module")
def signal():
    return upsilon_events([CHAINS["D*- mu+"], -511], 800, seed=4)


def test_the_decay_to_dstar_muon_neutrino_passes_and_is_correct(signal):
    found = tag(signal)
    assert 0.15 < found.passes.mean() < 0.5
    assert events_with(found, found.is_correct) > 0.8 * found.passes.mean()


def test_cos_theta_by_is_the_angle_between_the_b_and_its_visible_part(signal):
    found = tag(signal, detector=PERFECT, cuts=OPEN)
    found = found.values[found.is_correct & (abs(found.values["lepton_momentum"]) > 1.0)]
    p = signal.particles
    truth = []
    for event in found["event"]:
        begin = signal.offsets[event]
        b = begin + 1
        momenta = []
        for i in (
            b,
            *np.flatnonzero(np.isin(p["pdg"][begin : signal.offsets[event + 1]], (-413, -13))) + begin,
        ):
            lab = (float(p[name][i]) for name in ("px", "py", "pz", "energy"))
            momenta.append(np.array(boost(*lab, Frame.moving(*BELLE2.beams.velocity)))[:3])
        visible = momenta[1] + momenta[2]
        truth.append(momenta[0] @ visible / np.linalg.norm(momenta[0]) / np.linalg.norm(visible))
    # the beam energies, and so the momentum of the B, are known on average only
    assert np.median(abs(found["cos_theta_by"] - truth)) < 0.1
    assert np.corrcoef(found["cos_theta_by"], truth)[0, 1] > 0.9
    assert abs(found["cos_theta_by"]).max() < 2.0


def test_every_candidate_is_within_the_cuts(signal):
    values = tag(signal).values
    cuts = SemileptonicConfig()
    assert (values["lepton_momentum"] > cuts.min_lepton_momentum).all()
    assert (values["cos_theta_by"] > cuts.min_cos_theta_by).all()
    assert (values["cos_theta_by"] < cuts.max_cos_theta_by).all()
    assert (values["signal_probability"] > cuts.min_signal_probability).all()


def test_without_a_lepton_events_pass_only_by_a_fake_and_never_rightly():
    events = upsilon_events([(511, [DSTAR_MINUS, 211, PI0]), -511], 800, seed=5)
    found = tag(events)
    assert not found.is_correct.any()
    numbers = np.arange(len(events))
    lists = combine(simulate(events, seed=1, event_numbers=numbers, detector=BELLE2), event_numbers=numbers)
    faked = np.array([fast_leptons(lists, event) > 0 for event in numbers])
    assert (found.passes <= faked).all()
    assert found.passes.mean() < 0.05


def fast_leptons(lists, event):
    leptons = np.concatenate([lists.of(event, ELECTRON), lists.of(event, MUON)])
    return (np.sqrt(leptons["px"] ** 2 + leptons["py"] ** 2 + leptons["pz"] ** 2) > 1.0).sum()


@pytest.mark.parametrize(
    "chains",
    [
        [(511, [DSTAR_MINUS, PI0, -13, 14]), -511],
        [(511, [DSTAR_MINUS, (-15, [-13, 14, -16]), 16]), -511],
        [(511, [DSTAR_MINUS, 14, -14]), (-511, [-13, 14, 211, -211])],
        [(511, [D_MINUS, 14, -14]), (-511, [-11, 12, 211, -211])],
        [(521, [DSTAR_MINUS, 211, -13, 14]), -521],
    ],
    ids=["a pi0 more", "through a tau", "of two B, D*", "of two B, D", "of a B+"],
)
def test_what_is_not_all_of_one_b0_but_a_neutrino_is_never_correct(chains):
    assert not tag(upsilon_events(chains, 200, seed=6), detector=PERFECT, cuts=OPEN).is_correct.any()


def test_a_lepton_of_the_wrong_charge_is_never_used():
    events = upsilon_events([(511, [DSTAR_MINUS, 13, 211, 211, -14]), -511], 300, seed=7)
    numbers = np.arange(300)
    seen = simulate(events, seed=1, event_numbers=numbers, detector=BELLE2)
    lists = combine(seen, event_numbers=numbers)
    muons = {}
    for event in numbers:
        of_event = lists.of(event, MUON)
        muons[event] = sum(int(mask) for mask in of_event["tracks"][of_event["matched"] == 1])
    assert sum(mask > 0 for mask in muons.values()) > 100
    for candidate in find_semileptonic_b0(lists, numbers, cuts=OPEN).values:  # pions taken for leptons
        assert int(candidate["tracks"]) & muons[candidate["event"]] == 0


def test_the_conjugate_event_passes_as_the_event_does(signal):
    mirror = upsilon_events([conjugate(CHAINS["D*- mu+"]), 511], 800, seed=4)
    numbers = np.arange(800)
    passes = [
        run_skims(events, ["semileptonic_b0"], seed=2, event_numbers=numbers)["semileptonic_b0"]
        for events in (signal, mirror)
    ]
    # the same random numbers; only the curvature of displaced tracks differs
    assert (passes[0] != passes[1]).mean() < 0.02
