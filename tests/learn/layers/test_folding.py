import torch
from torch import nn
from torch.nn import functional

from hepsets.learn.layers.embedding import PdgEmbedding
from hepsets.learn.layers.folding import linear_of_both, linear_of_norm


def test_a_norm_goes_into_the_weights_of_the_layer_behind_it():
    torch.manual_seed(1)
    norm, linear, x = nn.BatchNorm1d(5), nn.Linear(5, 3), 2 + 3 * torch.randn(40, 5)
    norm(x)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    norm.eval()
    weight, bias = linear_of_norm(linear.weight, linear.bias, norm)
    torch.testing.assert_close(functional.linear(x, weight, bias), linear(norm(x)))


def test_a_layer_on_features_and_embedding_is_a_sum_over_both():
    torch.manual_seed(1)
    embedding, linear = PdgEmbedding(6, 4), nn.Linear(7, 3)
    features, tokens = torch.randn(20, 3), torch.randint(6, (20,))
    weight, token_weight = linear.weight.split([3, 4], dim=1)
    torch.testing.assert_close(
        linear_of_both(features, weight, tokens, embedding, token_weight, linear.bias),
        linear(torch.cat([features, embedding(tokens)], dim=1)),
    )
