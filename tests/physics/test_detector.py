"""The detector and the tag on generated events, against the numbers that they are meant to have."""

from functools import lru_cache

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hepsets.core.events import Events
from hepsets.generate.pythia import generate_block
from hepsets.select.candidates.combine import combine
from hepsets.select.candidates.record import DSTAR_PLUS, KAON, KSHORT, N_KINDS, PI0, PION
from hepsets.select.skims.registry import SKIMS, count_passes, find_candidates, run_skims
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import simulate

pytest.importorskip("pythia8mc")

SELF_CONJUGATE = (22, 111, 113, 130, 221, 223, 310, 331, 333, 443)


@lru_cache(maxsize=2)
def generated(sample, n_blocks):
    return Events.concatenate([generate_block(sample, 77, block) for block in range(n_blocks)])


@pytest.fixture(scope="module")
def mixed():
    return generated("mixed", 1)


@pytest.fixture(scope="module")
def lists(mixed):
    numbers = np.arange(len(mixed))
    return combine(simulate(mixed, seed=1, event_numbers=numbers, detector=BELLE2), event_numbers=numbers)


def final(events, pdg):
    mothers = events.mothers
    has_daughter = np.zeros(events.n_particles, dtype=bool)
    has_daughter[mothers[mothers != np.arange(events.n_particles)]] = True
    return ~has_daughter & (abs(events.particles["pdg"]) == pdg)


def test_events_have_about_eight_and_a_half_tracks(lists):
    tracks = np.diff(lists.reconstructed.track_offsets)
    assert 8.2 < tracks.mean() < 9.1


def test_pions_are_found_more_often_than_kaons_which_decay(mixed, lists):
    found = np.zeros(mixed.n_particles, dtype=bool)
    found[lists.reconstructed.tracks["particle"]] = True
    pion, kaon = (found[final(mixed, pdg)].mean() for pdg in (211, 321))
    assert 0.72 < pion < 0.85
    assert 0.65 < kaon < pion


def test_neutral_pions_and_kshorts_are_found_with_realistic_efficiency(mixed, lists):
    pdg = mixed.particles["pdg"]
    matched = lists.values["matched"] == 1
    kinds = np.concatenate([np.repeat(np.arange(N_KINDS), np.diff(row)) for row in lists.offsets])
    pi0 = (matched & (kinds == PI0)).sum() / (pdg == 111).sum()
    kshort = (matched & (kinds == KSHORT)).sum() / (pdg == 310).sum()
    assert 0.35 < pi0 < 0.55
    assert 0.25 < kshort < 0.45  # of all, of which 69 % decay to charged pions
    purity = matched[kinds == DSTAR_PLUS].mean()
    assert 0.1 < purity < 0.9
    assert matched[kinds == PION].mean() > matched[kinds == KAON].mean() > 0.4


def test_retention_on_mixed_events_is_of_the_order_of_four_per_cent(mixed):
    passes = run_skims(mixed, ["hadronic_b0"], seed=1, event_numbers=np.arange(len(mixed)))["hadronic_b0"]
    assert 0.030 < passes.mean() < 0.055


@pytest.mark.parametrize("skim", SKIMS)
def test_retention_does_not_prefer_matter(skim, mixed):
    pdg = mixed.particles["pdg"]
    flipped = dict(mixed.particles)
    flipped["pdg"] = np.where(np.isin(pdg, SELF_CONJUGATE), pdg, -pdg)
    numbers = np.arange(len(mixed))
    counts = [
        count_passes(events, [skim], seed=2, event_numbers=numbers, trials=2)[skim]
        for events in (mixed, Events(flipped, mixed.offsets))
    ]
    # independent Poisson fluctuations of the detector; the events themselves are the same
    assert abs(counts[0].sum() - counts[1].sum()) < 5 * np.sqrt(counts[0].sum() + counts[1].sum())


@pytest.mark.validate
def test_the_tag_behaves_as_measured_on_forty_thousand_events():
    events = generated("mixed", 8)
    numbers = np.arange(len(events))
    found = find_candidates(events, "hadronic_b0", seed=5, event_numbers=numbers)
    passes = found.passes
    correct = np.zeros(len(events), dtype=bool)
    correct[found.values["event"][found.is_correct]] = True
    again = count_passes(
        events[passes], ["hadronic_b0"], seed=5, event_numbers=numbers[passes], trials=10, first_trial=1
    )["hadronic_b0"]
    print(
        f"\nretention {passes.mean():.4f}, correct {correct[passes].mean():.3f}, "
        f"again {again.mean() / 10:.3f}"
    )
    assert 0.035 < passes.mean() < 0.050
    assert 0.06 < correct[passes].mean() < 0.15
    assert 0.28 < again.mean() / 10 < 0.42
    assert roc_auc_score(found.is_correct, found.signal_probability) > 0.85
    # the probabilities are calibrated: they sum to the number of correct candidates
    expected = found.signal_probability.sum()
    assert abs(found.is_correct.sum() - expected) < 5 * np.sqrt(expected)


@pytest.mark.validate
@pytest.mark.parametrize(
    ("sample", "skim", "low", "high"),
    [
        ("charged", "hadronic_bplus", 0.02, 0.08),
        ("charged", "hadronic_b0", 0.01, 0.05),
        ("uubar", "hadronic_b0", 0.005, 0.04),
        ("ccbar", "hadronic_b0", 0.01, 0.06),
        ("mixed", "semileptonic_b0", 0.045, 0.070),
        ("charged", "semileptonic_b0", 0.030, 0.060),
        ("uubar", "semileptonic_b0", 0.0, 0.010),
        ("mixed", "jpsi", 0.001, 0.005),
        ("uubar", "jpsi", 0.0, 0.001),
        ("mixed", "fast_charm", 0.015, 0.035),
        ("ccbar", "fast_charm", 0.15, 0.23),
    ],
)
def test_other_samples_pass_at_a_plausible_rate(sample, skim, low, high):
    events = generated(sample, 2)
    passes = run_skims(events, [skim], seed=6, event_numbers=np.arange(len(events)))[skim]
    assert low <= passes.mean() < high
