"""The skim for fast charm mesons on events whose truth is known."""

import numpy as np
import pytest
from helpers.decay_chains import conjugate, continuum_events, upsilon_events
from helpers.perfect_detector import PERFECT

from hepsets.core.lorentz import Frame
from hepsets.core.lorentz_kernels import boost
from hepsets.select.candidates.combine import combine
from hepsets.select.skims.fast_charm import MODE_NAMES, FastCharmConfig, find_fast_charm
from hepsets.select.skims.registry import run_skims
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import simulate

D_ZERO = (421, [-321, 211])
D_PLUS = (411, [-321, 211, 211])
REST = [(-421, [14, -14]), 211, -211]
REST_OF_D_PLUS = [(-421, [14, -14]), -211]


def search(events, *, detector=BELLE2, seed=1, cuts=None):
    numbers = np.arange(len(events))
    seen = simulate(events, seed=seed, event_numbers=numbers, detector=detector)
    return find_fast_charm(combine(seen, event_numbers=numbers), numbers, cuts=cuts)


def true_momentum(events, pdg):
    """Momentum [GeV] in the centre of mass of the one particle with this id in each event."""
    at = np.flatnonzero(events.particles["pdg"] == pdg)
    assert len(at) == len(events)
    frame = Frame.moving(*BELLE2.beams.velocity)
    lab = zip(
        *(events.particles[name][at].astype(float) for name in ("px", "py", "pz", "energy")), strict=True
    )
    return np.array([np.linalg.norm(boost(*p, frame)[:3]) for p in lab])


@pytest.mark.parametrize(("name", "charm", "rest"), [("D0", D_ZERO, REST), ("D+", D_PLUS, REST_OF_D_PLUS)])
def test_a_perfect_detector_finds_fast_ones_and_only_those(name, charm, rest):
    for chains in ([charm, *rest], [conjugate(chain) for chain in (charm, *rest)]):
        events = continuum_events(chains, 300, seed=1)
        momentum = true_momentum(events, chains[0][0])
        assert 0.2 < (momentum > 2.0).mean() < 0.95
        found = search(events, detector=PERFECT)
        right = found.values[found.is_correct]
        assert (right["mode"] == MODE_NAMES.index(name)).all()
        assert (right["flavour"] == np.sign(chains[0][0])).all()
        correct = np.zeros(300, dtype=bool)
        correct[right["event"]] = True
        assert correct[momentum > 2.05].mean() > 0.7
        assert not correct[momentum < 1.95].any()
        assert right["momentum"] == pytest.approx(momentum[right["event"]], rel=0.03)


def test_a_fast_d_in_continuum_passes_in_the_real_detector():
    events = continuum_events([D_ZERO, *REST], 2000, seed=2)
    momentum = true_momentum(events, 421)
    found = search(events)
    assert found.is_correct.mean() > 0.9
    # the charm network hardly saw such momenta in training, and does not mind
    for low, high in ((2.1, 2.8), (2.8, 3.6), (3.6, 4.5)):
        chosen = (momentum > low) & (momentum < high)
        assert 0.55 < found.passes[chosen].mean() < 0.75


def test_events_without_a_fast_d_fail():
    # kinematics: a D- that shares the B with a D0 and a kaon has less than 1.8 GeV
    slow = search(
        upsilon_events([(511, [(-411, [321, -211, -211]), (421, [14, -14]), 321]), -511], 500, seed=3)
    )
    assert slow.passes.mean() < 0.02
    assert not slow.is_correct.any()
    light = continuum_events([321, -321, 211, -211, (111, [22, 22])], 500, seed=4)
    found = search(light)
    assert found.passes.mean() < 0.2  # combinations only
    assert not found.is_correct.any()


def test_both_cuts_hold():
    events = continuum_events([D_ZERO, *REST], 300, seed=5)
    loose = search(events, cuts=FastCharmConfig(min_momentum=0.5, min_signal_probability=0.0))
    assert loose.values["momentum"].min() < 2.0
    chosen = (loose.values["momentum"] > 2.0) & (loose.signal_probability > 0.1)
    tight = search(events)
    assert np.array_equal(tight.values, loose.values[chosen])


def test_the_conjugate_event_passes_as_the_event_does():
    numbers = np.arange(600)
    chains = [D_ZERO, *REST]
    passes = [
        run_skims(continuum_events(c, 600, seed=6), ["fast_charm"], seed=2, event_numbers=numbers)[
            "fast_charm"
        ]
        for c in (chains, [conjugate(chain) for chain in chains])
    ]
    assert passes[0].mean() > 0.2
    assert (passes[0] != passes[1]).mean() < 0.02
