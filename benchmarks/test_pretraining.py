"""Events per second that the trunk's network trains on and scores, beside the same one on padded rectangles.

The reference does what is usually done: each batch is filled into rectangles as long as its longest event,
event by event, and attention runs over the empty places, too, masked. Weights and results are the same.

Run with ``pytest benchmarks/test_pretraining.py -s`` on an idle machine; ``-s`` shows the table.
"""

from __future__ import annotations

import numpy as np
import torch
from helpers.random_candidates import random_candidates
from rates import ROUNDS, rate, report, training_rate
from torch import Tensor
from torch.nn import functional

from hepsets.learn.layers.attention import EncoderLayer
from hepsets.learn.layers.set_encoder import TYPICAL_MULTIPLICITY
from hepsets.learn.particle_sets.model import SetModel
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit

EVENTS = random_candidates(4096, seed=11, mean_particles=17)  # as many as events with a hadronic tag have
LABELS = EVENTS.columns["label"]
BATCH = 256


def encoder() -> SetModel:
    """The network of a small trunk with a head."""
    return build_set_model("particle_encoder", units=32, layers=2, seed=1)


class Padded:
    """The same network on rectangles."""

    def __init__(self, model: SetModel) -> None:
        self.model = model
        self.events = [
            [
                one.features[begin:end].numpy()
                for begin, end in zip(one.offsets[:-1], one.offsets[1:], strict=True)
            ]
            for one in model.prepare(EVENTS).sets
        ]

    def batch(self, events: np.ndarray) -> list[tuple[Tensor, Tensor]]:
        """Per set features ``(n_events, longest, n_features)`` and which places are real."""
        found = []
        for spec, arrays in zip(self.model.sets, self.events, strict=True):
            longest = max(1, *(len(arrays[event]) for event in events))
            rectangle = np.zeros((len(events), longest, len(spec.features)), np.float32)
            real = np.zeros((len(events), longest), bool)
            for row, event in enumerate(events):
                own = arrays[event]
                rectangle[row, : len(own)], real[row, : len(own)] = own, True
            found.append((torch.from_numpy(rectangle), torch.from_numpy(real)))
        return found

    def logits(self, events: np.ndarray) -> Tensor:
        """Logits ``(n_events, 1)``."""
        network, sets = self.model.network, self.batch(events)
        scaled = [scaler(x) for scaler, (x, _) in zip(self.model.scalers, sets, strict=True)]
        x = torch.cat(network.inputs(scaled), dim=1)
        real = torch.cat([there for _, there in sets], dim=1)
        for layer in network.encoder.layers:
            x = attended(layer, x, real)
        there = real[:, :, None].float()
        total, count = (x * there).sum(1), there.sum(1).clamp(min=1)
        pooled = network.encoder.of_event(torch.cat([total / count, total / TYPICAL_MULTIPLICITY], dim=1))
        marks = [one[:, :, at : at + 1] for at, (one, _) in zip(network.marks, sets, strict=True)]
        mark = torch.cat(marks, dim=1) * there
        marked = (x * mark).sum(1) / mark.sum(1).clamp(min=1)
        return network.head(torch.cat([pooled, marked], dim=1))


def attended(layer: EncoderLayer, x: Tensor, real: Tensor) -> Tensor:
    """A layer on rectangles ``(n_events, longest, units)``."""
    n, longest, units = x.shape
    parts = layer.query_key_value(x).reshape(n, longest, 3, layer.heads, -1).permute(2, 0, 3, 1, 4)
    mixed = functional.scaled_dot_product_attention(*parts, attn_mask=real[:, None, None, :])
    mixed = layer.mix(mixed.transpose(1, 2).reshape(n, longest, units))
    x = layer.attention_norm(x + mixed)
    return layer.feed_forward_norm(x + layer.down(functional.relu(layer.up(x))))


def test_the_encoder_trains_faster_than_padded(benchmark):
    padded = Padded(encoder())
    optimizer = torch.optim.AdamW(padded.model.train().parameters(), lr=1e-3)
    targets = torch.from_numpy(LABELS.astype(np.float32))[:, None]
    theirs = training_rate(optimizer, padded.logits, targets, BATCH)
    config = FitConfig(epochs=3, batch=BATCH, device="cpu")
    result = benchmark.pedantic(lambda: fit(encoder(), EVENTS, LABELS, config=config), rounds=1)
    ours = max(len(result.train_indices) / record.train_seconds for record in result.history)
    report(benchmark, "training particle_encoder", ours, theirs)
    assert ours > theirs


def test_the_encoder_scores_faster_than_padded(benchmark):
    model = encoder().eval()
    padded, data = Padded(model), model.prepare(EVENTS)

    def packed_once() -> None:
        with torch.inference_mode():
            for batch in data.batches(BATCH):
                model(batch)

    def padded_once() -> None:
        with torch.inference_mode():
            for begin in range(0, 2048, BATCH):
                padded.logits(np.arange(begin, begin + BATCH))

    some = np.arange(64)
    torch.testing.assert_close(
        padded.logits(some)[:, 0], model(data.batch(torch.from_numpy(some))), rtol=1e-3, atol=1e-4
    )
    packed_once()
    ours, theirs = rate(packed_once, len(EVENTS)), rate(padded_once, 2048)
    benchmark.pedantic(packed_once, rounds=ROUNDS)
    report(benchmark, "scoring particle_encoder, events prepared", ours, theirs)
    assert ours > theirs
