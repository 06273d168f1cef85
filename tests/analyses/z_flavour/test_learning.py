import numpy as np

from hepsets.analyses.z_flavour.config import Config, LookConfig
from hepsets.analyses.z_flavour.learning import learning_curve, smaller
from hepsets.analyses.z_flavour.samples import Sample
from hepsets.analyses.z_flavour.split import stratified_split
from hepsets.core.purpose import Purpose

FLAVOUR = np.repeat([5, 4, 3, 1], 200)

SAMPLE = Sample((), FLAVOUR, stratified_split(FLAVOUR, (0.8, 0.15, 0.05), seed=1))


def test_a_smaller_training_has_a_share_of_each_flavour_and_the_same_events_to_judge_it():
    events = smaller(SAMPLE, 0.25, seed=1).events
    for flavour in (5, 4, 3, 1):
        assert np.sum(FLAVOUR[events[Purpose.TRAINING]] == flavour) == 40
    for same in (Purpose.VALIDATION, Purpose.TEST):
        assert np.array_equal(events[same], SAMPLE.events[same])
    assert np.isin(events[Purpose.TRAINING], SAMPLE.events[Purpose.TRAINING]).all()


def test_a_larger_share_holds_the_events_of_a_smaller_one():
    few, many = (smaller(SAMPLE, share, seed=1).events[Purpose.TRAINING] for share in (0.1, 0.5))
    assert np.isin(few, many).all()
    assert smaller(SAMPLE, 1e-9, seed=1).count(Purpose.TRAINING) == 4


def test_one_share_makes_no_curve(tmp_path):
    config = Config(look=LookConfig(learning_shares=(0.5,)))
    assert learning_curve(config, "found", SAMPLE, None, tmp_path) is None
