"""The published networks on padded batches with dense adjacency, written to be plain, not fast.

They take their weights from the packed models, which must give the same logits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from hepsets.learn.decay_trees.decay_gcn import DecayGCN, GCNStack, GraphConvolution
from hepsets.learn.decay_trees.deep_sets import DeepSets
from hepsets.learn.decay_trees.model import EventModel
from hepsets.learn.decay_trees.transformer import Transformer
from hepsets.represent.decay_trees.batch import PackedBatch


@dataclass(frozen=True)
class Padded:
    """``features`` (n_events, length, f); ``tokens`` and ``real`` (n_events, length);
    ``adjacency`` (n_events, length, length), normalised."""

    features: Tensor
    tokens: Tensor
    real: Tensor
    adjacency: Tensor


def pad(batch: PackedBatch, *, extra: int = 0) -> Padded:
    """One event after the other into a rectangle, ``extra`` places longer than need be."""
    length = int(batch.multiplicity.max()) + extra
    features = torch.zeros(batch.n_events, length, batch.features.shape[1])
    tokens = torch.zeros(batch.n_events, length, dtype=torch.int64)
    real = torch.zeros(batch.n_events, length, dtype=torch.bool)
    adjacency = torch.zeros(batch.n_events, length, length)
    for event, (begin, end) in enumerate(zip(batch.offsets[:-1], batch.offsets[1:], strict=True)):
        n = int(end - begin)
        features[event, :n] = batch.features[begin:end]
        tokens[event, :n] = batch.tokens[begin:end]
        real[event, :n] = True
        daughter, mother = torch.arange(n), batch.mothers[begin:end] - begin
        adjacency[event, daughter, mother] = 1.0
        adjacency[event, mother, daughter] = 1.0
        adjacency[event, daughter, daughter] = 1.0
    scale = adjacency.sum(2).clamp(min=1.0).rsqrt()
    return Padded(features, tokens, real, scale[:, :, None] * adjacency * scale[:, None, :])


def masked_mean(values: Tensor, real: Tensor) -> Tensor:
    """Mean over the real particles of each event, 0 if there are none."""
    total = torch.where(real[:, :, None], values, 0.0).sum(1)
    return total / real.sum(1, keepdim=True).clamp(min=1)


def masked_norm(norm: nn.BatchNorm1d, values: Tensor, real: Tensor) -> Tensor:
    """Batch norm of real particles; padding stays zero."""
    result = torch.zeros_like(values)
    result[real] = norm(values[real])
    return result


def reference_logits(model: EventModel, padded: Padded) -> Tensor:
    """Logits ``(n_events, heads)`` of a model's network on a padded batch."""
    network = model.network
    x = model.scaler(padded.features)
    if getattr(network, "embedding", None) is not None:
        x = torch.cat(
            [x, _dropped(network, functional.embedding(padded.tokens, network.embedding.weight))], dim=2
        )
    if isinstance(network, DeepSets):
        steps = [network.per_particle]
        if network.graph is not None:
            steps.insert(1 if network.graph_last else 0, network.graph)
        for step in steps:
            x = functional.relu(_layer(step, x, padded.adjacency))
        return network.output(functional.relu(network.per_event(masked_mean(x, padded.real))))
    if isinstance(network, DecayGCN):
        for step in network.layers[:-1]:
            x = functional.relu(_layer(step, x, padded.adjacency))
        last = network.layers[-1]
        if isinstance(last, GraphConvolution):
            return masked_mean(_layer(last, x, padded.adjacency), padded.real)
        return last(masked_mean(x, padded.real))
    if isinstance(network, GCNStack):
        for norm, step in zip(network.norms, network.layers, strict=True):
            x = _layer(step, masked_norm(norm, x, padded.real), padded.adjacency)
            x = _dropped(network, functional.leaky_relu(x, 0.01))
        return network.head(masked_mean(x, padded.real))
    if isinstance(network, Transformer):
        x = torch_encoder(network)(network.projection(x), src_key_padding_mask=~padded.real)
        return network.output(masked_mean(x, padded.real))
    raise NotImplementedError(type(network).__name__)


def torch_encoder(network: Transformer) -> nn.TransformerEncoder:
    """PyTorch's own encoder with the weights of ours."""
    width = network.projection.out_features
    layer = nn.TransformerEncoderLayer(width, network.layers[0].heads, 2 * width, batch_first=True)
    encoder = nn.TransformerEncoder(layer, len(network.layers), enable_nested_tensor=False).eval()
    for theirs, ours in zip(encoder.layers, network.layers, strict=True):
        theirs.load_state_dict(
            {
                "self_attn.in_proj_weight": ours.query_key_value.weight,
                "self_attn.in_proj_bias": ours.query_key_value.bias,
                "self_attn.out_proj.weight": ours.mix.weight,
                "self_attn.out_proj.bias": ours.mix.bias,
                "linear1.weight": ours.up.weight,
                "linear1.bias": ours.up.bias,
                "linear2.weight": ours.down.weight,
                "linear2.bias": ours.down.bias,
                "norm1.weight": ours.attention_norm.weight,
                "norm1.bias": ours.attention_norm.bias,
                "norm2.weight": ours.feed_forward_norm.weight,
                "norm2.bias": ours.feed_forward_norm.bias,
            }
        )
    return encoder


def _layer(layer: nn.Module, x: Tensor, adjacency: Tensor) -> Tensor:
    if isinstance(layer, GraphConvolution):
        return adjacency @ layer.linear(x)
    return layer(x)


def _dropped(network: nn.Module, x: Tensor) -> Tensor:
    if isinstance(network, GCNStack):
        return functional.dropout(x, network.dropout.probability, training=network.training)
    return x
