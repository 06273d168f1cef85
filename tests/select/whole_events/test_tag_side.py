"""The tag side: nothing of the signal enters, and flavours mix as two entangled B do."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.mixed_events import NUMBERS, mixed_events, seen_events

from hepsets.core.errors import InputError
from hepsets.generate.beams import B0_MIXING_FREQUENCY
from hepsets.generate.pythia import generate_block
from hepsets.select.whole_events.descent import is_below
from hepsets.select.whole_events.particles import TRUTH, whole_events
from hepsets.select.whole_events.tag_side import b_mesons, decay_times, tag_sides
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import simulate


@pytest.mark.parametrize("signal", [0, 1])
def test_no_track_or_cluster_of_the_signal_enters_and_all_others_do(signal):
    events, seen = mixed_events(), seen_events()
    sets = tag_sides(seen, NUMBERS, signal)
    of_signal = is_below(events.mothers, b_mesons(events)[:, signal])
    truth = sets.particles[TRUTH]
    there = truth >= 0
    assert not of_signal[events.offsets[sets.event_of_particle[there]] + truth[there]].any()
    expected = (~of_signal[seen.tracks["particle"]]).sum()
    of_cluster = seen.clusters["particle"]
    expected += ((of_cluster < 0) | ~of_signal[np.maximum(of_cluster, 0)]).sum()
    assert sets.n_particles == expected


def test_both_tag_sides_make_the_event_with_its_background_twice():
    sides = [tag_sides(seen_events(), NUMBERS, signal) for signal in (0, 1)]
    everything = whole_events(seen_events())
    background = np.bincount(
        everything.event_of_particle, everything.particles[TRUTH] < 0, minlength=len(everything)
    )
    both = sides[0].multiplicity + sides[1].multiplicity
    assert both.tolist() == (everything.multiplicity + background).tolist()


def test_another_signal_decay_leaves_the_tag_side_as_it_is():
    # the signal's final particles are given other momenta and kinds: nothing of it may be seen
    events = mixed_events()
    signal = is_below(events.mothers, b_mesons(events)[:, 0])
    p = dict(events.particles)
    final = signal.copy()
    final[events.mothers] = False
    for name in ("px", "py", "pz"):
        p[name] = np.where(final, -0.5 * p[name], p[name]).astype(np.float32)
    p["pdg"] = np.where(final & (np.abs(p["pdg"]) == 211), 14, p["pdg"]).astype(np.int32)
    changed = replace(events, particles=p)
    found = [
        tag_sides(simulate(one, seed=3, event_numbers=NUMBERS, detector=BELLE2), NUMBERS, 0)
        for one in (events, changed)
    ]
    # random numbers of the detector differ from there on, so whether each true particle can be seen is
    # compared
    truth = [set(zip(s.event_of_particle.tolist(), s.particles[TRUTH].tolist(), strict=True)) for s in found]
    of_signal = np.flatnonzero(signal)
    own = events.event_of_particle[of_signal]
    forbidden = set(zip(own.tolist(), (of_signal - events.offsets[own]).tolist(), strict=True))
    assert not forbidden & (truth[0] | truth[1])
    assert np.array_equal(found[0].columns["q"], found[1].columns["q"])


def test_flavours_are_those_at_decay_and_mix_coherently():
    pytest.importorskip("pythia8mc")
    events = generate_block("mixed", 22, 0, 5000)
    pair = b_mesons(events)
    times = decay_times(events, pair)
    assert times.mean() == pytest.approx(1.519, abs=4 * 1.519 / np.sqrt(2 * len(events)))
    same = events.particles["pdg"][pair[:, 0]] == events.particles["pdg"][pair[:, 1]]
    assert same.mean() == pytest.approx(0.186, abs=4 * np.sqrt(0.186 * 0.814 / len(same)))
    delta = times[:, 0] - times[:, 1]
    expected = 0.5 * (1 - np.cos(B0_MIXING_FREQUENCY * delta))
    for low, high in ((0, 1), (1, 2), (2, 4), (4, 8)):
        there = (np.abs(delta) >= low) & (np.abs(delta) < high)
        error = np.sqrt((expected[there] * (1 - expected[there])).sum()) / there.sum()
        assert same[there].mean() == pytest.approx(expected[there].mean(), abs=4 * error)


def test_label_and_time_are_of_the_tag():
    pair, sides = b_mesons(mixed_events()), [tag_sides(seen_events(), NUMBERS, signal) for signal in (0, 1)]
    pdg = mixed_events().particles["pdg"]
    assert np.array_equal(sides[0].columns["q"], np.sign(pdg[pair[:, 1]]))
    assert np.array_equal(sides[0].columns["q"], sides[1].columns["q_signal"])
    assert np.array_equal(sides[0].columns["delta_t"], -sides[1].columns["delta_t"])


def test_events_without_two_neutral_b_are_refused():
    pytest.importorskip("pythia8mc")
    with pytest.raises(InputError, match="two neutral B"):
        b_mesons(generate_block("ccbar", 1, 0, 5))
