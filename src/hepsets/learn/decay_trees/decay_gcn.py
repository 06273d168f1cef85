"""Graph convolutions on the decay tree: the layer, the DS/GCN family, and the tuned stack."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import cast

import torch
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn import functional

from hepsets.core.errors import InputError
from hepsets.learn.decay_trees.gcn_head import Head
from hepsets.learn.decay_trees.gcn_scoring import Folded, can_score
from hepsets.learn.decay_trees.gcn_training import Blocks
from hepsets.learn.decay_trees.model import EventNetwork, ModelConfig, features_of
from hepsets.learn.decay_trees.recipe import EventRecipe
from hepsets.learn.decay_trees.relu_layers import ReluLayers
from hepsets.learn.layers.dropout import Dropout
from hepsets.learn.layers.embedding import PdgEmbedding
from hepsets.learn.layers.folding import linear_of_both, linear_of_norm
from hepsets.represent.decay_trees.batch import PackedBatch
from hepsets.represent.decay_trees.features import Coordinates

_FAMILY = re.compile(r"DS_(\d+)_GCN_(\d+|none)")


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class GCNStackConfig(ModelConfig):
    """Options of ``gcn_stack``.

    Parameters
    ----------
    coordinates
        ``"cartesian"`` or ``"cylindrical"``.
    embedding
        Width of the PDG embedding.
    dropout
        Dropout probability.
    graph_layers
        Number of graph layers.
    """

    coordinates: Coordinates = "cylindrical"
    embedding: int = Field(default=25, ge=1)
    dropout: float = Field(default=0.179, ge=0.0, lt=1.0)
    graph_layers: int = Field(default=3, ge=1)


class GraphConvolution(nn.Module):
    """D^-½ A D^-½ (X W + b), with A the mother–daughter edges both ways and self-loops.

    Kipf and Welling, arXiv:1609.02907. Shapes: ``(n_particles, n_in)`` to ``(n_particles, n_out)``.
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)

    def forward(self, values: Tensor, batch: PackedBatch) -> Tensor:
        """Convolved values of all particles, from ``(n_particles, n_in)`` to ``(n_particles, n_out)``."""
        return batch.graph.convolve(self.linear(values))


class DecayGCN(EventNetwork):
    """The family ``DS_{layers}_GCN_{indices}``: layers per particle, some of them on the graph.

    Layers are counted from 1 and include input and output. All but the last are followed by ReLU.
    The last one, after the mean over particles, gives the logits; as a graph layer it acts before
    the mean.

    Parameters
    ----------
    n_features
        Features per particle.
    units
        Width of the hidden layers.
    layers
        Number of layers, at least 2.
    graph_layers
        Which of them are graph convolutions.
    heads
        Logits per event.
    """

    def __init__(
        self, n_features: int, units: int, *, layers: int, graph_layers: Collection[int], heads: int = 1
    ) -> None:
        super().__init__()
        widths = [n_features] + [units] * (layers - 1) + [heads]
        self.layers = nn.ModuleList(
            GraphConvolution(widths[i], widths[i + 1])
            if i + 1 in graph_layers
            else nn.Linear(widths[i], widths[i + 1])
            for i in range(layers)
        )

    def forward(self, features: Tensor, batch: PackedBatch) -> Tensor:
        """Logits, shape ``(n_events, heads)``."""
        *hidden, output = self.layers
        if not isinstance(output, GraphConvolution):
            means = self._hidden().means(features, None, batch)
            if means is not None:
                return cast("Tensor", output(means))
        x = features
        for layer in hidden:
            x = functional.relu(layer(x, batch) if isinstance(layer, GraphConvolution) else layer(x))
        if isinstance(output, GraphConvolution):
            return batch.mean(output(x, batch))
        result: Tensor = output(batch.mean(x))
        return result

    def _hidden(self) -> ReluLayers:
        hidden = self.layers[:-1]
        inner = [layer.linear if isinstance(layer, GraphConvolution) else layer for layer in hidden]
        layers = [layer for layer in inner if isinstance(layer, nn.Linear)]
        return ReluLayers(layers, [isinstance(layer, GraphConvolution) for layer in hidden])


def parse_family(name: str) -> tuple[int, tuple[int, ...]] | None:
    """Number of layers and indices of graph layers of a family name; ``None`` for other names.

    Raises
    ------
    InputError
        If the name has the family's form but no meaning.

    Examples
    --------
    >>> parse_family("DS_6_GCN_135")
    (6, (1, 3, 5))
    """
    match = _FAMILY.fullmatch(name)
    if match is None:
        return None
    layers = int(match[1])
    indices = () if match[2] == "none" else tuple(int(digit) for digit in match[2])
    if layers < 2 or len(set(indices)) != len(indices) or any(not 1 <= i <= layers for i in indices):
        raise InputError(
            f"model {name!r}",
            "DS_{layers}_GCN_{indices} with at least 2 layers and distinct indices from 1 to layers",
        )
    return layers, indices


class GCNStack(EventNetwork):
    """The study's tuned model: an embedding, three graph layers and a linear one, a mean, an MLP.

    Each of the four blocks is batch norm, layer, LeakyReLU(0.01), dropout; the MLP is Linear,
    batch norm, LeakyReLU, dropout, Linear. Batch norm sees real particles only, because packed
    batches hold no others; in evaluation it uses running statistics.

    Parameters
    ----------
    n_features
        Features per particle.
    units
        Width of the hidden layers.
    n_tokens, embedding
        Rows and width of the PDG embedding.
    graph_layers
        Number of graph layers.
    dropout
        Dropout probability, also on the embedding.
    heads
        Logits per event.
    """

    scored_together = 2048  # of which few at a time are in the cache

    def __init__(
        self,
        n_features: int,
        units: int,
        *,
        n_tokens: int,
        embedding: int,
        graph_layers: int = 3,
        dropout: float = 0.179,
        heads: int = 1,
    ) -> None:
        super().__init__()
        widths = [n_features + embedding] + [units] * graph_layers
        self.embedding = PdgEmbedding(n_tokens, embedding)
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in widths)
        self.layers = nn.ModuleList(
            [*(GraphConvolution(width, units) for width in widths[:-1]), nn.Linear(units, units)]
        )
        self.activation = nn.LeakyReLU(0.01)
        self.dropout = Dropout(dropout)
        self.head = nn.Sequential(
            nn.Linear(units, units),
            nn.BatchNorm1d(units),
            self.activation,
            self.dropout,
            nn.Linear(units, heads),
        )

    def forward(self, features: Tensor, batch: PackedBatch) -> Tensor:
        """Logits, shape ``(n_events, heads)``."""
        blocks = self._blocks()
        if self.training and blocks.can_train(features) and self.embedding.holds(batch.tokens):
            means = blocks.means(features, self.embedding.weight, batch)
        elif can_score(blocks, features) and self.embedding.holds(batch.tokens):
            means = Folded(blocks, self.embedding.weight).means(features, batch)
        else:
            means = batch.mean(self._particles(features, batch))
        head = self._head()
        result: Tensor = head.logits(means) if self.training and head.can_train(means) else self.head(means)
        return result

    def _head(self) -> Head:
        first, norm, _, _, last = self.head
        assert isinstance(first, nn.Linear)
        assert isinstance(norm, nn.BatchNorm1d)
        assert isinstance(last, nn.Linear)
        return Head(first, norm, self.activation.negative_slope, self.dropout, last)

    def _blocks(self) -> Blocks:
        norms = [norm for norm in self.norms if isinstance(norm, nn.BatchNorm1d)]
        inner = [layer.linear if isinstance(layer, GraphConvolution) else layer for layer in self.layers]
        layers = [layer for layer in inner if isinstance(layer, nn.Linear)]
        return Blocks(norms, layers, self.activation.negative_slope, self.dropout)

    def _particles(self, features: Tensor, batch: PackedBatch) -> Tensor:
        """What the blocks make of the particles, shape ``(n_particles, units)``, step by step."""
        x = features
        for place, (norm, layer) in enumerate(zip(self.norms, self.layers, strict=True)):
            linear = layer.linear if isinstance(layer, GraphConvolution) else layer
            assert isinstance(norm, nn.BatchNorm1d)
            assert isinstance(linear, nn.Linear)
            if self.training:
                if place == 0:
                    x = torch.cat([x, self.dropout(self.embedding(batch.tokens))], dim=1)
                x = linear(norm(x))
            else:
                weight, bias = linear_of_norm(linear.weight, linear.bias, norm)
                if place == 0:
                    n = features.shape[1]
                    x = linear_of_both(x, weight[:, :n], batch.tokens, self.embedding, weight[:, n:], bias)
                else:
                    x = functional.linear(x, weight, bias)
            if isinstance(layer, GraphConvolution):
                x = batch.graph.convolve(x)
            x = self.dropout(self.activation(x))
        return x


def _stack(config: GCNStackConfig, n_tokens: int) -> GCNStack:
    return GCNStack(
        len(features_of(config)),
        config.units,
        n_tokens=n_tokens,
        embedding=config.embedding,
        graph_layers=config.graph_layers,
        dropout=config.dropout,
        heads=config.heads,
    )


RECIPES = (EventRecipe(name="gcn_stack", config=GCNStackConfig(), network=_stack),)


def family(name: str) -> EventRecipe | None:
    """The recipe of a member of the family ``DS_{layers}_GCN_{indices}``; ``None`` for other names."""
    member = parse_family(name)
    if member is None:
        return None
    layers, graph_layers = member

    def network(config: ModelConfig, n_tokens: int) -> DecayGCN:  # noqa: ARG001 (sees no PDG id)
        return DecayGCN(
            len(features_of(config)),
            config.units,
            layers=layers,
            graph_layers=graph_layers,
            heads=config.heads,
        )

    return EventRecipe(name=name, config=ModelConfig(), network=network)


FAMILIES = (family,)
