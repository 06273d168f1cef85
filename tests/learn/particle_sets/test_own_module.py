import numpy as np
import pytest
from helpers.random_candidates import random_candidates
from torch import nn

from hepsets.core.errors import InputError
from hepsets.learn.files import load, save
from hepsets.learn.particle_sets.own_module import own_set_model
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import score

EVENTS = random_candidates(300, seed=5)


class Variables(nn.Module):
    """What a user may write: it knows packed batches and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Linear(1, 1)

    def forward(self, batch):
        return self.output(batch.event_features)


def test_any_module_on_packed_batches_is_trained_scored_and_kept(tmp_path) -> None:
    model = own_set_model(Variables(), event_features=("R2",))
    assert model.name == "own:Variables"
    labels = EVENTS.columns["R2"] > np.median(EVENTS.columns["R2"])
    config = FitConfig(epochs=10, batch=32, learning_rate=0.1, device="cpu")
    assert fit(model, EVENTS, labels, config=config).history[-1].metrics["auc"] > 0.95
    save(model, tmp_path / "own.safetensors")
    with pytest.raises(InputError, match="own:Variables alone"):
        load(tmp_path / "own.safetensors")
    again = load(tmp_path / "own.safetensors", module=Variables())
    np.testing.assert_array_equal(score(again, EVENTS), score(model, EVENTS))
