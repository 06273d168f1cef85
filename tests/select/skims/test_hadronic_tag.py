"""The hadronic tag on events whose truth is known."""

import numpy as np
import pytest
from helpers import naive_candidates as naive
from helpers.decay_chains import conjugate, upsilon_events
from helpers.perfect_detector import PERFECT
from sklearn.metrics import roc_auc_score

from hepsets.core.events import Events
from hepsets.select.candidates.classifier import default_classifiers
from hepsets.select.candidates.combine import CandidateConfig, combine
from hepsets.select.skims.hadronic_tag import (
    CHARGED_B,
    MODE_NAMES,
    N_BEAUTY_FEATURES,
    NEUTRAL_B,
    TagConfig,
    find_b_mesons,
    have_b_mesons,
)
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import simulate

PI0 = (111, [22, 22])
KS = (310, [211, -211])
D_MINUS = (-411, [321, -211, -211])
ANTI_D0 = (-421, [321, -211])
DS_PLUS = (431, [321, -321, 211])
DSTAR_MINUS = (-413, [ANTI_D0, -211])

OPEN = TagConfig(min_signal_probability=0.0)

NEUTRAL = {
    "D- pi+": (511, [D_MINUS, 211]),
    "D- pi+ pi0": (511, [D_MINUS, 211, PI0]),
    "D- pi+ pi0 pi0": (511, [D_MINUS, 211, PI0, PI0]),
    "D- pi+ pi+ pi-": (511, [D_MINUS, 211, 211, -211]),
    "D- pi+ pi+ pi- pi0": (511, [D_MINUS, 211, 211, -211, PI0]),
    "D*- pi+": (511, [DSTAR_MINUS, 211]),
    "D- Ds+": (511, [D_MINUS, DS_PLUS]),
    "D- Ds*+": (511, [D_MINUS, (433, [DS_PLUS, 22])]),
    "D- D0 K+": (511, [D_MINUS, (421, [-321, 211]), 321]),
    "anti-D0 pi+ pi-": (511, [ANTI_D0, 211, -211]),
}
CHARGED = {
    "anti-D0 pi+": (521, [ANTI_D0, 211]),
    "anti-D*0 pi+": (521, [(-423, [ANTI_D0, PI0]), 211]),
    "anti-D*0 pi+ pi+ pi-": (521, [(-423, [ANTI_D0, 22]), 211, 211, -211]),
    "D- pi+ pi+": (521, [D_MINUS, 211, 211]),
    "D*- pi+ pi+": (521, [DSTAR_MINUS, 211, 211]),
}
CHARM = [
    (-421, [321, -211, PI0]),
    (-421, [321, -211, 211, -211]),
    (-421, [321, -211, 211, -211, PI0]),
    (-421, [KS, 211, -211]),
    (-421, [KS, 211, -211, PI0]),
    (-421, [KS, PI0]),
    (-421, [321, -321]),
    (-411, [321, -211, -211, PI0]),
    (-411, [KS, -211]),
    (-411, [KS, -211, PI0]),
    (-411, [KS, -211, -211, 211]),
    (-411, [321, -321, -211]),
]


def tag(events, allowed, *, detector=PERFECT, cuts=OPEN, seed=1):
    numbers = np.arange(len(events))
    seen = simulate(events, seed=seed, event_numbers=numbers, detector=detector)
    wide = CandidateConfig(min_charm_logit=-1000.0, min_photon=0.03, pi0_min_energy=0.05)
    return find_b_mesons(combine(seen, event_numbers=numbers, cuts=wide), numbers, allowed, cuts=cuts)


def correct_share(found, name):
    right = found.values[found.is_correct & (found.values["mode"] == MODE_NAMES.index(name))]
    return len(np.unique(right["event"])) / len(found.event_numbers)


@pytest.mark.parametrize(
    ("name", "chain", "allowed"),
    [(n, c, NEUTRAL_B) for n, c in NEUTRAL.items()] + [(n, c, CHARGED_B) for n, c in CHARGED.items()],
    ids=[*NEUTRAL, *CHARGED],
)
def test_a_perfect_detector_finds_every_mode_and_its_conjugate(name, chain, allowed):
    for this in (chain, conjugate(chain)):
        found = tag(upsilon_events([this, -this[0]], 60, seed=3), allowed)
        assert correct_share(found, name) > 0.5, this
        right = found.values[found.is_correct]
        assert (right["flavour"] == np.sign(this[0])).all()
        assert (right["charge"] == (np.sign(this[0]) if allowed is CHARGED_B else 0)).all()


@pytest.mark.parametrize("charm", CHARM, ids=str)
def test_a_perfect_detector_finds_every_charm_mode(charm):
    if charm[0] == -421:
        chain, name, allowed = (521, [charm, 211]), "anti-D0 pi+", CHARGED_B
    else:
        chain, name, allowed = (511, [charm, 211]), "D- pi+", NEUTRAL_B
    found = tag(upsilon_events([chain, -chain[0]], 60, seed=4), allowed)
    assert correct_share(found, name) > 0.4


def test_a_simple_event_passes_the_real_selection_and_is_correct():
    events = upsilon_events([NEUTRAL["D- pi+"], -511], 100, seed=5)
    numbers = np.arange(100)
    seen = simulate(events, seed=5, event_numbers=numbers, detector=BELLE2)
    found = find_b_mesons(combine(seen, event_numbers=numbers), numbers, NEUTRAL_B)
    assert correct_share(found, "D- pi+") > 0.25


def test_a_decay_with_a_lost_particle_is_never_correct():
    events = upsilon_events([(511, [D_MINUS, 211, 14, -14]), -511], 200, seed=6)
    assert not tag(events, NEUTRAL_B).is_correct.any()


def test_particles_of_both_b_mesons_never_make_a_correct_one():
    # the D- of one B and the pi+ of the other
    events = upsilon_events([(511, [D_MINUS, 14, -14]), (-511, [211, -13, 14, -14])], 200, seed=7)
    assert not tag(events, NEUTRAL_B).is_correct.any()


@pytest.fixture(scope="module")
def busy():
    chain = (511, [(-411, [321, -211, -211]), 211, 211, -211, PI0])
    events = upsilon_events([chain, conjugate(chain)], 1500, seed=8)
    numbers = np.arange(1500)
    return find_b_mesons(
        combine(simulate(events, seed=8, event_numbers=numbers, detector=BELLE2), event_numbers=numbers),
        numbers,
        NEUTRAL_B,
        cuts=OPEN,
    )


def test_mbc_and_delta_e_peak_for_correct_candidates(busy):
    right = busy.is_correct
    assert right.sum() > 40
    low, middle, high = np.percentile(busy.mbc[right], [16, 50, 84])
    error = 1.25 * 0.003 / np.sqrt(right.sum())
    assert abs(middle - 5.2795) < 5 * error
    assert 0.002 < 0.5 * (high - low) < 0.004
    low, middle, high = np.percentile(busy.delta_e[right], [16, 50, 84])
    assert abs(middle) < 0.01
    assert 0.008 < 0.5 * (high - low) < 0.04


def test_candidates_lie_in_the_window(busy):
    assert (busy.mbc > 5.24).all()
    assert (abs(busy.delta_e) < 0.2).all()
    assert ((busy.signal_probability > 0) & (busy.signal_probability < 1)).all()


def test_the_classifier_prefers_correct_candidates(busy):
    # most of the wrong ones here hold a true D or differ in one photon, so it is no easy choice
    right = busy.is_correct
    assert roc_auc_score(right, busy.signal_probability) > 0.68


def test_b_mesons_of_both_flavours_are_found_equally_often(busy):
    flavour = busy.values["flavour"]
    n = len(np.unique(busy.values["event"]))  # candidates of one event are correlated
    plus = (flavour > 0).mean()
    assert abs(plus - 0.5) < 5 * 0.5 / np.sqrt(n)


def test_charm_and_companion_share_nothing(busy):
    for candidate in busy.values[:500]:
        name = MODE_NAMES[candidate["mode"]]
        if name == "D- pi+ pi+ pi- pi0" and candidate["charm_mode"] == 8:
            assert int(candidate["tracks"]).bit_count() == 6
            assert int(candidate["clusters"]).bit_count() == 2


def test_each_event_is_judged_by_the_fold_of_its_parity():
    events = upsilon_events([NEUTRAL["D- pi+ pi0"], -511], 40, seed=9)
    numbers = np.arange(40)
    seen = simulate(events, seed=9, event_numbers=numbers, detector=PERFECT)
    even, odd = 2 * numbers, 2 * numbers + 1
    by_even, by_odd = (
        find_b_mesons(combine(seen, event_numbers=n), n, NEUTRAL_B, cuts=OPEN) for n in (even, odd)
    )
    assert by_even.signal_probability[0] != by_odd.signal_probability[0]
    assert np.array_equal(by_even.event_number // 2, by_even.values["event"])


def test_the_classifier_sees_neither_mbc_nor_delta_e():
    weights = default_classifiers()
    assert weights.beauty.hidden.shape[:2] == (2, N_BEAUTY_FEATURES)
    assert weights.beauty.mode_shift.shape[1] == len(MODE_NAMES)
    assert not np.array_equal(weights.beauty.hidden[0], weights.beauty.hidden[1])
    assert "train_candidate_classifier" in weights.provenance


def test_the_table_has_one_row_per_candidate(busy):
    table = busy.to_arrow()
    assert table.num_rows == len(busy)
    assert {"event_number", "mbc", "delta_e", "mode", "signal_probability", "is_correct"} <= set(
        table.column_names
    )
    assert table["mode"][0].as_py() in MODE_NAMES


def test_no_candidate_is_lost_to_a_quick_test_and_events_with_one_are_told():
    pairs = [[NEUTRAL[n], CHARGED[c]] for n in NEUTRAL for c in ("anti-D*0 pi+", "D*- pi+ pi+")]
    events = Events.concatenate([upsilon_events(pair, 8, seed=seed) for seed, pair in enumerate(pairs)])
    numbers = np.arange(len(events))
    lists = combine(simulate(events, seed=4, event_numbers=numbers, detector=PERFECT), event_numbers=numbers)
    for allowed in (NEUTRAL_B, CHARGED_B):
        found = find_b_mesons(lists, numbers, allowed)
        values, total = found.values, 0
        for event in numbers:
            expected = naive.b_mesons(lists, event, event, allowed)
            here = values[values["event"] == event]
            names = ("mode", "tracks", "clusters", "signal_probability")
            told = sorted((*(int(c[n]) for n in names[:3]), c[names[3]]) for c in here)
            assert [row[:3] for row in told] == [row[:3] for row in expected]
            assert [row[3] for row in told] == pytest.approx([row[3] for row in expected])
            total += len(told)
        assert total > 50
        assert np.array_equal(have_b_mesons(lists, numbers, allowed), found.passes)
