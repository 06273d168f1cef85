"""The skims: repeatable, independent of batches, consistent with each other."""

import numpy as np
import pytest
from helpers.decay_chains import conjugate, continuum_events, upsilon_events
from helpers.random_events import random_events

from hepsets.core.errors import InputError
from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.select.skims import registry as skims
from hepsets.select.skims.hadronic_tag import NEUTRAL_B, find_b_mesons
from hepsets.select.skims.registry import SKIMS, count_passes, find_candidates, run_skims
from hepsets.simulate.belle2 import BELLE2, EXTREMES

CHAIN = (511, [(-411, [321, -211, -211]), 211, (111, [22, 22])])


SEMILEPTONIC = (511, [(-413, [(-421, [321, -211]), -211]), -13, 14])
JPSI = (511, [(443, [-13, 13]), (310, [211, -211])])
CHARM = [(421, [-321, 211]), (-411, [321, -211, -211]), 211]


@pytest.fixture(scope="module")
def events():
    return upsilon_events([CHAIN, conjugate(CHAIN)], 150, seed=1)


@pytest.fixture(scope="module")
def every_kind():
    """Events of which each skim wants some."""
    return Events.concatenate(
        [
            upsilon_events([CHAIN, conjugate(SEMILEPTONIC)], 60, seed=1),
            upsilon_events([SEMILEPTONIC, conjugate(JPSI)], 60, seed=2),
            upsilon_events([(521, [(-421, [321, -211]), 211]), -521], 60, seed=3),
            continuum_events(CHARM, 60, seed=4),
        ]
    )


def test_the_hadronic_skims_select_some_but_not_all(events):
    passes = run_skims(events, list(SKIMS), seed=1, event_numbers=np.arange(150))
    assert set(passes) == {"hadronic_b0", "hadronic_bplus", "semileptonic_b0", "jpsi", "fast_charm"}
    assert 0.02 < passes["hadronic_b0"].mean() < 0.9
    assert passes["hadronic_bplus"].mean() < passes["hadronic_b0"].mean()


@pytest.mark.parametrize("skim", SKIMS)
def test_batches_order_and_batch_size_do_not_matter(skim, every_kind, monkeypatch):
    numbers = np.arange(1000, 1240)
    whole = run_skims(every_kind, [skim], seed=3, event_numbers=numbers)[skim]
    assert 0.02 < whole.mean() < 0.9
    order = np.random.default_rng(1).permutation(240)
    shuffled = run_skims(every_kind[order], [skim], seed=3, event_numbers=numbers[order])
    assert np.array_equal(shuffled[skim], whole[order])
    monkeypatch.setattr(skims, "BATCH_EVENTS", 7)
    small = run_skims(every_kind, [skim], seed=3, event_numbers=numbers)[skim]
    assert np.array_equal(small, whole)
    counts = count_passes(every_kind, [skim], seed=3, event_numbers=numbers, trials=2)[skim]
    assert (counts >= whole).all()


def test_skims_together_give_what_each_gives_alone_and_share_the_simulation(every_kind, monkeypatch):
    numbers = np.arange(240)
    alone = {name: run_skims(every_kind, [name], seed=4, event_numbers=numbers)[name] for name in SKIMS}
    seen = {"simulate": 0, "combine": 0}

    def count(name):
        original = getattr(skims, name)

        def counted(first, *args, **kwargs):
            seen[name] += len(first)
            return original(first, *args, **kwargs)

        monkeypatch.setattr(skims, name, counted)

    for name in seen:
        count(name)
    together = run_skims(every_kind, list(SKIMS), seed=4, event_numbers=numbers)
    assert seen == {"simulate": 240, "combine": 240}
    assert len({passes.tobytes() for passes in together.values()}) == len(SKIMS)
    for name, passes in together.items():
        assert np.array_equal(passes, alone[name])


@pytest.mark.parametrize("skim", SKIMS)
def test_every_skim_tells_its_candidates_in_the_same_columns(skim, every_kind):
    numbers = np.arange(7, 247)
    found = find_candidates(every_kind, skim, seed=5, event_numbers=numbers)
    table = found.to_arrow()
    assert table.num_rows == len(found) > 0
    common = {"event_number", "mode", "charm_mode", "signal_probability", "is_correct", "charge", "flavour"}
    assert common | set(found.measured) <= set(table.column_names)
    assert set(table["mode"].to_pylist()) <= set(found.mode_names)
    assert all(np.isfinite(found.values[name]).all() for name in found.measured)
    assert ((found.signal_probability > 0) & (found.signal_probability <= 1)).all()
    assert found.is_correct.any()
    assert (table["charm_mode"].null_count == table.num_rows) == (skim == "jpsi")


def test_counts_are_sums_of_single_trials(events):
    numbers = np.arange(150)
    both = ["hadronic_b0", "semileptonic_b0"]
    single = [run_skims(events, both, seed=5, event_numbers=numbers, trial=t) for t in (4, 5, 6)]
    counts = count_passes(events, both, seed=5, event_numbers=numbers, trials=3, first_trial=4)
    for name in both:
        assert counts[name].dtype == np.int32
        assert np.array_equal(counts[name], sum(passes[name].astype(int) for passes in single))
    assert set(np.unique(counts["hadronic_b0"])) >= {0, 1, 2}  # the label is stochastic
    none = count_passes(events, both, seed=5, event_numbers=numbers, trials=0)
    assert not any(passes.any() for passes in none.values())


def test_candidates_and_passes_agree(events):
    numbers = np.arange(50, 200)
    passes = run_skims(events, ["hadronic_b0"], seed=7, event_numbers=numbers)["hadronic_b0"]
    candidates = find_candidates(events, "hadronic_b0", seed=7, event_numbers=numbers)
    assert np.array_equal(candidates.passes, passes)
    assert set(candidates.event_number) == set(numbers[passes])
    assert (np.diff(candidates.event_number) >= 0).all()


@pytest.mark.parametrize("skim", SKIMS)
def test_an_event_that_is_left_at_its_first_candidate_passes_as_with_all_of_them(skim, every_kind):
    events = Events.concatenate([every_kind, random_events(60, seed=1, mean_particles=70.0)])
    numbers = np.arange(11, 11 + len(events))
    for detector in (BELLE2, EXTREMES["far_off"]):
        all_of_them = [
            find_candidates(events, skim, seed=6, event_numbers=numbers, trial=t, detector=detector).passes
            for t in range(4)
        ]
        assert 0 < np.sum(all_of_them) < np.size(all_of_them)
        once = run_skims(events, [skim], seed=6, event_numbers=numbers, trial=2, detector=detector)[skim]
        assert np.array_equal(once, all_of_them[2])
        counts = count_passes(events, [skim], seed=6, event_numbers=numbers, trials=4, detector=detector)
        assert np.array_equal(counts[skim], np.sum(all_of_them, axis=0))


def test_a_third_skim_is_one_function_and_one_line(events, monkeypatch):
    def two_body(lists, event_numbers):
        only = np.zeros_like(NEUTRAL_B)
        only[:, 0] = NEUTRAL_B[:, 0]
        return find_b_mesons(lists, event_numbers, only)

    monkeypatch.setitem(SKIMS.own, "two_body", two_body)
    passes = run_skims(events, ["two_body", "hadronic_b0"], seed=1, event_numbers=np.arange(150))
    assert (passes["two_body"] <= passes["hadronic_b0"]).all()


def test_events_without_particles_fail_every_skim():
    columns = {name: np.zeros(0, dtype) for name, dtype in PARTICLE_COLUMNS.items()}
    empty = Events(columns, np.zeros(4, dtype=np.int64))
    passes = run_skims(empty, list(SKIMS), seed=1, event_numbers=np.arange(3))
    assert not any(p.any() for p in passes.values())
    assert len(find_candidates(empty, "hadronic_b0", seed=1, event_numbers=np.arange(3))) == 0


def test_no_events_give_no_passes():
    columns = {name: np.zeros(0, dtype) for name, dtype in PARTICLE_COLUMNS.items()}
    none = Events(columns, np.zeros(1, dtype=np.int64))
    numbers = np.zeros(0, dtype=np.int64)
    assert run_skims(none, ["hadronic_b0"], seed=1, event_numbers=numbers)["hadronic_b0"].shape == (0,)
    assert len(find_candidates(none, "hadronic_b0", seed=1, event_numbers=numbers)) == 0


def test_bad_requests_say_what_is_wrong(events):
    with pytest.raises(InputError, match="hadronic_b0"):
        run_skims(events, ["hadronic_b1"], seed=1, event_numbers=np.arange(150))
    with pytest.raises(InputError, match="one per event"):
        count_passes(events, ["hadronic_b0"], seed=1, event_numbers=np.arange(3), trials=1)
    with pytest.raises(InputError, match="zero or more"):
        count_passes(events, ["hadronic_b0"], seed=1, event_numbers=np.arange(150), trials=-1)
