"""A model of your own."""

import numpy as np
import torch
from torch import nn

import hepsets as hs

EVENTS = 2_000


# Any `nn.Module` that takes a packed batch: the particles of all events end to end, without padding.
class SumOfParticles(nn.Module):
    """Deep Sets: a network per particle, a sum over each event, a network per event; sizes are told."""

    def __init__(self, n_features, n_tokens):
        super().__init__()
        self.kind = nn.Embedding(n_tokens, 16)
        self.particle = nn.Sequential(nn.Linear(n_features + 16, 64), nn.ReLU(), nn.Linear(64, 64))
        self.event = nn.Sequential(nn.ReLU(), nn.Linear(64, 1))

    def forward(self, batch):
        """Logits, shape (n_events, 1)."""
        return self.event(batch.sum(self.particle(torch.cat([batch.features, self.kind(batch.tokens)], 1))))


# Events as one may have them in a file: all that pass a skim, and some of the others with their weight.
made = hs.generate("mixed", 20 * EVENTS, seed=1)
passes = hs.skim(hs.simulate(made, seed=1), "fast_charm")
some = passes | (np.arange(len(made)) % 30 == 0)
hs.write(made.with_columns(label=passes, weight=np.where(passes, 1.0, 30.0))[some], "labelled.parquet")

# A name makes it a model like any other: in tables and figures, and a filter whose weights leave no bias.
hs.register_model("sum_of_particles", SumOfParticles)
settings = {"data": {"train": ["labelled.parquet"]}, "models": ["sum_of_particles", "deep_sets_pdg"]}
run = hs.run("smart-background", scale="quick", settings=settings)
print(run)
keep = run.filter("sum_of_particles", run.folder / "filter.onnx", data="labelled.parquet")
print(keep.weights(made[:5]))
run.plot("roc")
