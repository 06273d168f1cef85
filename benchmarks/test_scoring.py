"""Scores per second and core in the deployed form, beside what the runtimes and the core can do at best.

Everything runs in one process on one thread, by turns, and is compared as ratios. Each slice of events
counts with the least time of many rounds, so that a busy machine disturbs little. Run with
``pytest benchmarks/test_scoring.py -s`` on an idle machine.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from threadpoolctl import threadpool_limits
from torch.utils.flop_counter import FlopCounterMode

from hepsets.core.events import Events
from hepsets.core.pdg import PdgMap
from hepsets.deploy.onnx.decay_trees import export_onnx
from hepsets.deploy.onnx.runtime import OnnxModel
from hepsets.generate.pythia import generate_block
from hepsets.learn.decay_trees.model import EventModel
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.represent.decay_trees.features import RAW_COLUMNS

N_EVENTS = 1024
SLICE = 1024
ROUNDS = 40
BATCHES = (16, 32, 64, 128)
EVENTS_PER_SECOND = 100_000
ONE_EVENT = 100e-6


@pytest.fixture(scope="module")
def events() -> Events:
    pytest.importorskip("pythia8mc")
    return generate_block("mixed", 3, 0, N_EVENTS)


@pytest.fixture(scope="module", params=["gcn_stack", "decay_sweep"])
def model(request, events) -> EventModel:
    model = build_model(request.param, PdgMap.fit(events.particles["pdg"]))
    model.fit_scaler(model.prepare(events).features)
    return model.eval()


Run = Callable[[], object]


def best(*runs: Run, rounds: int = ROUNDS) -> list[float]:
    """Least seconds of each, taken by turns so that all meet the same machine."""
    least = [np.inf] * len(runs)
    for _ in range(rounds):
        for place, run in enumerate(runs):
            begin = time.perf_counter()
            run()
            least[place] = min(least[place], time.perf_counter() - begin)
    return least


def deployed(model: OnnxModel, events: Events) -> Run:
    """From packed arrays to scores, as the filter does it."""
    return lambda: model.score(events)


def runtime_alone(session: onnxruntime.InferenceSession, events: Events, size: int) -> Run:
    """ONNX Runtime on the same graph from inputs made beforehand, without our own code around it."""
    raw = np.stack([events.particles[name] for name in RAW_COLUMNS], axis=1)
    made = []
    for begin in range(0, len(events), size):
        edges = events.offsets[begin : begin + size + 1]
        own = slice(edges[0], edges[-1])
        pdg, mothers = events.particles["pdg"][own].astype(np.int64), events.mothers[own] - edges[0]
        made.append({"particles": raw[own], "pdg": pdg, "mothers": mothers, "offsets": edges - edges[0]})
    return lambda: [session.run(["score"], inputs) for inputs in made]


def session(path: Path, *, optimised: bool = True) -> onnxruntime.InferenceSession:
    """One thread, with or without the runtime's own changes to the graph."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def torch_alone(model: EventModel, events: Events, size: int) -> Run:
    """PyTorch with our compiled loops, from batches made beforehand."""
    made = list(model.prepare(events).batches(size))

    def run() -> None:
        with torch.inference_mode():
            for batch in made:
                # what a batch works out once is worked out again
                torch.sigmoid(model(type(batch)(batch.features, batch.tokens, batch.mothers, batch.offsets)))

    return run


def peak_flops() -> float:
    """Floating-point operations per second of one core: numpy's best product of large matrices."""
    a = np.random.default_rng(1).normal(size=(512, 512)).astype(np.float32)
    out = np.empty_like(a)
    (seconds,) = best(lambda: np.matmul(a, a, out=out), rounds=400)
    return 2 * len(a) ** 3 / seconds


def flops_per_event(model: EventModel, events: Events) -> float:
    """Of the network's matrix products, as PyTorch counts them; tables per token left out."""
    data = model.prepare(events)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model(data.slice(0, len(events)))
    with FlopCounterMode(display=False) as constant, torch.inference_mode():
        model(data.slice(0, 0))
    return (counter.get_total_flops() - constant.get_total_flops()) / len(events)


def test_deployed_form_beside_the_runtimes_and_the_core(benchmark, model, events, tmp_path):
    path = tmp_path / "model.onnx"
    export_onnx(model, path)
    ours_loaded, theirs_loaded = OnnxModel(path, threads=1), session(path)
    not_optimised = session(path, optimised=False)
    seconds: dict[str, float] = defaultdict(float)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            for begin in range(0, len(events), SLICE):
                part = events[begin : begin + SLICE]
                runs = {
                    "deployed": deployed(ours_loaded, part),
                    "not optimised": runtime_alone(not_optimised, part, 32),
                    **{f"ONNX Runtime {size}": runtime_alone(theirs_loaded, part, size) for size in BATCHES},
                    **{f"PyTorch {size}": torch_alone(model, part, size) for size in BATCHES},
                }
                for name, least in zip(runs, best(*runs.values()), strict=True):
                    seconds[name] += least
            peak = peak_flops()
            one = events[:1]
            (alone,) = best(deployed(ours_loaded, one), rounds=2000)
            benchmark.pedantic(deployed(ours_loaded, events), rounds=3)
    finally:
        torch.set_num_threads(threads)
    ours = seconds["deployed"] / len(events)
    flops = flops_per_event(model, events)
    print(f"\n{model.name}: {1 / ours:.0f} events/s, one event {1e6 * alone:.0f} µs")
    for name in ("ONNX Runtime", "PyTorch"):
        size = min(BATCHES, key=lambda size: seconds[f"{name} {size}"])
        theirs = seconds[f"{name} {size}"] / len(events)
        print(f"{name} at its best batch size ({size}): {1e6 * theirs:.2f} µs, ratio {ours / theirs:.2f}")
    plain = seconds["not optimised"] / len(events)
    print(f"ONNX Runtime without its own optimisations: {1e6 * plain:.2f} µs, ratio {ours / plain:.2f}")
    limit = flops / peak
    print(
        f"floating-point limit: {flops / 1e3:.0f} kFLOP per event at {peak / 1e9:.0f} GFLOP/s are "
        f"{1e6 * limit:.2f} µs, ratio {ours / limit:.1f}"
    )
    benchmark.extra_info.update(
        events_per_s=round(1 / ours), one_event_us=1e6 * alone, flops=flops, peak_flops=peak, seconds=seconds
    )
    if model.name == "gcn_stack":
        assert 1 / ours >= EVENTS_PER_SECOND
    assert alone < ONE_EVENT
