"""The share of flat background in events is what was put in, for true decays and for measured ones."""

import numpy as np
import pytest

from hepsets.core.event_frame import EventFrame
from hepsets.evaluate.estimates.flat_background import (
    FLAT_EVENTS,
    fit_flat_share,
    flat_events,
    mixed_with_flat,
)
from hepsets.evaluate.estimates.reference_events import ReferenceEvents
from hepsets.generate.kstmumu.density import VARIABLES, WINDOWS, Window
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.learn.data_sets.truth_ratios import TruthRatios

LIMITS = (-3.0, 2.0)


def simulated(seed, accepted=lambda frame: np.ones(len(frame), dtype=bool)):
    frame = EventFrame.concatenate(
        [sample_decays(10_000, value, seed + k) for k, value in enumerate((-1.5, 0.0))]
    )
    frame = frame[accepted(frame)]
    return ReferenceEvents.of(frame, TruthRatios.of(frame, WINDOWS["0-20"]), VARIABLES, 1)


def forward(frame):
    """An acceptance that loses decays with a slow muon, unevenly."""
    return np.random.default_rng(len(frame)).uniform(size=len(frame)) > 0.7 * np.abs(frame["costheta_mu"])


def events(signal, flat, seed, accepted=None):
    decays = sample_decays(signal, -0.8, seed)
    decays = decays if accepted is None else decays[accepted(decays)]
    background = flat_events(decays["q_squared"])[:flat]
    return EventFrame({name: np.r_[decays[name], background[name]].astype(np.float32) for name in VARIABLES})


@pytest.mark.parametrize("accepted", [None, forward])
def test_the_share_is_what_was_put_in_also_behind_an_acceptance(accepted):
    reference = simulated(11) if accepted is None else simulated(11, accepted)
    free = fit_flat_share(events(4000, 0, 1, accepted), reference, -0.8, LIMITS)
    assert free.share < 0.06
    assert free.upper95 < 0.12
    assert free.p_value > 0.01
    mixed = events(4000, 1000, 2, accepted)
    found = fit_flat_share(mixed, reference, -0.8, LIMITS)
    assert found.share == pytest.approx(1000 / len(mixed), abs=0.06)
    assert found.share < found.upper95 < found.share + 0.08
    assert found.p_value < 1e-6
    assert found.delta_c9_shift < -0.2
    assert found.delta_c9 == pytest.approx(-0.8, abs=0.35)


def test_limits_and_p_values_hold_as_often_as_they_say():
    reference, limits, p_values = simulated(21), [], []
    for seed in range(60):
        found = fit_flat_share(events(450, 50, 100 + seed), reference, -0.8, LIMITS)
        limits.append(found.upper95 > 0.1)
        p_values.append(fit_flat_share(events(500, 0, 300 + seed), reference, -0.8, LIMITS).p_value)
    assert np.mean(limits) > 0.85
    assert np.mean(np.array(p_values) < 0.05) < 0.17
    assert min(p_values) > 1e-4


def test_few_events_exclude_little_and_pure_background_nothing():
    few = fit_flat_share(events(12, 0, 5), simulated(11), -0.8, LIMITS)
    assert 0.2 < few.upper95 <= 1.0
    pure = fit_flat_share(flat_events(np.linspace(1.0, 8.0, 100))[:2000], simulated(11), -0.8, LIMITS)
    assert pure.share > 0.9
    assert pure.upper95 == pytest.approx(1.0, abs=0.05)


def test_flat_events_have_the_q_squared_of_the_data_in_any_order():
    q_squared = np.array([1.0, 5.0, 7.0])
    made, again = flat_events(q_squared), flat_events(q_squared[::-1])
    assert set(made["q_squared"]) == {1.0, 5.0, 7.0}
    assert all((made[name] == again[name]).all() for name in VARIABLES)
    for name, half in (("costheta_mu", 1.0), ("costheta_K", 1.0), ("chi", np.pi)):
        assert np.abs(made[name].mean()) < 4 * half / np.sqrt(3 * FLAT_EVENTS)
        assert made[name].std() == pytest.approx(half / np.sqrt(3), rel=0.02)


def test_a_share_of_flat_background_is_made_with_each_shape_in_q_squared():
    reference = simulated(11)
    window = Window(0.0, 20.0, ((9.0, 10.0),))
    mistakes = mixed_with_flat(np.linspace(1.0, 15.0, 57), window)
    means = []
    for mistake in mistakes:
        made = mistake.make(reference)
        assert made.has_background
        assert not reference.has_background
        assert len(made) == len(reference) + FLAT_EVENTS
        background = made.frame["q_squared"][made.shares[3] > 0]
        assert window.contains(background).all()
        assert 0.999 < background.min() < 1.3
        assert background.max() < 15.001
        means.append(background.mean())
    assert means[1] > means[4] > means[3] > means[2]
    assert means[2] == pytest.approx(1 + 2.5, abs=0.3)
    assert "exp(−q²/2.5 GeV²)" in mistakes[2].name
