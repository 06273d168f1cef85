import numpy as np

from hepsets.analyses.z_flavour.config import Config, LookConfig
from hepsets.analyses.z_flavour.learning import UNUSED, learning_curve, smaller
from hepsets.analyses.z_flavour.samples import Sample
from hepsets.analyses.z_flavour.split import TEST, TRAINING, VALIDATION

FLAVOUR = np.repeat([5, 4, 3, 1], 200)

PART = np.tile(np.repeat([TRAINING, VALIDATION, TEST], [160, 30, 10]), 4).astype(np.int8)

SAMPLE = Sample((), FLAVOUR, PART)


def test_a_smaller_training_has_a_share_of_each_flavour_and_the_same_events_to_judge_it():
    part = smaller(SAMPLE, 0.25, seed=1).part
    for flavour in (5, 4, 3, 1):
        assert np.sum((part == TRAINING) & (flavour == FLAVOUR)) == 40
    for same in (VALIDATION, TEST):
        assert np.array_equal(part == same, same == PART)
    assert set(PART[part == UNUSED]) == {TRAINING}


def test_a_larger_share_holds_the_events_of_a_smaller_one():
    few, many = (smaller(SAMPLE, share, seed=1).part == TRAINING for share in (0.1, 0.5))
    assert many[few].all()
    assert smaller(SAMPLE, 1e-9, seed=1).count(TRAINING) == 4


def test_one_share_makes_no_curve(tmp_path):
    config = Config(look=LookConfig(learning_shares=(0.5,)))
    assert learning_curve(config, "found", SAMPLE, None, tmp_path) is None
