"""Particle lists: right masses, right truth, nothing used twice."""

import numpy as np
import pytest
from helpers import naive_candidates as naive
from helpers.decay_chains import upsilon_events
from helpers.random_events import random_events

from hepsets.core.events import Events
from hepsets.core.masses import M_D0, M_KS, M_PI, M_PI0
from hepsets.select.candidates.charm import CHARM_MODE_NAMES
from hepsets.select.candidates.combine import combine, room_for_lists
from hepsets.select.candidates.record import (
    CANDIDATE,
    D0,
    D_PLUS,
    D_S,
    D_S_STAR,
    DSTAR0,
    DSTAR_PLUS,
    KAON,
    KSHORT,
    N_KINDS,
    PHOTON,
    PI0,
    PION,
    THREE_PI,
    TWO_PI,
    TWO_PI_SAME,
    Best,
    Seen,
    insert,
)
from hepsets.select.candidates.truth import true_mother
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.calorimeter import CLUSTER
from hepsets.simulate.detector import simulate
from hepsets.simulate.tracker import TRACK

PI0_CHAIN = (111, [22, 22])
KS_CHAIN = (310, [211, -211])
ANTI_D0 = (-421, [321, -211])
B_DSTAR = (511, [(-413, [ANTI_D0, -211]), 211, PI0_CHAIN])
B_KS = (511, [(-411, [KS_CHAIN, -211]), 211])


@pytest.fixture(scope="module")
def lists():
    events = upsilon_events([B_DSTAR, B_KS], 1500, seed=1)
    numbers = np.arange(1500)
    return combine(simulate(events, seed=2, event_numbers=numbers, detector=BELLE2), event_numbers=numbers)


def every(lists, kind):
    return np.concatenate([lists.of(event, kind) for event in range(len(lists.offsets))])


def bits(mask):
    return sum((int(mask) >> bit) & 1 for bit in range(64))


def test_offsets_run_through_all_lists(lists):
    flat = lists.offsets
    assert (np.diff(flat, axis=1) >= 0).all()
    assert (flat[1:, 0] == flat[:-1, -1]).all()
    assert flat[0, 0] == 0
    assert flat[-1, -1] == len(lists.values)


def test_daughters_are_never_used_twice(lists):
    n_bits = {PION: 1, KAON: 1, KSHORT: 2, TWO_PI: 2, TWO_PI_SAME: 2, THREE_PI: 3}
    for kind, expected in n_bits.items():
        assert {bits(mask) for mask in every(lists, kind)["tracks"]} == {expected}
    assert {bits(mask) for mask in every(lists, PHOTON)["clusters"]} == {1}
    assert {bits(mask) for mask in every(lists, PI0)["clusters"]} == {2}
    charm = every(lists, D0)
    for mode, tracks, clusters in (
        ("D0 -> K- pi+", 2, 0),
        ("D0 -> K- pi+ pi0", 2, 2),
        ("D0 -> K- pi+ pi+ pi- pi0", 4, 2),
        ("D0 -> KS pi+ pi-", 4, 0),
    ):
        chosen = charm[charm["mode"] == CHARM_MODE_NAMES.index(mode)]
        assert {bits(mask) for mask in chosen["tracks"]} <= {tracks}
        assert {bits(mask) for mask in chosen["clusters"]} <= {clusters}


def test_charges_are_those_of_the_daughters(lists):
    for kind, charges in ((D0, {0}), (D_PLUS, {-1, 1}), (DSTAR_PLUS, {-1, 1}), (TWO_PI_SAME, {-2, 2})):
        assert set(every(lists, kind)["charge"].tolist()) <= charges
    plus = every(lists, D_PLUS)
    assert np.array_equal(plus["charge"], plus["flavour"])


@pytest.mark.parametrize(
    ("kind", "field", "mass", "width"),
    [(PI0, "mass", M_PI0, 0.0065), (KSHORT, "mass", M_KS, 0.004), (D0, "mass", M_D0, 0.008),
     (DSTAR_PLUS, "delta_mass", 0.14543, 0.0008)],
)  # fmt: skip
def test_correct_candidates_peak_at_their_mass(lists, kind, field, mass, width):
    candidates = every(lists, kind)
    right = candidates[field][candidates["matched"] == 1]
    assert len(right) > 50
    low, middle, high = np.percentile(right, [16, 50, 84])
    assert 0.5 * (high - low) < width
    assert abs(middle - mass) < width / 3


def test_a_pi0_has_its_nominal_mass_after_the_constraint(lists):
    pi0 = every(lists, PI0)
    mass2 = pi0["energy"] ** 2 - pi0["px"] ** 2 - pi0["py"] ** 2 - pi0["pz"] ** 2
    assert mass2 == pytest.approx(M_PI0**2, abs=1e-9)


def test_momenta_are_in_the_centre_of_mass(lists):
    pions = every(lists, PION)
    assert pions["energy"] ** 2 - pions["px"] ** 2 - pions["py"] ** 2 - pions["pz"] ** 2 == pytest.approx(
        M_PI**2, abs=1e-9
    )
    kaons = every(lists, KSHORT)
    kaons = kaons[kaons["matched"] == 1]
    error = 5 * kaons["pz"].std() / np.sqrt(len(kaons))
    assert abs(kaons["pz"].mean()) < error + 0.05  # the acceptance is not quite symmetric


def test_matched_candidates_are_the_true_ones(lists):
    pdg = lists.reconstructed.events.particles["pdg"]
    seen = lists.reconstructed
    checked = 0
    for event in range(300):
        tracks = seen.tracks[seen.track_offsets[event] : seen.track_offsets[event + 1]]
        for candidate in lists.of(event, D0):
            used = [i for i in range(len(tracks)) if (int(candidate["tracks"]) >> i) & 1]
            ids = sorted(pdg[tracks["particle"][used]].tolist())
            if candidate["mode"] == 0 and ids == [-211, 321] and candidate["flavour"] == -1:
                # the only K+ pi- pair from one D in these events, unless the pi- is the slow one
                mothers = seen.events.mothers[tracks["particle"][used]]
                assert candidate["matched"] == (len(set(mothers)) == 1)
                checked += 1
    assert checked > 30


def test_lists_are_ordered_by_quality(lists):
    for kind in (PI0, D0, D_PLUS, D_S, DSTAR_PLUS):
        for event in range(200):
            assert (np.diff(lists.of(event, kind)["quality"]) <= 0).all()


def test_the_true_mother_needs_exactly_its_final_particles():
    # 0: B0 -> 1: D- (2 K+, 3 pi-, 4 pi-), 5: pi+
    pdg = np.array([511, -411, 321, -211, -211, 211], dtype=np.int32)
    mothers = np.array([0, 0, 1, 1, 1, 0])
    leaves = np.array([4, 3, 1, 1, 1, 1])
    tracks = np.zeros(4, dtype=TRACK)
    tracks["particle"] = [2, 3, 4, 5]
    seen = Seen(tracks, np.zeros(0, dtype=CLUSTER), pdg, mothers, leaves)

    def found(mask, expected, either=False):
        return true_mother(np.uint64(mask), np.uint64(0), seen, expected, either)

    assert found(0b0111, -411) == 1
    assert found(0b0111, 411) == -1
    assert found(0b0111, 411, either=True) == 1
    assert found(0b1111, 511) == 0
    assert found(0b1011, -411) == -1  # a pion of the B instead of one of the D
    assert found(0b0011, -411) == -1  # one is missing


def test_more_than_sixty_four_tracks_are_no_harm():
    events = random_events(3, seed=1, mean_particles=500)
    numbers = np.arange(3)
    lists = combine(simulate(events, seed=1, event_numbers=numbers, detector=BELLE2), event_numbers=numbers)
    assert lists.values.dtype == CANDIDATE
    assert lists.offsets.shape == (3, N_KINDS + 1)


@pytest.fixture(scope="module")
def busy():
    """Events with all that charm mesons can be made of, among them many wrong combinations."""
    d0 = (-421, [321, -211, 211, -211, PI0_CHAIN])
    d_plus = (411, [KS_CHAIN, 211, 211, -211])
    d_s = (431, [321, -321, 211])
    pairs = [
        [
            (511, [(-413, [(-421, [KS_CHAIN, 211, -211, PI0_CHAIN]), -211]), 211]),
            (-511, [d_plus, -211, PI0_CHAIN]),
        ],
        [(521, [(-423, [d0, PI0_CHAIN]), 211, PI0_CHAIN]), (-521, [(421, [-321, 211, PI0_CHAIN]), -211])],
        [(511, [(-411, [321, -211, -211, PI0_CHAIN]), (433, [d_s, 22])]), (-511, [d_plus, -211, 211, -211])],
    ]
    events = Events.concatenate([upsilon_events(pair, 100, seed=seed) for seed, pair in enumerate(pairs)])
    numbers = np.arange(300)
    return combine(simulate(events, seed=3, event_numbers=numbers, detector=BELLE2), event_numbers=numbers)


@pytest.mark.parametrize("kind", [D0, D_PLUS, D_S])
def test_no_charm_meson_is_lost_to_a_quick_test(busy, kind):
    names, total = ("mode", "flavour", "tracks", "clusters", "mass", "quality"), 0
    for event in range(300):
        expected = naive.charm(busy, event, event, kind)
        found = [tuple(c[name] for name in names) for c in busy.of(event, kind)]
        assert [row[:4] for row in found] == [row[:4] for row in expected]
        assert np.array([row[4:] for row in found]) == pytest.approx(np.array([row[4:] for row in expected]))
        total += len(found)
    assert total > (20 if kind == D_S else 150)


def test_no_excited_charm_meson_is_lost_to_a_quick_test(busy):
    for star in (DSTAR_PLUS, DSTAR0, D_S_STAR):
        total = 0
        for event in range(300):
            expected = naive.excited(busy, event, star)
            found = [tuple(c[name] for name in ("tracks", "clusters")) for c in busy.of(event, star)]
            assert found == [row[:2] for row in expected]
            total += len(found)
        assert total > 10


def test_no_kshort_is_lost_to_the_quick_test_of_its_mass(busy):
    total = 0
    for event in range(300):
        expected = naive.kshorts(busy, event)
        found = [(int(c["tracks"]), c["mass"]) for c in busy.of(event, KSHORT)]
        assert [tracks for tracks, _ in found] == [tracks for tracks, _ in expected]
        assert [mass for _, mass in found] == pytest.approx([mass for _, mass in expected])
        total += len(found)
    assert total > 30


def test_the_best_are_kept_in_order_and_among_equals_the_first():
    rng = np.random.default_rng(1)
    for capacity in (1, 3, 20):
        best, n, given = Best.of(capacity), 0, np.zeros(60, dtype=CANDIDATE)
        given["quality"], given["mode"] = rng.integers(0, 15, 60), np.arange(60)
        for candidate in given:
            n = insert(best, n, capacity, candidate)
        expected = np.argsort(-given["quality"], kind="stable")[:capacity]
        assert best.values["mode"][best.places[:n]].tolist() == expected.tolist()


def test_memory_that_is_used_again_changes_no_list(lists, busy):
    room = room_for_lists(1500)
    room["mass"] = np.nan
    for before in (lists, busy):
        numbers = np.arange(len(before.offsets))
        again = combine(before.reconstructed, event_numbers=numbers, room=room)
        assert np.array_equal(again.offsets, before.offsets)
        assert again.values.tobytes() == before.values.tobytes()
