"""Cost of the filter per event: reading HepMC3 text, scoring, deciding; beside what Pythia takes.

Run with ``pytest benchmarks/test_filter.py -s`` on an idle machine.
"""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from helpers.hepmc_text import hepmc_text

from hepsets.core.event_content import event_keys
from hepsets.core.pdg import PdgMap
from hepsets.deploy.filter.card import make_card
from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings
from hepsets.deploy.filter.files import filter_files
from hepsets.deploy.onnx.decay_trees import export_filter
from hepsets.evaluate.filter.keep_rule import KeepRule, LogisticRule
from hepsets.formats.hepmc import HepmcBlock, read_hepmc
from hepsets.formats.hepmc_events import parse_hepmc
from hepsets.generate.pythia import generate_block
from hepsets.learn.decay_trees.recipe import build_model

N_EVENTS = 5000


@pytest.fixture(scope="module")
def events():
    return generate_block("mixed", 3, 0, N_EVENTS)


@pytest.fixture(scope="module")
def text(events):
    return hepmc_text(events)


@pytest.fixture(scope="module", params=["gcn_stack", "decay_sweep"])
def event_filter(request, events, tmp_path_factory):
    model = build_model(request.param, PdgMap.fit(events.particles["pdg"]))
    model.fit_scaler(model.prepare(events).features)
    card = make_card(
        request.param,
        events,
        sample="mixed",
        skim="hadronic_b0",
        rule=KeepRule(1.8, 0.02, 0.5, 0.05),
        logistic=LogisticRule(0.0, 0.02),
        threshold=0.5,
    )
    path = tmp_path_factory.mktemp("filter") / "filter.onnx"
    export_filter(model, card, path, events[:200])
    return EventFilter.load(path)


def told(benchmark, what: str) -> None:
    print(f"\n{what}: {1e6 * benchmark.stats.stats.min / N_EVENTS:.1f} µs per event")


def test_pythia_makes_the_events(benchmark):
    benchmark.pedantic(lambda: generate_block("mixed", 4, 0, N_EVENTS), rounds=3)
    told(benchmark, "generating")


def test_reading_hepmc(benchmark, text):
    def read():
        return [
            parse_hepmc(part, "text")
            for part in read_hepmc(io.BytesIO(text), "")
            if isinstance(part, HepmcBlock)
        ]

    benchmark.pedantic(read, rounds=5)
    told(benchmark, "reading HepMC3")


def test_scoring(benchmark, event_filter, events):
    benchmark.pedantic(lambda: event_filter.scores(events), rounds=5)
    told(benchmark, f"scoring, {event_filter.card.model}")


def test_scoring_one_event(benchmark, event_filter, events):
    one = events[:1]
    benchmark(lambda: event_filter.scores(one))
    print(f"\none event, {event_filter.card.model}: {1e6 * benchmark.stats.stats.median:.0f} µs")


def test_random_numbers(benchmark, events):
    numbers = np.arange(len(events))
    assert len(events.mothers)  # found once for everything
    benchmark.pedantic(lambda: event_keys(events, numbers), rounds=20)
    told(benchmark, "what random numbers are made of")


def test_deciding(benchmark, event_filter, events):
    benchmark.pedantic(lambda: event_filter.decide(events), rounds=5)
    told(benchmark, f"deciding, {event_filter.card.model}")


def test_hepmc_to_hepmc(benchmark, event_filter, text, tmp_path):
    (tmp_path / "in.hepmc").write_bytes(text)

    def work():
        filter_files(event_filter, [tmp_path / "in.hepmc"], tmp_path / "out.hepmc", FilterSettings())

    benchmark.pedantic(work, rounds=5)
    told(benchmark, f"HepMC3 to HepMC3, {event_filter.card.model}")


def test_start(benchmark, event_filter):
    """From the shell to the exit, with ten events."""
    ten = hepmc_text(generate_block("mixed", 3, 0, 10))
    command = [sys.executable, "-c", "from hepsets.cli.main import main; main()", "filter", "-", "--out", "-"]
    path = str(event_filter.model.path)

    def start():
        subprocess.run([*command, "--model", path], input=ten, capture_output=True, check=True)

    benchmark.pedantic(start, rounds=5)
    seconds = benchmark.stats.stats.min
    print(f"\nstart to end with ten events: {seconds:.2f} s")
    assert seconds < 1
