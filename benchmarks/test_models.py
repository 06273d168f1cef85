"""Events per second that the models train on and score, beside a padded reference in one process.

The reference does what the study's code does: adjacency matrices are made once per event, batches
are padded to their longest event, convolutions multiply by dense matrices, and the transformer is PyTorch's.

Run with ``pytest benchmarks/test_models.py -s`` on an idle machine; ``-s`` shows the table.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from helpers.padded_reference import torch_encoder
from helpers.random_events import muon_label, random_events
from rates import ROUNDS, rate, report, training_rate
from torch import Tensor, nn
from torch.nn import functional

from hepsets.core.events import read_parquet, write_parquet
from hepsets.core.pdg import PdgMap
from hepsets.learn.decay_trees.decay_gcn import GraphConvolution
from hepsets.learn.decay_trees.model import EventModel
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.registry import recipes
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import score

EVENTS = random_events(8192, seed=11)  # 41 particles per event, as in the study
LABELS = muon_label(EVENTS)
PDG_MAP = PdgMap.fit(EVENTS.particles["pdg"])
BATCH = 256


@dataclass
class PaddedData:
    """One event per entry: features, tokens, normalised dense adjacency."""

    features: list[np.ndarray]
    tokens: list[np.ndarray]
    adjacency: list[np.ndarray]

    def batch(self, events: np.ndarray) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Padded features, tokens, adjacency and which places are real."""
        features, tokens, real = self.particles(events)
        longest = tokens.shape[1]
        adjacency = np.zeros((len(events), longest, longest), np.float32)
        for row, event in enumerate(events):
            n = len(self.tokens[event])
            adjacency[row, :n, :n] = self.adjacency[event]
        return features, tokens, torch.from_numpy(adjacency), real

    def particles(self, events: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
        """Padded features, tokens and which places are real."""
        sizes = [len(self.tokens[event]) for event in events]
        longest = max(sizes)
        features = np.zeros((len(events), longest, self.features[0].shape[1]), np.float32)
        tokens = np.zeros((len(events), longest), np.int64)
        real = np.zeros((len(events), longest, 1), np.float32)
        for row, (event, n) in enumerate(zip(events, sizes, strict=True)):
            features[row, :n] = self.features[event]
            tokens[row, :n] = self.tokens[event]
            real[row, :n] = 1
        return tuple(map(torch.from_numpy, (features, tokens, real)))


def padded_data(model: EventModel) -> PaddedData:
    data = model.prepare(EVENTS)
    features = model.scaler(data.features).numpy()
    result = PaddedData([], [], [])
    for begin, end in zip(EVENTS.offsets[:-1], EVENTS.offsets[1:], strict=True):
        n = end - begin
        adjacency = np.eye(n, dtype=np.float32)
        daughters, mothers = np.arange(n), data.mothers[begin:end].numpy()
        adjacency[daughters, mothers] = adjacency[mothers, daughters] = 1
        scale = adjacency.sum(1) ** -0.5
        result.features.append(features[begin:end])
        result.tokens.append(data.tokens[begin:end].numpy())
        result.adjacency.append(scale[:, None] * adjacency * scale)
    return result


def padded_logits(
    model: EventModel, features: Tensor, tokens: Tensor, adjacency: Tensor, real: Tensor
) -> Tensor:
    """The tuned stack on a padded batch; batch norm counts the padding, as the study's does."""
    network = model.network

    def drop(x: Tensor) -> Tensor:
        return functional.dropout(x, 0.179, training=network.training)

    x = torch.cat([features, drop(functional.embedding(tokens, network.embedding.weight))], dim=2)
    for norm, layer in zip(network.norms, network.layers, strict=True):
        x = norm(x.transpose(1, 2)).transpose(1, 2)
        graph = isinstance(layer, GraphConvolution)
        x = adjacency @ layer.linear(x) if graph else layer(x)
        x = drop(network.activation(x))
    x = (x * real).sum(1) / real.sum(1)
    first, norm, _, _, last = network.head
    return last(drop(network.activation(norm(first(x))))).squeeze(1)


class PaddedTransformer(nn.Module):
    """The transformer as PyTorch has it, on padded batches; weights, and so scores, are those of ours."""

    def __init__(self, model: EventModel) -> None:
        super().__init__()
        network = model.network
        self.embedding, self.projection, self.output = network.embedding, network.projection, network.output
        self.encoder = torch_encoder(network)
        for part in self.encoder.modules():  # dropout where ours has it
            if isinstance(part, nn.Dropout):
                part.p = network.layers[0].dropout.probability
            elif isinstance(part, nn.MultiheadAttention):
                part.dropout = 0.0

    def forward(self, features: Tensor, tokens: Tensor, real: Tensor) -> Tensor:
        embedded = functional.embedding(tokens, self.embedding.weight)
        x = self.projection(torch.cat([features, embedded], dim=2))
        x = self.encoder(x, src_key_padding_mask=real[:, :, 0] == 0)
        return self.output((x * real).sum(1) / real.sum(1)).squeeze(1)


def train_packed(model: EventModel) -> None:
    fit(model, EVENTS, LABELS, config=FitConfig(epochs=1, device="cpu"))


def packed_rate(name: str) -> float:
    """Best training speed of some fits, in events per second."""
    config = FitConfig(epochs=2, device="cpu")
    results = [fit(build_model(name, PDG_MAP), EVENTS, LABELS, config=config) for _ in range(2)]
    n = len(results[0].train_indices)
    return max(n / record.train_seconds for result in results for record in result.history)


def padded_rate(data: PaddedData) -> float:
    model = build_model("gcn_stack", PDG_MAP).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    targets = torch.from_numpy(LABELS).float()
    return training_rate(optimizer, lambda events: padded_logits(model, *data.batch(events)), targets, BATCH)


def test_gcn_stack_trains_faster_than_padded(benchmark):
    ours, padded = packed_rate("gcn_stack"), padded_rate(padded_data(build_model("gcn_stack", PDG_MAP)))
    ours = max(ours, packed_rate("gcn_stack"))  # before and after, should the machine be busy
    benchmark.pedantic(lambda: train_packed(build_model("gcn_stack", PDG_MAP)), rounds=1)
    report(benchmark, "training gcn_stack", ours, padded)
    assert ours > padded


def test_gcn_stack_scores_faster_than_padded(benchmark):
    model = build_model("gcn_stack", PDG_MAP).eval()
    data = padded_data(model)

    def padded() -> None:
        with torch.inference_mode():
            for begin in range(0, 2048, BATCH):
                padded_logits(model, *data.batch(np.arange(begin, begin + BATCH)))

    score(model, EVENTS)
    ours, theirs = rate(lambda: score(model, EVENTS), len(EVENTS)), rate(padded, 2048)
    benchmark.pedantic(lambda: score(model, EVENTS), rounds=ROUNDS)
    report(benchmark, "scoring gcn_stack", ours, theirs)
    assert ours > theirs


def test_the_transformer_trains_faster_than_padded(benchmark):
    model = build_model("transformer", PDG_MAP)
    padded, data, targets = (
        PaddedTransformer(model).train(),
        padded_data(model),
        torch.from_numpy(LABELS).float(),
    )
    optimizer = torch.optim.Adam(padded.parameters(), lr=1e-3)
    ours = packed_rate("transformer")
    theirs = training_rate(optimizer, lambda events: padded(*data.particles(events)), targets, BATCH)
    ours = max(ours, packed_rate("transformer"))  # before and after, should the machine be busy
    benchmark.pedantic(lambda: train_packed(build_model("transformer", PDG_MAP)), rounds=1)
    report(benchmark, "training transformer", ours, theirs)
    assert ours > theirs


def test_the_transformer_scores_faster_than_padded(benchmark):
    model = build_model("transformer", PDG_MAP).eval()
    padded, data = PaddedTransformer(model).eval(), padded_data(model)

    def padded_once() -> None:
        with torch.inference_mode():
            for begin in range(0, 2048, BATCH):
                padded(*data.particles(np.arange(begin, begin + BATCH)))

    with torch.inference_mode():
        logits = padded(*data.particles(np.arange(64)))
    np.testing.assert_allclose(torch.sigmoid(logits), score(model, EVENTS[:64]), atol=1e-5)
    ours, theirs = rate(lambda: score(model, EVENTS), len(EVENTS)), rate(padded_once, 2048)
    benchmark.pedantic(lambda: score(model, EVENTS), rounds=ROUNDS)
    report(benchmark, "scoring transformer", ours, theirs)
    assert ours > theirs


@pytest.mark.parametrize("name", recipes("decay_trees"))
def test_speed_of_every_model(benchmark, name):
    training = packed_rate(name)
    model = build_model(name, PDG_MAP)
    score(model, EVENTS[:512])
    benchmark.pedantic(lambda: score(model, EVENTS), rounds=ROUNDS)
    scoring = len(EVENTS) / benchmark.stats.stats.min
    benchmark.extra_info.update(train_events_per_s=round(training), score_events_per_s=round(scoring))
    print(f"\n{name}: training {training:.0f} events/s, scoring {scoring:.0f} events/s")


def test_reading_and_preparing_sixty_thousand_events(benchmark, tmp_path):
    events = random_events(60_000, seed=12)
    write_parquet(events, tmp_path / "events.parquet")
    model = build_model("gcn_stack", PDG_MAP)
    benchmark.pedantic(lambda: model.prepare(read_parquet(tmp_path / "events.parquet")), rounds=ROUNDS)
    print(f"\nreading and preparing 60 000 events: {benchmark.stats.stats.min:.2f} s")


@pytest.mark.parametrize("fabric", [False, True])
def test_overhead_of_lightning_fabric_per_step(benchmark, fabric):
    from lightning.fabric import Fabric

    model = build_model("deep_sets", PDG_MAP).train()
    data, targets = model.prepare(EVENTS), torch.from_numpy(LABELS).float()
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    network, step, backward = model, optimizer, Tensor.backward
    if fabric:
        lightning = Fabric(accelerator="cpu", devices=1)
        network, step = lightning.setup(model, optimizer)
        backward = lightning.backward
    events = torch.arange(BATCH)

    def one_step(network: nn.Module = network) -> None:
        loss = functional.binary_cross_entropy_with_logits(network(data.batch(events)), targets[:BATCH])
        step.zero_grad()
        backward(loss)
        step.step()

    benchmark.pedantic(one_step, rounds=50, iterations=5, warmup_rounds=5)
