"""Events per second: of anything, of a plain training loop, and the line that shows two beside each other."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

ROUNDS = 5


def training_rate(
    optimizer: torch.optim.Optimizer, logits: Callable[[np.ndarray], Tensor], targets: Tensor, batch: int
) -> float:
    """Best speed of eight steps, each on the events whose numbers ``logits`` is given."""
    best = 0.0
    for _ in range(ROUNDS):
        order = np.random.default_rng(1).permutation(len(targets))[: 8 * batch]
        begin = time.perf_counter()
        for events in np.split(order, 8):
            loss = functional.binary_cross_entropy_with_logits(logits(events), targets[events])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        best = max(best, len(order) / (time.perf_counter() - begin))
    return best


def rate(run: Callable[[], object], events: int) -> float:
    best = np.inf
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - begin)
    return events / best


def report(benchmark, what: str, ours: float, padded: float) -> None:
    benchmark.extra_info.update(events_per_s=round(ours), padded_events_per_s=round(padded))
    print(f"\n{what}: {ours:.0f} events/s, padded {padded:.0f}, ratio {ours / padded:.1f}")
