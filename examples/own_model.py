"""A model of your own.

Any `torch.nn.Module` that takes a packed batch: the particles of all events end to end, without padding.
"""

import torch
from torch import nn

import hepsets as hs

EVENTS = 12_000


# Deep Sets: a network per particle, a sum over each event, a network per event.
class SumOfParticles(nn.Module):
    """Sees momenta, vertices and PDG ids of the particles, not who decayed into whom."""

    def __init__(self):
        super().__init__()
        self.kind = nn.Embedding(1000, 16)  # of a particle, by its token; 0 stands for the unknown
        self.particle = nn.Sequential(nn.Linear(8 + 16, 64), nn.ReLU(), nn.Linear(64, 64))
        self.event = nn.Sequential(nn.ReLU(), nn.Linear(64, 1))

    def forward(self, batch):
        """Logits, shape (n_events, 1)."""
        particles = torch.cat([batch.features, self.kind(batch.tokens)], dim=1)
        return self.event(batch.sum(self.particle(particles)))


# Train, score and judge it as any model of the package.
def labelled(events, seed):
    """Decay trees of Υ(4S) → B⁰B̄⁰, and which events have a fast charm meson."""
    made = hs.generate("mixed", events, seed=seed)
    return made, hs.skim(hs.simulate(made, seed=seed), "fast_charm")


train, (test, truth) = labelled(EVENTS, seed=1), labelled(EVENTS // 2, seed=2)
for model in (SumOfParticles(), "deep_sets_pdg", "decay_sweep"):
    trained = hs.fit(model, *train, epochs=10, learning_rate=3e-3)
    print(f"{trained.name:16}", hs.auc(truth, hs.score(trained, test)))
