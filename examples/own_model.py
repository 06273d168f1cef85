"""A model of your own.

Any `torch.nn.Module` that takes a packed batch: the particles of all events end to end, without padding.
"""

import torch
from torch import nn

import hepsets as hs

EVENTS = 2_000


# Deep Sets: a network per particle, a sum over each event, a network per event.
class SumOfParticles(nn.Module):
    """Sees momenta, vertices and PDG ids of the particles, not who decayed into whom."""

    def __init__(self, n_features, n_tokens):  # both are told
        super().__init__()
        self.kind = nn.Embedding(n_tokens, 16)
        self.particle = nn.Sequential(nn.Linear(n_features + 16, 64), nn.ReLU(), nn.Linear(64, 64))
        self.event = nn.Sequential(nn.ReLU(), nn.Linear(64, 1))

    def forward(self, batch):
        """Logits, shape (n_events, 1)."""
        particles = torch.cat([batch.features, self.kind(batch.tokens)], dim=1)
        return self.event(batch.sum(self.particle(particles)))


# A name makes it a model like any other: in the tables and figures of an analysis, beside those of the package.
hs.register_model("sum_of_particles", SumOfParticles)
data = {"skim": "fast_charm", "train_events": EVENTS, "test_events": EVENTS}
settings = {"data": data, "models": ["sum_of_particles", "deep_sets_pdg"], "limit": {"events": EVENTS // 10}}
run = hs.run("smart-background", scale="quick", settings=settings)
print(run)
run.plot("roc")

# Saved, loaded and exported as any other; and a filter, whose weights leave no bias.
model = hs.load(run.folder / "models" / "sum_of_particles.safetensors")
hs.export(model, run.folder / "sum_of_particles.onnx")
keep = run.filter("sum_of_particles", run.folder / "filter.onnx")
print(keep.weights(hs.generate("mixed", 5, seed=3)))
