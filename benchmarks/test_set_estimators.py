"""Seconds per training step of the three models of the ΔC9 study, published and at ``standard`` scale.

A step of the published image network or Deep Sets takes seconds on a laptop's core, so steps are timed on
fewer sets than a published batch has, and quoted per set.

Run with ``pytest benchmarks/test_set_estimators.py -s`` on an idle machine; ``-s`` shows the table.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from helpers.toy_decays import toy_decays
from torch import nn

from hepsets.learn.data_sets.deep_sets import DeepSetsNetwork, EventDeepSetsConfig, SetBatch
from hepsets.learn.data_sets.event_posterior import EventPosteriorConfig, PosteriorNetwork
from hepsets.learn.data_sets.image_cnn import ImageCnnConfig, ResNet34
from hepsets.represent.data_sets.pools import variable_matrix

ROUNDS = 3


def step_seconds(network: nn.Module, inputs: object) -> float:
    """Best time of a forward and a backward pass and Adam's step."""
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    best = np.inf
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        optimizer.zero_grad()
        network(inputs).square().mean().backward()
        optimizer.step()
        best = min(best, time.perf_counter() - begin)
    return best


@pytest.mark.parametrize("scale", ["standard", "full"])
@pytest.mark.parametrize("events", [8000, 32_000])
def test_deep_sets_step(benchmark, scale, events):
    config = EventDeepSetsConfig.at_scale(scale, events)
    network = DeepSetsNetwork(config.event_widths, config.set_widths, float(events))
    features = torch.from_numpy(variable_matrix(toy_decays(2 * config.sampling.events, 0.0, seed=1)))
    batch = SetBatch(features, [config.sampling.events] * 2)
    seconds = benchmark.pedantic(lambda: step_seconds(network, batch), rounds=1) / 2
    benchmark.extra_info.update(seconds_per_set=seconds)
    print(
        f"\ndeep_sets at {scale}, {config.sampling.events} events: {1e3 * seconds:.1f} ms per set, "
        f"{seconds * config.fit.batch:.2f} s per step of {config.fit.batch} sets"
    )


@pytest.mark.parametrize("scale", ["standard", "full"])
def test_cnn_step(benchmark, scale):
    config = ImageCnnConfig.at_scale(scale, 8000)
    network = ResNet34(config.channels, config.dense, config.dropout)
    images = torch.randn(4, *[config.bins] * 3)
    seconds = benchmark.pedantic(lambda: step_seconds(network, images), rounds=1) / 4
    benchmark.extra_info.update(seconds_per_image=seconds)
    print(
        f"\ncnn at {scale}: {1e3 * seconds:.1f} ms per image of {config.bins}³, "
        f"{seconds * config.fit.batch:.2f} s per step of {config.fit.batch}"
    )


def test_event_by_event_step(benchmark):
    config = EventPosteriorConfig.at_scale("full")
    network = PosteriorNetwork(config.widths, 44)
    events = torch.from_numpy(variable_matrix(toy_decays(8192, 0.0, seed=1)))
    seconds = benchmark.pedantic(lambda: step_seconds(network, events), rounds=1)
    benchmark.extra_info.update(seconds_per_step=seconds)
    print(f"\nevent_by_event: {1e3 * seconds:.1f} ms per step of 8192 events")
