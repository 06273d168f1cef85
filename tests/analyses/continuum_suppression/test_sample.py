"""Samples for continuum suppression: what is in them, how often, and that they can be made again."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import chi2_contingency, ks_2samp

from hepsets.analyses.continuum_suppression.sample import (
    BACKGROUND,
    FED_BY_FRAGMENTATION,
    SIGNAL,
    ContinuumSampleConfig,
    make_continuum_sample,
)
from hepsets.core.config import from_mapping
from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.generate.beams import BeamConfig
from hepsets.generate.cross_sections import CROSS_SECTION
from hepsets.generate.pythia import event_type
from hepsets.generate.tag_decays import tag_decays
from hepsets.select.variables.continuum import continuum_variables

pytest.importorskip("pythia8mc")

CONFIG = ContinuumSampleConfig(signal_events=100, background_events=60, seed=4, round_events=1000)


@pytest.fixture(scope="module")
def sample():
    return make_continuum_sample(CONFIG)


def identical(one, other):
    return np.array_equal(one.offsets, other.offsets) and all(
        np.array_equal(here[name], there[name])
        for here, there in ((one.particles, other.particles), (one.columns, other.columns))
        for name in here
    )


def momentum_of(sets, which=None):
    """CM momentum of some particles of each event, shape ``(n_events, 3)``."""
    which = np.ones(sets.n_particles, dtype=bool) if which is None else which
    event = sets.event_of_particle[which]
    return np.column_stack(
        [np.bincount(event, sets.particles[name][which], len(sets)) for name in ("px", "py", "pz")]
    )


def test_signal_is_correct_and_background_comes_from_light_quarks(sample):
    columns = sample.events.validate().columns
    signal = columns["label"]
    assert columns["is_correct"][signal].all()
    assert not columns["is_correct"][~signal].any()
    assert signal.sum() >= 100
    assert (~signal).sum() >= 60
    assert np.array_equal(signal, columns["sample"] <= 2)
    assert (columns["candidate_charge"][columns["sample"] == event_type("mixed")] == 0).all()
    assert (columns["candidate_charge"][columns["sample"] == event_type("charged")] != 0).all()


def test_correct_candidates_peak_at_the_mass_of_the_b(sample):
    columns = sample.events.columns
    mbc, signal = columns["mbc"], columns["label"]
    assert np.median(mbc[signal]) == pytest.approx(5.2795, abs=0.001)
    assert np.mean(np.abs(mbc[signal] - 5.2795) < 0.008) > 0.85
    assert np.mean(np.abs(mbc[~signal] - 5.2795) < 0.008) < 0.45
    assert np.abs(np.median(columns["delta_e"][signal])) < 0.02


def test_candidate_and_rest_of_the_event_are_at_rest_together(sample):
    signal = sample.events[sample.events.columns["label"]]
    whole = momentum_of(signal)
    # what is lost down the beams leaves most along z; nothing prefers x or y
    spread = whole.std(axis=0) / np.sqrt(len(whole))
    assert (np.abs(whole.mean(axis=0))[:2] < 4 * spread[:2]).all()
    assert np.abs(whole.mean(axis=0)[2]) < 4 * spread[2] + 0.1
    candidate = momentum_of(signal, signal.particles["from_candidate"])
    assert np.median(np.linalg.norm(candidate, axis=1)) == pytest.approx(0.33, abs=0.05)
    assert np.median(np.linalg.norm(whole, axis=1)) < 1.0


def test_weights_are_the_events_of_an_inverse_femtobarn(sample):
    columns, counts = sample.events.columns, sample.counts
    for name, count in counts.items():
        own = columns["sample"] == event_type(name)
        assert own.sum() == count.kept > 0
        assert columns["weight"][own].sum() == pytest.approx(count.expected.value)
        if name in BACKGROUND:
            everything = CROSS_SECTION[name] * 1e6
            assert count.expected.value == pytest.approx(everything * count.kept / count.generated)
    for samples in (SIGNAL, BACKGROUND):  # generated as often as they occur, so all weights are alike
        weights = [sample.counts[name].events_per_fb / sample.counts[name].generated for name in samples]
        assert max(weights) / min(weights) < 1.02


def test_forced_events_stand_for_as_many_as_have_a_tag_decay(sample):
    for name, b in (("mixed", 511), ("charged", 521)):
        fraction = tag_decays().branching_fraction[b]
        events = sample.counts[name].events_per_fb / CROSS_SECTION[name] / 1e6
        assert 2 * fraction - 2 * fraction**2 <= events <= 2 * fraction


def test_enough_forced_events_hold_a_correct_tag(sample):
    for name in SIGNAL:
        assert 0.05 < sample.counts[name].efficiency.value < 0.15
        assert sample.counts[name].candidate_share.value > 0.2
    for name in BACKGROUND:
        assert 0.01 < sample.counts[name].efficiency.value < 0.12


def test_no_two_events_share_their_random_numbers(sample):
    numbers = sample.events.columns["event_number"]
    assert len(np.unique(numbers)) == len(numbers)
    generic = make_continuum_sample(
        dataclasses.replace(CONFIG, enriched=False, signal_events=1, background_events=0)
    )
    assert set(generic.events.columns["event_number"]).isdisjoint(numbers)
    assert generic.events.columns["weight"] == pytest.approx(
        generic.counts["mixed"].events_per_fb / generic.counts["mixed"].generated, rel=0.02
    )


def test_a_sample_depends_on_its_config_only(sample):
    small = dataclasses.replace(CONFIG, signal_events=20, background_events=0, round_events=200)
    assert identical(make_continuum_sample(small, workers=2).events, make_continuum_sample(small).events)
    again = make_continuum_sample(CONFIG)
    assert identical(again.events, sample.events)
    assert again.counts == sample.counts
    later = dataclasses.replace(CONFIG, first_block=50, background_events=0, signal_events=1)
    other = make_continuum_sample(later).events
    assert set(other.columns["event_number"]).isdisjoint(sample.events.columns["event_number"])
    assert other.columns["mbc"][0] != sample.events.columns["mbc"][0]


def test_a_shifted_detector_sees_the_same_collisions_otherwise(sample):
    config = dataclasses.replace(CONFIG, detector="momentum_scale", background_events=0, signal_events=1)
    shifted = make_continuum_sample(config).events
    both, here, there = np.intersect1d(
        shifted.columns["event_number"], sample.events.columns["event_number"], return_indices=True
    )
    assert len(both) > 0.6 * len(shifted)
    more = shifted.columns["candidate_energy"][here] / sample.events.columns["candidate_energy"][there]
    assert 1.0005 < np.median(more) < 1.005


def test_dropped_modes_are_not_there(sample):
    mode = int(np.bincount(sample.events.columns["mode"][sample.events.columns["label"]]).argmax())
    config = dataclasses.replace(CONFIG, drop_modes=(mode,), background_events=0, signal_events=1)
    fewer = make_continuum_sample(config).events
    first = sample.events[sample.events.columns["label"]][: len(fewer) + 100]
    kept = first.columns["event_number"][first.columns["mode"] != mode][: len(fewer)]
    assert len(fewer) > 20
    assert mode not in fewer.columns["mode"]
    assert np.array_equal(fewer.columns["event_number"], kept)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"detector": "smeared"}, "'smeared'.*momentum_scale"),
        ({"drop_modes": [40]}, r"\[40\] to drop"),
        ({"signal_events": 0, "background_events": 0}, "neither signal nor background"),
        ({"signal_events": -1}, "signal_events"),
        ({"round_events": 9000}, "round_events"),
        ({"events": 5}, "events"),
    ],
)
def test_impossible_configurations_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        from_mapping(ContinuumSampleConfig, change)


# -- enriched beside generic -----------------------------------------------------------------------


def observables(sets):
    """What forced events and generic ones must have in common, by name."""
    rest = sets.select_particles(~sets.particles["from_candidate"])
    charged = rest.particles["charge"] != 0
    columns = sets.columns
    momentum = np.column_stack([columns[f"candidate_{name}"] for name in ("px", "py", "pz")])
    return continuum_variables(sets, BeamConfig().energy) | {
        "mbc": columns["mbc"],
        "delta_e": columns["delta_e"],
        "signal_probability": columns["signal_probability"],
        "cos theta": momentum[:, 2] / np.linalg.norm(momentum, axis=1),
        "visible energy of the rest": np.bincount(
            rest.event_of_particle, rest.particles["energy"], len(sets)
        ),
        "tracks of the rest": np.bincount(rest.event_of_particle[charged], minlength=len(sets)),
        "photons of the rest": np.bincount(rest.event_of_particle[~charged], minlength=len(sets)),
        "largest dr": np.maximum.reduceat(sets.particles["dr"], sets.offsets[:-1]),
    }


@pytest.fixture(scope="module")
def pair():
    """Forced signal and generic signal, without background."""
    config = ContinuumSampleConfig(signal_events=4000, background_events=0, seed=21)
    generic = dataclasses.replace(config, enriched=False, signal_events=500)
    return make_continuum_sample(config), make_continuum_sample(generic)


@pytest.mark.validate
def test_forced_signal_looks_like_generic_signal(pair):
    here, there = (observables(comparable(one.events)) for one in pair)
    p_values = {name: ks_2samp(here[name], there[name]).pvalue for name in here}
    assert min(p_values.values()) * len(p_values) > 0.01, p_values


@pytest.mark.validate
@pytest.mark.parametrize("what", ["mode", "charm_mode", "sample"])
def test_forced_signal_has_the_modes_of_generic_signal(pair, what):
    forced, generic = (np.bincount(comparable(one.events).columns[what] + 1, minlength=60) for one in pair)
    frequent = generic > 10
    table = [np.append(counts[frequent], max(counts[~frequent].sum(), 1)) for counts in (forced, generic)]
    assert chi2_contingency(table).pvalue > 0.001


def comparable(events):
    """Modes that quark-level decays hardly reach (see docs/generation.md, forced tag decays)."""
    return events[~np.isin(events.columns["mode"], FED_BY_FRAGMENTATION)]


@pytest.mark.validate
@pytest.mark.parametrize("name", SIGNAL)
def test_the_yield_of_forced_events_is_that_of_generic_ones(pair, name):
    forced, generic = (one.counts[name] for one in pair)
    events = [len(comparable(one.events[one.events.columns["sample"] == event_type(name)])) for one in pair]
    yields = [
        Measured.proportion(n, count.generated) for n, count in zip(events, (forced, generic), strict=True)
    ]
    scale = [forced.events_per_fb, generic.events_per_fb]
    difference = yields[0].value * scale[0] - yields[1].value * scale[1]
    assert abs(difference) < 3 * np.hypot(yields[0].se * scale[0], yields[1].se * scale[1])
