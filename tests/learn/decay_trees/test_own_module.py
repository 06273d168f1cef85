import numpy as np
import pytest
import torch
from helpers.random_events import muon_label, random_events
from sklearn.metrics import roc_auc_score
from torch import nn

from hepsets.core.errors import InputError
from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.own_module import own_event_model
from hepsets.learn.files import load, save
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import score

EVENTS = random_events(400, seed=5, mean_particles=8)
PDG_MAP = PdgMap.fit(EVENTS.particles["pdg"])


class Tokens(nn.Module):
    """What a user may write: it knows packed batches and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(PDG_MAP), 8)
        self.output = nn.Linear(8 + 8, 1)

    def forward(self, batch):
        x = torch.cat([self.embedding(batch.tokens), batch.features], dim=1)
        return self.output(batch.mean(x)).squeeze(1)


def test_any_module_on_packed_batches_is_trained_scored_and_kept(tmp_path) -> None:
    model = own_event_model(Tokens(), PDG_MAP)
    assert model.name == "own:Tokens"
    result = fit(
        model,
        EVENTS,
        muon_label(EVENTS),
        config=FitConfig(epochs=12, batch=32, learning_rate=0.03, device="cpu"),
    )
    assert result.history[-1].metrics["auc"] > 0.8
    assert roc_auc_score(muon_label(EVENTS), score(model, EVENTS)) > 0.8
    save(model, tmp_path / "own.safetensors")
    with pytest.raises(InputError, match="own:Tokens alone"):
        load(tmp_path / "own.safetensors")
    again = load(tmp_path / "own.safetensors", module=Tokens())
    np.testing.assert_array_equal(score(again, EVENTS), score(model, EVENTS))


def test_options_that_there_are_not_are_refused() -> None:
    with pytest.raises(InputError, match="unheard_of"):
        own_event_model(Tokens(), PDG_MAP, unheard_of=1)
