"""Linear layers together with what stands before them: fewer operations per particle in evaluation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hepsets.learn.layers.embedding import PdgEmbedding


def linear_of_norm(weight: Tensor, bias: Tensor, norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Weight and bias of a linear layer on ``norm(x)``, which in evaluation is an affine map of x.

    Parameters
    ----------
    weight, bias
        Of the layer, shapes ``(n_out, n_in)`` and ``(n_out,)``.
    norm
        Of ``n_in`` columns, with running statistics.
    """
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    shift = norm.bias - norm.running_mean * scale
    return weight * scale, bias + weight @ shift


def linear_of_both(
    features: Tensor,
    weight: Tensor,
    tokens: Tensor,
    embedding: PdgEmbedding,
    token_weight: Tensor,
    bias: Tensor,
) -> Tensor:
    """A linear layer on features and embedding side by side, shape ``(n_particles, n_out)``.

    What it makes of a token is worked out once per token, not once per particle: the same unless
    there is dropout in between.

    Parameters
    ----------
    features, tokens
        Shapes ``(n_particles, n_features)`` and ``(n_particles,)``.
    weight, token_weight, bias
        Of the layer: its columns for the features and for the embedding, and its bias.
    """
    of_token = torch.addmm(bias, embedding.weight, token_weight.T)
    return torch.addmm(of_token.index_select(0, tokens), features, weight.T)
