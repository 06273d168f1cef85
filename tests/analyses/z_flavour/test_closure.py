from multiprocessing import get_context

import numpy as np
import pytest
from helpers.flavour_scores import CLASSES, CORNERS, flavour_scores
from helpers.mass_tag import tagged_block

from hepsets.analyses.z_flavour import closure as closures
from hepsets.analyses.z_flavour.closer_look import CloserLook
from hepsets.analyses.z_flavour.closure import (
    SHARES,
    Cuts,
    HemisphereScores,
    choose_cuts,
    measure_closure,
)
from hepsets.analyses.z_flavour.metrics import look_metrics
from hepsets.analyses.z_flavour.page_closer_look import _closure as closure_page
from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.evaluate.double_tag import count_tags, tag_hemispheres

SAMPLES, BLOCKS = 60, {5: 40, 4: 32, 3: 40, 1: 73}
"""Disjoint samples of 1 500 generated decays; thousands of decays by flavour, half of which are counted."""

MASS_TAG = Cuts(b=float(np.arcsinh(2.0 / 0.5)), c=3.5)
"""A vertex of more than 2 GeV, as SLD had it; one that is 17 standard deviations away."""


def hemispheres(seed, events=6000):
    """Scores of both hemispheres of each event; the flavour of an event is that of its hemispheres."""
    sample = flavour_scores(seed, 2 * events, distance=1.2)
    return HemisphereScores.of(sample.probabilities, CLASSES), sample.truth[::2]


def correlated_hemispheres(seed, events):
    """The same, of decays that are easy to tell in both hemispheres, or hard in both."""
    random = np.random.default_rng(seed)
    truth = np.repeat(np.arange(4), events)
    clear = random.normal(1.2, 0.35, len(truth))[:, None, None]
    seen = random.normal(clear * CORNERS[truth][:, None], 1.0, (len(truth), 2, 3)).reshape(-1, 3)
    corners = 1.2 * CORNERS
    p = np.exp(seen @ corners.T - 0.5 * (corners**2).sum(axis=1))
    return HemisphereScores.of(p / p.sum(axis=1, keepdims=True), CLASSES), truth


def assert_pulls_are_those_of_a_normal(found):
    """Width 1 ± 0.15, a mean of 0 as far as samples and their common simulation tell, R_b to two errors."""
    whole, n = found.whole, len(found.samples)
    assert abs(whole.r_b.value - SHARES["b"]) < 2 * whole.r_b.se
    assert found.pull_width.value == pytest.approx(1, abs=0.15)
    shared = whole.r_b_simulation / np.mean([one.se for one in found.samples])
    assert abs(found.pulls.mean()) < 2 * np.hypot(1 / np.sqrt(n), shared)


def closure(seed, **options):
    scores, truth = hemispheres(seed, 2000)
    cuts = choose_cuts(scores, truth, CLASSES)
    test, test_truth = hemispheres(seed + 100)
    return measure_closure(test, test_truth, CLASSES, cuts, seed=seed, **options)


def test_the_mixture_comes_out_within_its_errors_and_disjoint_samples_scatter_as_they_say():
    found = [closure(seed, samples=20) for seed in range(5)]
    for ratio, flavour in (("r_b", "b"), ("r_c", "c")):
        pulls = [
            (getattr(one.whole, ratio).value - SHARES[flavour]) / getattr(one.whole, ratio).se
            for one in found
        ]
        assert np.abs(pulls).max() < 3
    pulls = np.concatenate([one.pulls - one.pulls.mean() for one in found]) * np.sqrt(20 / 19)
    assert pulls.std() == pytest.approx(1, abs=0.2)
    assert found[0].pull_width.se == pytest.approx(found[0].pull_width.value / np.sqrt(38))


def test_cuts_leave_the_mistakes_that_are_asked_for():
    scores, truth = hemispheres(1)
    cuts = choose_cuts(scores, truth, CLASSES)
    assert np.mean(scores.b[truth == 1] >= cuts.b) == pytest.approx(0.01, abs=1e-3)
    assert np.mean(scores.c[truth == 3] >= cuts.c) == pytest.approx(0.01, abs=1e-3)
    assert np.mean(scores.b[truth == 0] >= cuts.b) > 0.5


def test_samples_are_disjoint_and_no_event_is_data_and_simulation():
    found = closure(7, samples=4)
    assert found.whole.events <= 6000 / 2 / SHARES["ud"]
    assert len(found.samples) == 4
    assert found.whole.r_b_data < min(one.se for one in found.samples)


def test_a_mixture_of_few_events_has_the_shares_that_were_mixed_whatever_fluctuates():
    """As many events of each flavour as a quick run has: half of 300."""
    given = {name: np.arange(300) for name in SHARES}
    for own in (given, {**given, "ud": np.arange(150)}):
        events = closures._events_within(own) // 5
        mixed = np.array(
            [
                [(part // 1000 == place).sum() for place in range(4)]
                for seed in range(300)
                for part in closures._mixed(
                    {name: numbers + 1000 * place for place, (name, numbers) in enumerate(own.items())},
                    events,
                    5,
                    np.random.default_rng(seed),
                )
            ]
        )
        expected = np.array(list(SHARES.values()))
        spread = np.sqrt(expected * (1 - expected) / mixed.sum())
        assert np.abs((mixed.sum(axis=0) / mixed.sum() - expected) / spread).max() < 3
        assert mixed[:, 3].std() == pytest.approx(
            np.sqrt(events * SHARES["ud"] * (1 - SHARES["ud"])), rel=0.1
        )


def test_more_decays_than_there_are_become_fewer_decays_of_the_same_shares():
    parts = closures._mixed({name: np.arange(30) for name in SHARES}, 90, 2, np.random.default_rng(1))
    assert 0 < sum(map(len, parts)) < 90 * 2
    assert len(parts[0]) == len(parts[1])


def test_the_realised_shares_are_those_of_the_counted_events():
    found = closure(5, samples=10)
    assert sum(found.realised.values()) == pytest.approx(1)
    assert found.realised["b"] != SHARES["b"]
    spread = np.sqrt(SHARES["b"] * (1 - SHARES["b"]) / found.whole.events)
    assert abs(found.realised["b"] - SHARES["b"]) < 4 * spread
    assert found.two_tags


def test_without_a_solution_for_two_tags_r_c_is_told_to_be_unmeasured(monkeypatch):
    measure = closures.measure_partial_widths

    def one_tag_alone(counts, *args, **options):
        if counts.shape == (3, 3):
            raise InputError("two tags", "no solution")
        return measure(counts, *args, **options)

    monkeypatch.setattr(closures, "measure_partial_widths", one_tag_alone)
    found = closure(5, samples=10)
    assert not found.two_tags
    told = look_metrics(look(found))
    assert "r_c" not in told
    assert told["r_b"]["two_tags"] is False
    assert told["r_b"]["realised"] == found.realised["b"]
    assert "R_c was not measured" in page_of(found)
    monkeypatch.undo()
    assert "not measured" not in page_of(closure(5, samples=10))
    told = look_metrics(look(closure(5, samples=10)))
    assert told["r_c"]["se"] > 0
    assert told["r_c"]["truth"] == SHARES["c"]


def page_of(found):
    """What the report says of R_b, without the figure."""
    return " ".join(map(str, closure_page(found, lambda name, figure, caption: caption)))


def look(found):
    """A closer look that holds R_b alone."""
    return CloserLook({}, None, (), None, (), found, {}, None, None)


def test_a_tagger_without_light_flavours_and_too_few_events_are_refused():
    with pytest.raises(InputError, match="without ud"):
        HemisphereScores.of(np.full((4, 3), 1 / 3), ("b", "c", "s"))
    scores, truth = hemispheres(1, 20)
    with pytest.raises(InputError, match="test events of b"):
        measure_closure(scores, truth, CLASSES, choose_cuts(scores, truth, CLASSES))


def test_pulls_have_width_one_where_hemispheres_depend_on_each_other():
    held, held_truth = correlated_hemispheres(1, 5000)
    found = measure_closure(
        *correlated_hemispheres(2, 80_000), CLASSES, choose_cuts(held, held_truth, CLASSES), samples=60
    )
    assert found.whole.correlation["b b"].value > 1 + 10 * found.whole.correlation["b b"].se
    assert_pulls_are_those_of_a_normal(found)


def test_no_event_that_is_counted_tells_efficiencies_or_correlations_and_none_is_counted_twice(monkeypatch):
    scores, truth = correlated_hemispheres(3, 3000)
    cuts = choose_cuts(scores, truth, CLASSES)
    tags, number = tag_hemispheres(scores.b, cuts.b, scores.c, cuts.c), np.arange(len(truth))
    seen = []

    def counts(numbers):  # events bear their numbers in place of tags
        seen.append(numbers[:, 0])
        return count_tags(*tags[numbers[:, 0]].T, tags=2)

    monkeypatch.setattr(closures, "tag_hemispheres", lambda *given: np.stack([number, number], axis=1))
    monkeypatch.setattr(closures, "_counts", counts)
    found = measure_closure(scores, truth, CLASSES, cuts, samples=5)
    simulated, counted = np.concatenate(seen[: len(SHARES)]), seen[len(SHARES) :]
    assert not np.isin(np.concatenate(counted), simulated).any()
    assert len(np.unique(simulated)) == len(simulated)
    samples = np.concatenate(counted[-5:])
    assert len(np.unique(samples)) == len(samples) == found.whole.events
    of_b = tags[simulated[truth[simulated] == 0]] == 1
    expected = of_b.all(axis=1).mean() / of_b.mean() ** 2
    assert found.whole.correlation["b b"].value == pytest.approx(expected)


@pytest.mark.validate
def test_r_b_of_generated_decays_scatters_about_what_was_mixed_as_its_errors_say():
    """Hemispheres tagged by the mass of their vertices; some minutes."""
    pytest.importorskip("pythia8mc")
    tasks = [(flavour, number, 11) for flavour, n in BLOCKS.items() for number in range(n)]
    with get_context("spawn").Pool(2) as pool:
        scores = np.concatenate(list(pool.imap(tagged_block, tasks)))
    truth = np.repeat([(5, 4, 3, 1).index(flavour) for flavour, _, _ in tasks], len(scores) // len(tasks))
    test = HemisphereScores(scores[:, 0], scores[:, 1], Purpose.TEST)
    found = measure_closure(test, truth, CLASSES, MASS_TAG, samples=SAMPLES)
    assert found.whole.efficiency["b b"].value > 0.6
    assert abs(found.whole.r_c.value - SHARES["c"]) < 2 * found.whole.r_c.se
    assert_pulls_are_those_of_a_normal(found)
