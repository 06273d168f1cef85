import numpy as np
import pytest

from hepsets.analyses.z_flavour.measured_again import SeenAgain, score_again
from hepsets.learn.vertexed_events.recipe import build_vertexed_model
from hepsets.simulate.idea import IdeaConfig

pytest.importorskip("pythia8mc")


def test_the_same_decays_are_seen_otherwise_each_time_and_the_same_by_the_same_seed():
    model = build_vertexed_model("deep_sets", classes=["b", "c", "s", "ud"], units=4)
    task = SeenAgain(model, "c", number=0, events=6, trials=3, seed=5, detector=IdeaConfig())
    scores = score_again(task)
    assert scores.shape == (3, 6, 4)
    assert scores.sum(axis=2) == pytest.approx(np.ones((3, 6)), abs=1e-5)
    assert (np.ptp(scores, axis=0).max(axis=1) > 0).all()
    assert np.array_equal(score_again(task), scores)
