"""Throughput of a production on Dask: one worker against two."""

import itertools
import time

import pytest

from hepsets.deploy.production import ProduceConfig, make_shard, make_shards, shards
from hepsets.deploy.scale_out import connect

pytest.importorskip("distributed")
pytest.importorskip("pythia8mc")

CONFIG = ProduceConfig(events=60_000, shard_events=5000)
ROUNDS = 3


@pytest.fixture
def produce(tmp_path):
    """Seconds that a number of workers, warm ones, need for all shards of ``CONFIG``."""
    folders = (tmp_path / str(number) for number in itertools.count())

    def seconds(client):
        folder = next(folders)
        folder.mkdir()
        start = time.perf_counter()
        make_shards(CONFIG, folder, client)
        return time.perf_counter() - start

    def warm(client):
        """Every worker starts Pythia and loads the kernels."""
        for worker in client.scheduler_info(n_workers=-1)["workers"]:
            folder = next(folders)
            folder.mkdir()
            client.submit(make_shard, shards(ProduceConfig(events=500), folder)[0], workers=[worker]).result()

    def rounds(workers):
        with connect("local", workers) as client:
            warm(client)
            return [seconds(client) for _ in range(ROUNDS)]

    return rounds


def test_two_workers_give_1_8_times_the_throughput_of_one(benchmark, produce):
    times = {1: produce(1)}
    benchmark.pedantic(lambda: times.update({2: produce(2)}), rounds=1)
    best = {workers: min(seconds) for workers, seconds in times.items()}
    ratio = best[1] / best[2]
    benchmark.extra_info.update(
        events_per_s={workers: round(CONFIG.events / seconds) for workers, seconds in best.items()},
        ratio=ratio,
        seconds=times,
    )
    print(f"\nseconds for {CONFIG.events} events by workers: {times}; ratio of the best {ratio:.2f}")
    assert ratio >= 1.8
