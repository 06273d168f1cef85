import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.purpose import Purpose
from hepsets.evaluate.scores.sample import effective_count, mean, mean_influence, scored, scored_events


@pytest.mark.parametrize(
    ("labels", "scores", "weights", "message"),
    [
        ([0, 1], [0.1], None, "shapes"),
        ([0, 2], [0.1, 0.2], None, "labels such as 2"),
        ([0, 1], [0.1, 1.2], None, "score of 1.2"),
        ([0, 1], [0.1, np.nan], None, "score of nan"),
        ([0, 1], [0.1, 0.2], [1.0, 0.0], "weight of 0.0"),
        ([0, 1], [0.1, 0.2], [1.0, np.inf], "weight of inf"),
        ([1, 1], [0.1, 0.2], None, "one class only"),
    ],
)
def test_unfit_samples_are_refused_with_what_came(labels, scores, weights, message):
    with pytest.raises(InputError, match=message):
        scored(labels, scores, weights)


def test_the_error_of_a_weighted_mean_is_the_spread_over_repeated_samples():
    random = np.random.default_rng(1)
    samples = [
        mean(random.normal(2.0, 3.0, 200), np.where(random.random(200) < 0.3, 10.0, 1.0)) for _ in range(2000)
    ]
    values = np.array([sample.value for sample in samples])
    assert np.mean([sample.se for sample in samples]) == pytest.approx(values.std(), rel=0.05)
    assert values.mean() == pytest.approx(2.0, abs=0.05)


def test_equal_weights_count_every_event():
    assert effective_count(np.full(7, 3.0)) == pytest.approx(7.0)


def test_a_measured_number_reads_with_its_error():
    assert str(Measured(0.87654, 0.0021)) == "0.8765 ± 0.0021"


def test_a_sample_is_what_was_given_in_common_types_and_keeps_its_purpose():
    sample = scored([0, 1, 1], [0, 1, 0], [1, 2, 3], Purpose.TEST)
    assert [each.dtype for each in sample[:3]] == [bool, float, float]
    assert sample.labels.tolist() == [False, True, True]
    assert (sample.scores.tolist(), sample.weights.tolist()) == ([0, 1, 0], [1, 2, 3])
    assert sample.purpose is Purpose.TEST
    assert scored([0, 1], [0.2, 0.3]).weights.tolist() == [1, 1]


def test_unlike_weights_count_as_kish_says_and_one_event_has_no_influence():
    assert effective_count(np.array([1.0, 3.0])) == pytest.approx(16 / 10)
    assert mean(np.array([5.0]), np.array([2.0])) == Measured(5.0, 0.0)
    two = mean(np.array([1.0, 4.0]), np.array([2.0, 1.0]))
    assert (two.value, two.se) == pytest.approx((2.0, np.sqrt(2 * (2**2 + 2**2)) / 3))
    three = mean(np.array([0.0, 0.0, 3.0]), np.ones(3))
    assert (three.value, three.se) == pytest.approx((1.0, np.sqrt(1.5 * (1 + 1 + 2**2)) / 3))
    assert mean_influence(np.array([1.0, 4.0]), np.array([2.0, 1.0])).sum() == pytest.approx(0)


def test_events_bring_their_labels_weights_and_purpose():
    columns = {"label": [1, 0, 1], "late": [0, 0, 1], "weight": [1.0, 20.0, 2.0]}
    events = ParticleSets({"px": np.ones(3)}, [0, 1, 2, 3], {k: np.array(v) for k, v in columns.items()})
    sample = scored_events(events.used_for(Purpose.TEST), [0.9, 0.2, 0.8])
    assert sample.labels.tolist() == [True, False, True]
    assert (sample.scores.tolist(), sample.weights.tolist()) == ([0.9, 0.2, 0.8], [1, 20, 2])
    assert sample.purpose is Purpose.TEST
    late = scored_events(events, [0.9, 0.2, 0.8], label="late")
    assert (late.labels.tolist(), late.purpose) == ([False, False, True], None)
