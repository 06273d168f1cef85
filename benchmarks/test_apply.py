"""Scores beside everything in a user's parquet file: how fast, beside what the filter decides on.

Run with ``pytest benchmarks/test_apply.py -s`` on an idle machine, one core: ``OMP_NUM_THREADS=1``.
"""

from __future__ import annotations

import time

import pytest

from hepsets.core.events import EventWriter, read_parquet
from hepsets.core.parquet import TableWriter, iter_row_groups
from hepsets.core.pdg import PdgMap
from hepsets.deploy.apply import apply_file
from hepsets.deploy.filter.card import TrainingDomain, make_card, save_card
from hepsets.deploy.filter.event_filter import EventFilter
from hepsets.deploy.scorers import find_scorer
from hepsets.evaluate.filter.keep_rule import KeepRule, LogisticRule
from hepsets.generate.pythia import generate_block
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.learn.files import save
from hepsets.learn.training.score import score

BLOCKS = 4


def per_event(work, events: int, rounds: int = 3) -> float:
    """Least processor time per event of some tries [µs]."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1e6 * min(times) / events


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("apply") / "events.parquet"
    with EventWriter(path) as writer:
        for block in range(BLOCKS):
            writer.write(generate_block("mixed", 3, block, 5000))
    return path


def test_apply_beside_the_filter(file):
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

    works = {
        "the filter decides": lambda: shipped.decide(events),
        "apply, parquet to parquet": lambda: apply_file(scorer, file, file.with_name("out.parquet")),
        "  reading": lambda: read_parquet(file),
        "  scores": lambda: score(model, events),
        "  domain": lambda: shipped.strange(events),
        "  writing": write,
    }
    print()
    for what, work in works.items():
        took = per_event(work, len(events))
        print(f"{what:28} {took:6.1f} µs per event, {1e6 / took:8.0f} events/s")
