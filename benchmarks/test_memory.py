"""Peak memory of ``hepsets filter`` for few and for many events, through a pipe and from parquet.

Run with ``pytest benchmarks/test_memory.py -s``; it takes some minutes and two gigabytes of disk.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from helpers.hepmc_text import END, hepmc_text
from helpers.random_events import random_events

from hepsets.core.events import EventWriter
from hepsets.core.pdg import PdgMap
from hepsets.deploy.filter.card import make_card
from hepsets.deploy.onnx.decay_trees import export_filter
from hepsets.evaluate.filter.keep_rule import KeepRule, LogisticRule
from hepsets.learn.decay_trees.recipe import build_model

FEW, MANY = 100_000, 1_000_000
AT_MOST = 1.2
EVENTS = random_events(5000, seed=21)  # 41 particles per event; the files repeat them, renumbered
PEAK = (  # of a child process; a pipe's ends may live in processes of their own
    "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); sys.exit(code)"
)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    network = build_model("gcn_stack", PdgMap.fit(EVENTS.particles["pdg"]))
    rules = KeepRule(1.8, 0.02, 0.5, 0.05), LogisticRule(0.0, 0.02)
    card = make_card(
        "gcn_stack",
        EVENTS,
        sample="mixed",
        skim="hadronic_b0",
        rule=rules[0],
        logistic=rules[1],
        threshold=0.5,
    )
    path = tmp_path_factory.mktemp("filter") / "filter.onnx"
    export_filter(network, card, path, EVENTS[:200])
    return str(path)


def peak_megabytes(arguments: list[str], text: Iterable[bytes] = ()) -> float:
    """Peak resident memory of the command, which reads ``text`` from its standard input."""
    command = [sys.executable, "-c", "from hepsets.cli.main import main; main()", "filter", *arguments]
    with subprocess.Popen(
        [sys.executable, "-c", PEAK, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        for part in text:
            process.stdin.write(part)
        process.stdin.close()
        told = process.stderr.read().decode()
    assert process.returncode == 0, told
    return int(told.split()[-1]) / 1024


def listing(n_events: int) -> Iterator[bytes]:
    """HepMC3 text of that many events: the same ones again and again, with their own numbers."""
    text = hepmc_text(EVENTS[:1000])
    head, *events = text.removesuffix(END).split(b"\nE ")
    bodies = [event.removesuffix(b"\n").split(b" ", 1)[1] for event in events]
    yield head + b"\n"
    for begin in range(0, n_events, len(bodies)):
        yield b"".join(b"E %d %b\n" % (number, body) for number, body in enumerate(bodies, begin))
    yield END


def compared(benchmark, what: str, few: float, many: float) -> None:
    benchmark.extra_info.update(few_mb=few, many_mb=many)
    print(f"\n{what}: {few:.0f} MB for {FEW} events, {many:.0f} MB for {MANY}, ratio {many / few:.3f}")
    assert many <= AT_MOST * few


def test_memory_in_a_pipe(benchmark, model):
    def peak(n_events: int) -> float:
        return peak_megabytes(["-", "--out", "-", "--model", model], listing(n_events))

    few = peak(FEW)
    many = benchmark.pedantic(peak, args=(MANY,), rounds=1)
    compared(benchmark, "pipe", few, many)


def test_memory_from_parquet(benchmark, model, tmp_path):
    def peak(n_events: int) -> float:
        source = tmp_path / f"{n_events}.parquet"
        with EventWriter(source) as writer:
            for begin in range(0, n_events, len(EVENTS)):
                writer.write(EVENTS.with_columns(event_number=begin + np.arange(len(EVENTS))))
        return peak_megabytes([str(source), "--out", str(tmp_path / "kept.parquet"), "--model", model])

    few = peak(FEW)
    many = benchmark.pedantic(peak, args=(MANY,), rounds=1)
    compared(benchmark, "parquet", few, many)
