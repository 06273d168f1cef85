"""Events of all samples for many skims at once: the mix, the weights, the thinning."""

import dataclasses

import numpy as np
import pytest

from hepsets.analyses.smart_background.many_skims_sample import MultiSkimSampleConfig, make_multi_skim_sample
from hepsets.core.config import from_mapping
from hepsets.core.errors import InputError
from hepsets.core.events import PARTICLE_COLUMNS
from hepsets.evaluate.scores.sample import mean
from hepsets.generate.cross_sections import mix
from hepsets.generate.pythia import SAMPLES, event_type
from hepsets.select.skims.registry import SKIMS, count_passes, run_skims

pytest.importorskip("pythia8mc")

THINNED = MultiSkimSampleConfig(events=2, seed=6, trials=2, round_events=2500)
EVERYTHING = dataclasses.replace(THINNED, keep=dict.fromkeys(SKIMS, 1.0), keep_failing=1.0, trials=0)

RETENTION = {  # [%], as docs/simulation.md has it
    "mixed": (3.88, 4.92, 5.60, 0.254, 2.52),
    "charged": (3.25, 6.24, 4.52, 0.262, 3.40),
    "uubar": (2.15, 3.20, 0.25, 0.010, 5.17),
    "ddbar": (2.14, 3.23, 0.28, 0.008, 5.25),
    "ssbar": (1.71, 2.43, 0.32, 0.008, 8.18),
    "ccbar": (3.89, 5.89, 1.36, 0.018, 18.75),
}


@pytest.fixture(scope="module")
def everything():
    """One round of which every event is kept."""
    return make_multi_skim_sample(EVERYTHING)


@pytest.fixture(scope="module")
def thinned():
    """The same round, thinned."""
    return make_multi_skim_sample(THINNED)


def passes_any(events):
    return np.logical_or.reduce([events.columns[f"label_{skim}"] for skim in SKIMS])


def test_the_weights_bring_the_mix_of_the_cross_sections_back(everything):
    columns = everything.events.columns
    for name, share in mix(SAMPLES).items():
        there = columns["event_type"] == event_type(name)
        assert there.sum() == everything.generated[name] > 100
        assert columns["weight"][there].sum() / columns["weight"].sum() == pytest.approx(share, rel=1e-9)
    assert columns["weight"].sum() == pytest.approx(sum(everything.generated.values()))
    assert columns["event_type"].dtype == np.int8
    assert set(np.unique(columns["event_type"])) == {1, 2, 3, 4, 5, 6}


def test_counts_and_retention_are_those_of_the_events(everything):
    columns = everything.events.columns
    for skim in SKIMS:
        label = columns[f"label_{skim}"]
        for name in SAMPLES:
            there = columns["event_type"] == event_type(name)
            assert everything.passing[name][skim] == label[there].sum()
        found = everything.retention(skim)
        assert found.value == pytest.approx(np.average(label, weights=columns["weight"]))
        assert found.se > 0
    any_of_them = np.average(passes_any(everything.events), weights=columns["weight"])
    assert everything.retention("any").value == pytest.approx(any_of_them)


def test_every_event_has_a_number_and_with_it_a_detector_of_its_own(everything):
    numbers = everything.events.columns["event_number"]
    assert len(np.unique(numbers)) == len(numbers)
    some = slice(None, None, 10)
    events = everything.events[np.arange(len(numbers))[some]]
    alone = run_skims(events, list(SKIMS), seed=6, event_numbers=numbers[some])
    for skim in SKIMS:
        assert np.array_equal(alone[skim], events.columns[f"label_{skim}"])


def test_thinning_chooses_from_the_same_events_and_honours_every_prescale(everything, thinned):
    assert thinned.generated == everything.generated
    assert thinned.passing == everything.passing
    all_events, kept = everything.events.columns, thinned.events.columns
    place = np.searchsorted(np.sort(all_events["event_number"]), kept["event_number"])
    place = np.argsort(all_events["event_number"])[place]
    assert np.array_equal(all_events["event_number"][place], kept["event_number"])
    inverse = kept["weight"] / all_events["weight"][place]
    expected = np.zeros(len(inverse))
    for skim, keep in THINNED.keep.items():
        assert np.array_equal(all_events[f"label_{skim}"][place], kept[f"label_{skim}"])
        expected = np.maximum(expected, np.where(kept[f"label_{skim}"], keep, 0))
    expected[~passes_any(thinned.events)] = THINNED.keep_failing
    assert np.allclose(inverse, 1 / expected)
    # J/psi are few, but all there
    assert kept["label_jpsi"].sum() == sum(counts["jpsi"] for counts in thinned.passing.values())


def test_about_half_of_the_kept_events_pass_nothing(thinned):
    assert 0.35 < passes_any(thinned.events).mean() < 0.65


def test_further_trials_are_counted_for_every_skim(thinned):
    events = thinned.events
    numbers = events.columns["event_number"]
    counts = count_passes(events, list(SKIMS), seed=6, event_numbers=numbers, trials=2, first_trial=1)
    for skim in SKIMS:
        assert np.array_equal(events.columns[f"passes_{skim}"], counts[skim])


def test_a_sample_does_not_depend_on_the_number_of_workers():
    shares = {"mixed": 0.5, "ccbar": 0.5}
    config = MultiSkimSampleConfig(events=150, seed=4, round_events=1000, shares=shares)
    one, two = (make_multi_skim_sample(config, workers=workers) for workers in (1, 2))
    assert (one.generated, one.passing) == (two.generated, two.passing)
    assert len(one.events) >= 150
    for name in PARTICLE_COLUMNS:
        assert np.array_equal(one.events.particles[name], two.events.particles[name])
    for name, column in one.events.columns.items():
        assert np.array_equal(column, two.events.columns[name])


def test_other_rounds_hold_other_events(thinned):
    other = make_multi_skim_sample(dataclasses.replace(THINNED, first_block=1, trials=0))
    both = [sample.events.columns["event_number"].tolist() for sample in (thinned, other)]
    assert set(both[0]).isdisjoint(both[1])


@pytest.mark.validate
def test_the_weights_bring_the_retentions_of_the_docs_back():
    sample = make_multi_skim_sample(MultiSkimSampleConfig(events=8000, seed=21))
    columns = sample.events.columns
    for i, skim in enumerate(SKIMS):
        label = columns[f"label_{skim}"].astype(np.float64)
        for name in SAMPLES:
            expected = RETENTION[name][i] / 100
            assert abs(sample.retention(skim, name).value - expected) < 4 * np.hypot(
                sample.retention(skim, name).se, np.sqrt(expected / 50_000)
            )
        expected = sum(share * RETENTION[name][i] / 100 for name, share in mix(SAMPLES).items())
        weighted = mean(label, columns["weight"])
        assert abs(weighted.value - expected) < 4 * weighted.se
        print(f"{skim}: {weighted} (docs: {expected:.4f})")


@pytest.mark.parametrize(
    "change",
    [
        {"shares": {"mixed": 0.5}},
        {"shares": {"bottom": 1.0}},
        {"keep": {}},
        {"keep": {"jpsi": 0.0}},
        {"keep": {"hadronic_b1": 0.5}},
        {"keep_failing": 0.0},
        {"events": 0},
    ],
)
def test_impossible_samples_are_refused(change):
    with pytest.raises(InputError, match=next(iter(change))):
        from_mapping(MultiSkimSampleConfig, change)
