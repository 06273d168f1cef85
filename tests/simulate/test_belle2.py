"""The whole detector: invariances, odd events, truth links."""

import numpy as np
import pytest
from helpers.decay_chains import gun, upsilon_events
from helpers.random_events import random_events

from hepsets.core.errors import InputError
from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import count_leaves, simulate

B0 = (511, [(-411, [321, -211, -211]), 211, (111, [22, 22])])


def seen_by(events, numbers=None, **kwargs):
    numbers = np.arange(len(events)) if numbers is None else numbers
    kwargs.setdefault("detector", BELLE2)
    return simulate(events, seed=kwargs.pop("seed", 1), event_numbers=numbers, **kwargs)


def same(a, b, names):
    return all(np.array_equal(a[name], b[name]) for name in names if name != "particle")


def test_batches_and_order_do_not_matter():
    events = random_events(60, seed=3)
    whole = seen_by(events)
    order = np.random.default_rng(1).permutation(60)
    shuffled = seen_by(events[order], order)
    for i, event in enumerate(order):
        alone = seen_by(events[np.array([event])], np.array([event]))
        for kind in ("track", "cluster"):
            values, offsets = getattr(whole, kind + "s"), getattr(whole, kind + "_offsets")
            mine = values[offsets[event] : offsets[event + 1]]
            values, offsets = getattr(shuffled, kind + "s"), getattr(shuffled, kind + "_offsets")
            assert same(mine, values[offsets[i] : offsets[i + 1]], mine.dtype.names)
            assert same(mine, getattr(alone, kind + "s"), mine.dtype.names)


def test_seed_event_number_and_trial_each_change_the_response():
    events = random_events(20, seed=4)
    base = seen_by(events).tracks["px"]
    for other in (
        seen_by(events, seed=2),
        seen_by(events, numbers=np.arange(20) + 100),
        seen_by(events, trial=1),
    ):
        assert not np.array_equal(base, other.tracks["px"])
    assert np.array_equal(base, seen_by(events).tracks["px"])


def test_links_lead_to_particles_of_the_same_event_and_charge():
    events = random_events(200, seed=5)
    seen = seen_by(events)
    particle = seen.tracks["particle"]
    event = np.repeat(np.arange(200), np.diff(seen.track_offsets))
    assert np.array_equal(events.event_of_particle[particle], event)
    pdg = events.particles["pdg"][particle]
    charge = np.sign(pdg) * np.where(np.isin(abs(pdg), (11, 13)), -1, 1)
    assert np.array_equal(seen.tracks["charge"], charge)
    true = seen.clusters["particle"]
    real = true >= 0
    event = np.repeat(np.arange(200), np.diff(seen.cluster_offsets))
    assert np.array_equal(events.event_of_particle[true[real]], event[real])


def test_only_particles_without_daughters_are_seen():
    events = random_events(200, seed=6)
    mothers = events.mothers
    has_daughter = np.zeros(events.n_particles, dtype=bool)
    has_daughter[mothers[mothers != np.arange(events.n_particles)]] = True
    seen = seen_by(events)
    true = np.concatenate([seen.tracks["particle"], seen.clusters["particle"]])
    assert not has_daughter[true[true >= 0]].any()


def test_events_without_particles_have_background_only():
    columns = {name: np.zeros(0, dtype) for name, dtype in PARTICLE_COLUMNS.items()}
    seen = seen_by(Events(columns, np.zeros(51, dtype=np.int64)))
    assert len(seen.tracks) == 0
    assert len(seen) == 50
    assert (seen.clusters["particle"] == -1).all()


def test_no_events_give_no_tracks():
    columns = {name: np.zeros(0, dtype) for name, dtype in PARTICLE_COLUMNS.items()}
    seen = seen_by(Events(columns, np.zeros(1, dtype=np.int64)))
    assert len(seen) == len(seen.tracks) == len(seen.clusters) == 0


@pytest.mark.parametrize("pdg", [12, 1000010020, 999_999_999, -999_999_999, 511, 3112])
def test_unknown_and_invisible_particles_leave_nothing(pdg):
    seen = seen_by(gun(12, np.ones((20, 3))))
    particles = {name: column.copy() for name, column in seen.events.particles.items()}
    particles["pdg"][:] = pdg
    seen = seen_by(Events(particles, seen.events.offsets))
    assert len(seen.tracks) == 0
    assert (seen.clusters["particle"] < 0).all()


def test_an_event_of_five_hundred_particles_works():
    seen = seen_by(random_events(3, seed=7, mean_particles=500))
    assert len(seen.tracks) > 60


def test_the_order_of_particles_changes_nothing_but_the_random_numbers():
    events = upsilon_events([B0, B0], 800, seed=8)
    reverse = np.concatenate(
        [np.arange(e - 1, b - 1, -1) for b, e in zip(events.offsets[:-1], events.offsets[1:], strict=True)]
    )
    other = Events({name: column[reverse] for name, column in events.particles.items()}, events.offsets)
    a, b = seen_by(events), seen_by(other)
    n, m = len(a.tracks), len(b.tracks)
    assert abs(n - m) < 5 * np.sqrt(2 * 0.2 * n)
    assert np.median(a.tracks["pion"]) == pytest.approx(np.median(b.tracks["pion"]), rel=0.05)


def test_event_numbers_must_fit():
    with pytest.raises(InputError, match="one per event"):
        seen_by(random_events(3), np.arange(2))


def test_leaves_are_counted_below_every_particle():
    #      0 -> 1, 2;  1 -> 3, 4;  4 -> 5
    mothers = np.array([0, 0, 0, 1, 1, 4])
    assert count_leaves(mothers).tolist() == [3, 2, 1, 1, 1, 1]


def test_the_centre_of_mass_moves_as_the_beams_say():
    bx, bz = BELLE2.beams.velocity
    events = upsilon_events([B0, B0], 400, seed=9)
    upsilon = events.particles["pdg"] == 300553
    for name, expected in (("px", bx), ("pz", bz)):
        velocity = events.particles[name][upsilon] / events.particles["energy"][upsilon]
        assert velocity.mean() == pytest.approx(expected, abs=5e-4)
