"""What one core can do at best, and how near Pythia and trainings come to it: docs/performance.md.

Run with ``OMP_NUM_THREADS=1 pytest benchmarks/test_limits.py -s``; all is processor time of one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.flop_counter import FlopCounterMode

from hepsets.core.pdg import PdgMap
from hepsets.generate import pythia
from hepsets.generate.pythia import generate_block
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.training.kept_memory import keep_memory

BATCH = 256
MODELS = ("transformer", "decay_sweep", "gcn_stack", "deep_sets_gcn_pdg_normalized", "deep_sets")


def seconds(work: Callable[[], object], rounds: int = 7) -> tuple[float, float]:
    """Median and least processor time of some tries."""
    took = []
    for _ in range(rounds):
        begin = time.process_time()
        work()
        took.append(time.process_time() - begin)
    return float(np.median(took)), min(took)


def flop_rate() -> float:
    """Floating-point operations per second in single precision: a product of large matrices."""
    a = np.random.default_rng(1).normal(size=(1024, 1024)).astype(np.float32)
    out = np.empty_like(a)
    return 2 * len(a) ** 3 / seconds(lambda: np.matmul(a, a, out=out), 20)[1]


def bandwidth() -> float:
    """Bytes per second that a copy of much more than the cache reads and writes."""
    a = np.ones(2**26, np.float32)
    out = np.empty_like(a)
    return 2 * a.nbytes / seconds(lambda: np.copyto(out, a), 10)[1]


def test_the_core():
    print(f"\n{flop_rate() / 1e9:.0f} GFLOP/s in single precision, {bandwidth() / 1e9:.1f} GB/s copied")


def test_pythia_beside_what_is_done_around_it(monkeypatch):
    pytest.importorskip("pythia8mc")
    generate_block("mixed", 3, 0, 100)
    inside = 0.0
    decayer = pythia._decayer

    class Timed:
        def __init__(self, made):
            self.made = made

        def __getattr__(self, name):
            return getattr(self.made, name)

        def nextBatch(self, *what):  # noqa: N802 (Pythia's own name)
            nonlocal inside
            begin = time.process_time()
            try:
                return self.made.nextBatch(*what)
            finally:
                inside += time.process_time() - begin

    def timed(*what):
        made, *rest = decayer(*what)
        return (Timed(made), *rest)

    monkeypatch.setattr(pythia, "_decayer", timed)
    events, begin = 4000, time.process_time()
    generate_block("mixed", 3, 1, events)
    whole = time.process_time() - begin
    print(
        f"\ngenerating: {1e6 * whole / events:.0f} µs per event, of which Pythia's nextBatch "
        f"{1e6 * inside / events:.0f}, ratio {whole / inside:.2f}"
    )
    assert inside > 0


@pytest.mark.parametrize("name", MODELS)
def test_a_step_of_training_beside_the_floating_point_limit(name):
    pytest.importorskip("pythia8mc")
    keep_memory()  # as a fit does
    events = generate_block("mixed", 3, 2, BATCH)
    model = build_model(name, PdgMap.fit(events.particles["pdg"])).train()
    model.fit_scaler(model.prepare(events).features)
    batch, targets = model.prepare(events).slice(0, BATCH), torch.rand(BATCH)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)

    def step() -> None:
        optimizer.zero_grad()
        # what a batch works out once is worked out again
        again = type(batch)(batch.features, batch.tokens, batch.mothers, batch.offsets)
        binary_cross_entropy_with_logits(model(again), targets).backward()
        optimizer.step()

    step()
    with FlopCounterMode(display=False) as counter:
        step()
    median, least = seconds(step)
    limit = counter.get_total_flops() / flop_rate()
    print(
        f"\n{name}: {1e3 * median:.1f} ms per step of {BATCH} events (least {1e3 * least:.1f}), "
        f"{counter.get_total_flops() / 1e9:.2f} GFLOP: {1e3 * limit:.1f} ms, ratio {median / limit:.1f}"
    )
