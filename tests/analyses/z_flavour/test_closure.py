import numpy as np
import pytest
from helpers.flavour_scores import CLASSES, flavour_scores

from hepsets.analyses.z_flavour.closure import (
    SHARES,
    HemisphereScores,
    choose_cuts,
    measure_closure,
)
from hepsets.core.errors import InputError


def hemispheres(seed, events=6000):
    """Scores of both hemispheres of each event; the flavour of an event is that of its hemispheres."""
    sample = flavour_scores(seed, 2 * events, distance=1.2)
    return HemisphereScores.of(sample.probabilities, CLASSES), sample.truth[::2]


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


def test_a_tagger_without_light_flavours_and_too_few_events_are_refused():
    with pytest.raises(InputError, match="without ud"):
        HemisphereScores.of(np.full((4, 3), 1 / 3), ("b", "c", "s"))
    scores, truth = hemispheres(1, 20)
    with pytest.raises(InputError, match="test events of b"):
        measure_closure(scores, truth, CLASSES, choose_cuts(scores, truth, CLASSES))
