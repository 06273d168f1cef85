"""Deep Sets: a network per particle, a mean over the event, a network per event."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from hepsets.learn.decay_trees.decay_gcn import GraphConvolution
from hepsets.learn.decay_trees.model import EventNetwork
from hepsets.learn.layers.embedding import PdgEmbedding
from hepsets.represent.decay_trees.batch import PackedBatch


class DeepSets(EventNetwork):
    """Linear + ReLU per particle, mean over particles, Linear + ReLU, Linear (Zaheer et al.,
    arXiv:1703.06114), with an optional PDG embedding and an optional graph layer in front.

    Parameters
    ----------
    n_features
        Features per particle.
    units
        Width of the hidden layers.
    n_tokens, embedding
        Rows and width of the PDG embedding, which is concatenated to the features; width 0 means
        none.
    graph
        Put a graph convolution + ReLU in front.
    graph_last
        Put it after the layer per particle instead.
    heads
        Logits per event.
    """

    def __init__(
        self,
        n_features: int,
        units: int,
        *,
        n_tokens: int = 0,
        embedding: int = 0,
        graph: bool = False,
        graph_last: bool = False,
        heads: int = 1,
    ) -> None:
        super().__init__()
        self.embedding = PdgEmbedding(n_tokens, embedding) if embedding else None
        width = n_features + embedding
        linear_in, graph_in = (width, units) if graph_last or not graph else (units, width)
        self.graph = GraphConvolution(graph_in, units) if graph else None
        self.graph_last = graph_last
        self.per_particle = nn.Linear(linear_in, units)
        self.per_event = nn.Linear(units, units)
        self.output = nn.Linear(units, heads)

    def forward(self, features: Tensor, batch: PackedBatch) -> Tensor:
        """Logits, shape ``(n_events, heads)``."""
        x = features
        if self.embedding is not None:
            x = torch.cat([x, self.embedding(batch.tokens)], dim=1)
        if self.graph is not None and not self.graph_last:
            x = functional.relu(self.graph(x, batch))
        x = functional.relu(self.per_particle(x))
        if self.graph is not None and self.graph_last:
            x = functional.relu(self.graph(x, batch))
        x = functional.relu(self.per_event(batch.mean(x)))
        result: Tensor = self.output(x)
        return result
