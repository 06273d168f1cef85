"""Scores beside everything in a user's parquet file: how fast, beside what the filter decides on.

Run with ``OMP_NUM_THREADS=1 pytest benchmarks/test_apply.py -s``. All is processor time of one thread, the
median of rounds in which everything has its turn, so that neighbours on the machine disturb all alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from hepsets.core.events import Events, EventWriter, read_parquet
from hepsets.core.parquet import TableWriter, iter_row_groups
from hepsets.core.pdg import PdgMap
from hepsets.deploy.apply import apply_file
from hepsets.deploy.filter.card import TrainingDomain, make_card, save_card
from hepsets.deploy.filter.event_filter import EventFilter
from hepsets.deploy.scorers import find_scorer
from hepsets.evaluate.filter.keep_rule import KeepRule, LogisticRule
from hepsets.generate.pythia import generate_block
from hepsets.learn.decay_trees import decay_sweep
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.files import save
from hepsets.learn.training.score import score

BLOCKS = 2
ROUNDS = 7
REQUIRED = 3 * 12_800
"""Events per second that are asked for, on a core where the filter decided on 12 800."""


def per_event(works: Mapping[str, Callable[[], object]], events: int) -> dict[str, float]:
    """Median processor time per event [µs] of each, by turns."""
    took: dict[str, list[float]] = {what: [] for what in works}
    for _ in range(ROUNDS):
        for what, work in works.items():
            start = time.process_time()
            work()
            took[what].append(time.process_time() - start)
    return {what: 1e6 * float(np.median(each)) / events for what, each in took.items()}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("apply") / "events.parquet"
    with EventWriter(path) as writer:
        for block in range(BLOCKS):
            writer.write(generate_block("mixed", 3, block, 5000))
    return path


def test_apply_beside_the_filter(file, monkeypatch):
    events = read_parquet(file)
    model = build_model("decay_sweep", PdgMap.fit(events.particles["pdg"]))
    path = file.with_name("decay_sweep.safetensors")
    save(model, path)
    rules = KeepRule(1.8, 0.02, 0.5, 0.05), LogisticRule(0.0, 0.02)
    card = make_card(
        "decay_sweep", events, sample="mixed", skim="x", rule=rules[0], logistic=rules[1], threshold=0.5
    )
    assert isinstance(card.domain, TrainingDomain)
    save_card(card, file.with_name("decay_sweep.card.json"))
    scorer, shipped = find_scorer(path), EventFilter.load()
    tables = list(iter_row_groups(file))

    def write():
        with TableWriter(file.with_name("again.parquet")) as writer:
            for table in tables:
                writer.write_table(table)

    def as_written():
        with monkeypatch.context() as patch:
            patch.setattr(decay_sweep, "sum_of_particles", lambda *_: None)
            score(model, events)

    works = {
        "the filter decides": lambda: shipped.decide(events),
        "apply, parquet to parquet": lambda: apply_file(scorer, file, file.with_name("out.parquet")),
        "  reading": lambda: read_parquet(file),
        "  scores": lambda: score(model, events),
        "  scores, network as written": as_written,
        "  checks": lambda: Events(events.particles, events.offsets).validate(),
        "  domain": lambda: shipped.strange(events),
        "  writing": write,
    }
    print(f"\nthe last column: of {REQUIRED} events/s")
    for what, took in per_event(works, len(events)).items():
        print(f"{what:30} {took:6.1f} µs per event, {1e6 / took:8.0f} events/s, {1e6 / took / REQUIRED:.2f}")
