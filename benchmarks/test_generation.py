"""Events per second of the generator, on one core, from nothing to a parquet file."""

import itertools

import pytest

from hepsets.core.events import EventWriter
from hepsets.generate.blocks import BLOCK_EVENTS
from hepsets.generate.pythia import SAMPLES, GenerateConfig, generate, generate_block


@pytest.mark.parametrize("sample", SAMPLES)
def test_generate_to_a_file(benchmark, tmp_path, sample):
    pytest.importorskip("pythia8mc")
    generate_block(sample, 1, 0, 10)  # Pythia starts once per process
    seeds = itertools.count(1)
    events = 2 * BLOCK_EVENTS

    def write():
        with EventWriter(tmp_path / "events.parquet") as writer:
            for block in generate(GenerateConfig(sample, events, next(seeds))):
                writer.write(block)

    benchmark.pedantic(write, rounds=5, iterations=1)
    benchmark.extra_info["events_per_s"] = round(events / benchmark.stats.stats.min)


def test_start_of_a_worker(benchmark):
    """Reading the decay table and initialising Pythia, once per process and sample."""
    pytest.importorskip("pythia8mc")
    from hepsets.generate import decay_table, pythia

    def start():
        decay_table.belle2_decay_table.cache_clear()
        pythia._decayer.cache_clear()
        pythia._decayer(511, False)

    benchmark.pedantic(start, rounds=3, iterations=1)
