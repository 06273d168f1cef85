"""What a run keeps of the test events of a comparison."""

from pathlib import Path

import numpy as np

from hepsets.analyses.z_flavour.comparison import Scores
from hepsets.analyses.z_flavour.predictions import predictions
from hepsets.analyses.z_flavour.samples import Sample
from hepsets.analyses.z_flavour.training import Training
from hepsets.core.purpose import Purpose

FLAVOUR = np.array([5, 4, 3, 1, 5, 4])


def sample(per_event):
    purposes = {Purpose.TRAINING: [0], Purpose.VALIDATION: [1], Purpose.TEST: [2, 3, 4]}
    events = {purpose: np.array(chosen) for purpose, chosen in purposes.items()}
    return Sample((Path("a.npz"),), FLAVOUR, events, per_event)


def test_events_of_flavours_that_are_not_compared_are_no_rows():
    values = np.array([[0.1, 0.2, 0.7], [0.8, 0.1, 0.1]], np.float32)
    scores = {Training("seeded", "deep_sets"): Scores(values, np.array([2, 0]), Purpose.TEST, 1.0)}
    truth, found = predictions({"seeded": sample(1)}, "seeded", scores)
    assert truth["event_number"].tolist() == [2, 4]
    assert truth["flavour"].tolist() == [3, 5]
    assert found["deep_sets_s"].tolist() == values[:, 2].tolist()


def test_hemispheres_share_their_event_and_tell_the_charge():
    values = np.arange(30, dtype=np.float32).reshape(6, 5)
    one = Scores(values, np.zeros(6, dtype=np.int64), Purpose.TEST, 1.0)
    training = Training("hemispheres", "vertex_graph")
    truth, found = predictions({"hemispheres": sample(2)}, "hemispheres", {training: one})
    assert truth["event_number"].tolist() == [2, 2, 3, 3, 4, 4]
    assert truth["hemisphere"].tolist() == [0, 1] * 3
    assert list(found) == [f"vertex_graph_{output}" for output in ("b", "c", "s", "ud", "charge")]
    assert found["vertex_graph_charge"].tolist() == values[:, 4].tolist()
