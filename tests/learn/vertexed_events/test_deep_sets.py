"""Deep Sets of particles and vertices, on a toy of which the answer is known."""

import numpy as np
from helpers.toy_z_events import z_events

from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import score_heads
from hepsets.learn.vertexed_events.flavour_task import Flavour, flavour_targets
from hepsets.learn.vertexed_events.recipe import build_vertexed_model


def test_heavy_quarks_are_known_by_their_flight_and_more_with_proper_features() -> None:
    train, test = (z_events(900, seed=seed, flavours=(5, 4, 3)) for seed in (1, 2))
    truth = np.arange(900) % 3
    accuracy = {}
    for style in ("published", "proper"):
        model = build_vertexed_model("deep_sets", style=style, units=32)
        config = FitConfig(epochs=5, batch=32, learning_rate=3e-3, device="cpu")
        fit(model, train, flavour_targets(truth), config=config, task=Flavour())
        accuracy[style] = (score_heads(model, test).argmax(1) == truth).mean()
    assert accuracy["proper"] > 0.85
    assert accuracy["proper"] >= accuracy["published"]
