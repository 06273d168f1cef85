"""Events per second that models of sets train on and score, beside a padded reference in one process.

The reference does what is usually done: each batch is filled into rectangles as long as the set's cap,
event by event, and the networks run over the empty places, too.

Run with ``pytest benchmarks/test_set_models.py -s`` on an idle machine; ``-s`` shows the table.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from helpers.random_candidates import random_candidates
from rates import ROUNDS, rate, report, training_rate
from torch import Tensor

from hepsets.learn.particle_sets.model import SetModel
from hepsets.learn.particle_sets.multi_deep_sets import TYPICAL_MULTIPLICITY
from hepsets.learn.particle_sets.recipe import build_set_model
from hepsets.learn.registry import recipes
from hepsets.learn.tables.boosted_trees import BoostedTreesConfig, fit_trees
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import score
from hepsets.select.variables.continuum import VARIABLES

EVENTS = random_candidates(8192, seed=11, mean_particles=17)  # as many as events with a hadronic tag have
LABELS = EVENTS.columns["label"]
BATCH = 256


def packed_rate(name: str, **options: object) -> float:
    """Best training speed of some fits, in events per second."""
    config = FitConfig(epochs=2, batch=BATCH, device="cpu")
    results = [fit(build_set_model(name, **options), EVENTS, LABELS, config=config) for _ in range(2)]
    n = len(results[0].train_indices)
    return max(n / record.train_seconds for result in results for record in result.history)


class Padded:
    """MultiDeepSets with fusion after pooling on rectangles."""

    def __init__(self, model: SetModel) -> None:
        self.model = model
        data = model.prepare(EVENTS)
        # one array per event and set, as such a data set would hand them out
        self.events = [
            [
                one.features[begin:end].numpy()
                for begin, end in zip(one.offsets[:-1], one.offsets[1:], strict=True)
            ]
            for one in data.sets
        ]

    def batch(self, events: np.ndarray) -> list[tuple[Tensor, Tensor]]:
        """Per set features ``(n_events, cap, n_features)`` and which places are real."""
        result = []
        for spec, arrays in zip(self.model.sets, self.events, strict=True):
            length = spec.cap or max(1, *(len(arrays[event]) for event in events))
            rectangle = np.zeros((len(events), length, len(spec.features)), np.float32)
            real = np.zeros((len(events), length, 1), np.float32)
            for row, event in enumerate(events):
                own = arrays[event]
                rectangle[row, : len(own)], real[row, : len(own)] = own, 1
            result.append((torch.from_numpy(rectangle), torch.from_numpy(real)))
        return result

    def logits(self, events: np.ndarray) -> Tensor:
        """Logits ``(n_events, 1)``."""
        network, parts = self.model.network, []
        for (x, real), scaler, phi in zip(
            self.batch(events), self.model.scalers, network.per_particle, strict=True
        ):
            total = (phi(scaler(x)) * real).sum(1)
            parts += [total / real.sum(1).clamp(min=1), total / TYPICAL_MULTIPLICITY]
        return network.per_event(torch.cat(parts, dim=1))


def padded_rate(padded: Padded) -> float:
    optimizer = torch.optim.Adam(padded.model.train().parameters(), lr=1e-3)
    targets = torch.from_numpy(LABELS.astype(np.float32))[:, None]
    return training_rate(optimizer, padded.logits, targets, BATCH)


def test_multi_deep_sets_train_faster_than_padded(benchmark):
    # the reference turns no events: neither does the model here
    ours = packed_rate("multi_deep_sets", symmetries=False)
    padded = padded_rate(Padded(build_set_model("multi_deep_sets")))
    ours = max(ours, packed_rate("multi_deep_sets", symmetries=False))
    benchmark.pedantic(lambda: packed_rate("multi_deep_sets", symmetries=False), rounds=1)
    report(benchmark, "training multi_deep_sets", ours, padded)
    assert ours > padded


def test_multi_deep_sets_score_faster_than_padded(benchmark):
    model = build_set_model("multi_deep_sets").eval()
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
        padded.logits(some)[:, 0], model(data.batch(torch.from_numpy(some))), rtol=1e-4, atol=1e-5
    )
    packed_once()
    ours, theirs = rate(packed_once, len(EVENTS)), rate(padded_once, 2048)
    benchmark.pedantic(packed_once, rounds=ROUNDS)
    report(benchmark, "scoring multi_deep_sets, events prepared", ours, theirs)
    assert ours > theirs


@pytest.mark.parametrize("name", recipes("particle_sets"))
def test_speed_of_every_model_of_sets(benchmark, name):
    training = packed_rate(name)
    model = build_set_model(name)
    score(model, EVENTS[:512])
    benchmark.pedantic(lambda: score(model, EVENTS), rounds=ROUNDS)
    scoring = len(EVENTS) / benchmark.stats.stats.min
    benchmark.extra_info.update(train_events_per_s=round(training), score_events_per_s=round(scoring))
    print(f"\n{name}: training {training:.0f} events/s, preparing and scoring {scoring:.0f} events/s")


def test_speed_of_boosted_trees(benchmark):
    config = BoostedTreesConfig(trees=300, patience=300)
    begin = time.perf_counter()
    trees, result = fit_trees(EVENTS, LABELS, VARIABLES, config=config)
    seconds = time.perf_counter() - begin
    benchmark.pedantic(lambda: trees.score(EVENTS), rounds=ROUNDS)
    scoring = len(EVENTS) / benchmark.stats.stats.min
    print(
        f"\nbdt: {len(result.validation_losses)} trees on {len(result.train_indices)} events "
        f"in {seconds:.1f} s, scoring {scoring:.0f} events/s"
    )
