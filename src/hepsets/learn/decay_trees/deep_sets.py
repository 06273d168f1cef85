"""Deep Sets: a network per particle, a mean over the event, a network per event."""

from __future__ import annotations

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn import functional

from hepsets.learn.decay_trees.decay_gcn import GraphConvolution
from hepsets.learn.decay_trees.model import EventNetwork, ModelConfig, features_of
from hepsets.learn.decay_trees.recipe import EventRecipe
from hepsets.learn.decay_trees.relu_layers import ReluLayers
from hepsets.learn.layers.embedding import PdgEmbedding
from hepsets.represent.decay_trees.batch import PackedBatch


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PdgConfig(ModelConfig):
    """Options of ``deep_sets_pdg``.

    Parameters
    ----------
    embedding
        Width of the PDG embedding.
    """

    embedding: int = Field(default=8, ge=1)


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class GraphConfig(ModelConfig):
    """Options of ``deep_sets_gcn``.

    Parameters
    ----------
    graph_last
        Put the graph layer after the first linear layer, not in front of it.
    """

    graph_last: bool = False


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PdgGraphConfig(PdgConfig):
    """Options of the ``deep_sets_gcn_pdg`` models.

    Parameters
    ----------
    graph_last
        As in :class:`GraphConfig`.
    """

    graph_last: bool = False


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
        means = self._layers().means(features, self.embedding, batch)
        if means is None:
            means = batch.mean(self._particles(features, batch))
        result: Tensor = self.output(functional.relu(self.per_event(means)))
        return result

    def _layers(self) -> ReluLayers:
        if self.graph is None:
            return ReluLayers([self.per_particle], [False])
        layers = [self.graph.linear, self.per_particle]
        return (
            ReluLayers(layers[::-1], [False, True]) if self.graph_last else ReluLayers(layers, [True, False])
        )

    def _particles(self, features: Tensor, batch: PackedBatch) -> Tensor:
        """Particles before the mean, shape ``(n_particles, units)``, layer by layer."""
        x = features
        if self.embedding is not None:
            x = torch.cat([x, self.embedding(batch.tokens)], dim=1)
        if self.graph is not None and not self.graph_last:
            x = functional.relu(self.graph(x, batch))
        x = functional.relu(self.per_particle(x))
        if self.graph is not None and self.graph_last:
            x = functional.relu(self.graph(x, batch))
        return x


def _plain(config: ModelConfig, n_tokens: int) -> DeepSets:  # noqa: ARG001 (sees no PDG id)
    return DeepSets(len(features_of(config)), config.units, heads=config.heads)


def _with_pdg(config: PdgConfig, n_tokens: int) -> DeepSets:
    return DeepSets(
        len(features_of(config)),
        config.units,
        n_tokens=n_tokens,
        embedding=config.embedding,
        heads=config.heads,
    )


def _with_graph(config: GraphConfig, n_tokens: int) -> DeepSets:  # noqa: ARG001 (sees no PDG id)
    return DeepSets(
        len(features_of(config)),
        config.units,
        graph=True,
        graph_last=config.graph_last,
        heads=config.heads,
    )


def _with_both(config: PdgGraphConfig, n_tokens: int) -> DeepSets:
    return DeepSets(
        len(features_of(config)),
        config.units,
        n_tokens=n_tokens,
        embedding=config.embedding,
        graph=True,
        graph_last=config.graph_last,
        heads=config.heads,
    )


RECIPES = (
    EventRecipe(name="deep_sets", config=ModelConfig(), network=_plain),
    EventRecipe(name="deep_sets_pdg", config=PdgConfig(), network=_with_pdg),
    EventRecipe(name="deep_sets_gcn", config=GraphConfig(), network=_with_graph),
    EventRecipe(name="deep_sets_gcn_pdg", config=PdgGraphConfig(inputs="raw"), network=_with_both),
    EventRecipe(name="deep_sets_gcn_pdg_normalized", config=PdgGraphConfig(), network=_with_both),
)
