"""Combinations: charges, no track twice, windows of mass, none forgotten."""

from itertools import permutations

import numpy as np

from hepsets.core.masses import M_K, M_PI
from hepsets.select.bs_dspi.combine import MASS_MARGIN, TrackLists, find_bs, find_ds


def lists(n_events=6, n_tracks=8, seed=1):
    rng = np.random.default_rng(seed)
    n = n_events * n_tracks
    flags = rng.random((3, n)) < 0.7
    return TrackLists(
        rng.normal([0, 0, 10], [1, 1, 4], (n, 3)),
        rng.choice([-1, 1], n).astype(np.int8),
        *flags,
        np.arange(n_events + 1) * n_tracks,
    )


def mass(momentum, masses):
    energy = np.sqrt((momentum**2).sum(axis=1) + np.array(masses) ** 2).sum()
    return np.sqrt(energy**2 - (momentum.sum(axis=0) ** 2).sum())


def expected_ds(tracks, low, high):
    found = set()
    for event in range(len(tracks.offsets) - 1):
        for a, b, c in permutations(range(tracks.offsets[event], tracks.offsets[event + 1]), 3):
            right = tracks.kaon[a] and tracks.kaon[b] and tracks.pion[c]
            charges = tracks.charge[a] != tracks.charge[c] and tracks.charge[b] == tracks.charge[c]
            if right and charges and low < mass(tracks.momentum[[a, b, c]], (M_K, M_K, M_PI)) < high:
                found.add((event, a, b, c))
    return found


def test_every_k_k_pi_of_the_right_charges_and_mass_is_found_once():
    tracks = lists()
    found = find_ds(tracks, (1.5, 3.0))
    assert len(found) > 5
    assert len({tuple(row) for row in found.tolist()}) == len(found)
    assert {tuple(row) for row in found.tolist()} == expected_ds(tracks, 1.5 - MASS_MARGIN, 3.0 + MASS_MARGIN)


def test_a_pion_of_the_other_charge_joins_that_is_not_yet_there():
    tracks = lists()
    ds = find_ds(tracks, (1.5, 3.0))
    pairs = find_bs(tracks, ds, (2.0, 6.0))
    assert len(pairs) > 5
    for row, track in pairs:
        event, *members = ds[row]
        assert track not in members
        assert tracks.offsets[event] <= track < tracks.offsets[event + 1]
        assert tracks.charge[track] != tracks.charge[members[2]]
        whole = mass(tracks.momentum[[*members, track]], (M_K, M_K, M_PI, M_PI))
        assert 2.0 - 10 * MASS_MARGIN < whole < 6.0 + 10 * MASS_MARGIN


def test_mixed_pairs_take_the_pion_of_another_event():
    tracks = lists()
    ds = find_ds(tracks, (1.5, 3.0))
    pairs = find_bs(tracks, ds, (2.0, 6.0), mixed=True)
    assert len(pairs) > len(find_bs(tracks, ds, (2.0, 6.0)))
    event = np.searchsorted(tracks.offsets, pairs[:, 1], side="right") - 1
    assert (event != ds[pairs[:, 0], 0]).all()


def test_more_combinations_than_there_is_room_for_are_all_kept():
    tracks = lists(n_events=60, n_tracks=24)
    found = find_ds(tracks, (0.0, 100.0))
    assert len(found) > 10_000
    assert len({tuple(row) for row in found.tolist()}) == len(found)
