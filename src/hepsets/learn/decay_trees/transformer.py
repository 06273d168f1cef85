"""A transformer on the particles of an event, computed without padding outside attention."""

from __future__ import annotations

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from hepsets.learn.decay_trees.model import EventNetwork, ModelConfig, features_of
from hepsets.learn.decay_trees.recipe import EventRecipe
from hepsets.learn.layers.attention import EncoderLayer, encode
from hepsets.learn.layers.embedded_encoder import can_embed, means_of_encoded
from hepsets.learn.layers.embedding import PdgEmbedding
from hepsets.learn.layers.folding import linear_of_both
from hepsets.represent.decay_trees.batch import PackedBatch


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TransformerConfig(ModelConfig):
    """Options of ``transformer``.

    Parameters
    ----------
    embedding
        Width of the PDG embedding.
    dropout
        Dropout probability.
    """

    embedding: int = Field(default=6, ge=1)
    dropout: float = Field(default=0.17, ge=0.0, lt=1.0)


class Transformer(EventNetwork):
    """Embedding, projection, encoder layers, mean over particles, Linear.

    Parameters
    ----------
    n_features
        Features per particle.
    units
        Width of a particle's representation; the feed-forward layers have twice that.
    n_tokens, embedding
        Rows and width of the PDG embedding.
    layers, attention_heads
        Encoder layers and heads of each.
    dropout
        Dropout probability.
    heads
        Logits per event.
    """

    scored_together = 1024  # of which few at a time are in the cache

    def __init__(
        self,
        n_features: int,
        units: int,
        *,
        n_tokens: int,
        embedding: int,
        layers: int = 2,
        attention_heads: int = 4,
        dropout: float = 0.17,
        heads: int = 1,
    ) -> None:
        super().__init__()
        self.embedding = PdgEmbedding(n_tokens, embedding)
        self.projection = nn.Linear(n_features + embedding, units)
        self.layers = nn.ModuleList(
            EncoderLayer(units, attention_heads, 2 * units, dropout) for _ in range(layers)
        )
        self.output = nn.Linear(units, heads)

    def forward(self, features: Tensor, batch: PackedBatch) -> Tensor:
        """Logits, shape ``(n_events, heads)``."""
        if can_embed(features, batch.tokens, self.embedding):
            parts = self.embedding, self.projection, [*self.layers]
            means = means_of_encoded(features, batch.tokens, *parts, batch.offsets)
            return self._logits(means)
        n = features.shape[1]
        of_features, of_token = self.projection.weight[:, :n], self.projection.weight[:, n:]
        x = linear_of_both(
            features, of_features, batch.tokens, self.embedding, of_token, self.projection.bias
        )
        return self._logits(batch.mean(encode(self.layers, x, batch)))

    def _logits(self, means: Tensor) -> Tensor:
        result: Tensor = self.output(means)
        return result


def _network(config: TransformerConfig, n_tokens: int) -> Transformer:
    return Transformer(
        len(features_of(config)),
        config.units,
        n_tokens=n_tokens,
        embedding=config.embedding,
        dropout=config.dropout,
        heads=config.heads,
    )


RECIPES = (EventRecipe(name="transformer", config=TransformerConfig(), network=_network),)
