"""Throughput of a production on Dask: one worker against two."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack

import pytest

from hepsets.deploy.production import ProduceConfig, make_shard, make_shards, shards
from hepsets.deploy.scale_out import connect

pytest.importorskip("distributed")
pytest.importorskip("pythia8mc")

CONFIG = ProduceConfig(events=60_000, shard_events=5000)
ROUNDS = 4


def warm(client, folder):
    """Every worker starts Pythia and loads the kernels."""
    for number, worker in enumerate(client.run(lambda: None)):
        place = folder / str(number)
        place.mkdir(parents=True)
        client.submit(make_shard, shards(ProduceConfig(events=500), place)[0], workers=[worker]).result()


def test_two_workers_give_1_8_times_the_throughput_of_one_or_what_the_machine_allows(benchmark, tmp_path):
    """By turns, so that whatever else the machine does meets both; two free cores are needed."""
    seconds = {1: [], 2: []}
    busy = {1: [], 2: []}

    def take_turns():
        for number in range(ROUNDS):
            for workers, client in clients.items():
                folder = tmp_path / f"{workers} {number}"
                folder.mkdir()
                start = time.perf_counter()
                make_shards(CONFIG, folder, client)
                seconds[workers].append(time.perf_counter() - start)
                working = sum(shard.finished().worker_seconds for shard in shards(CONFIG, folder))
                busy[workers].append(working / workers / seconds[workers][-1])

    plain = {1: [], 2: []}

    def without_dask(pools):
        """The same shards in as many processes, with nothing between them: what the machine itself allows."""
        for number in range(ROUNDS):
            for workers, pool in pools.items():
                folder = tmp_path / f"plain {workers} {number}"
                folder.mkdir()
                start = time.perf_counter()
                list(pool.map(make_shard, shards(CONFIG, folder)))
                plain[workers].append(time.perf_counter() - start)

    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        pools = {n: stack.enter_context(ProcessPoolExecutor(n, mp_context=context)) for n in (1, 2)}
        for workers, pool in pools.items():
            warm_up = tmp_path / f"warm plain {workers}"
            warm_up.mkdir()
            list(pool.map(make_shard, shards(ProduceConfig(events=20_000, shard_events=5000), warm_up)))
        without_dask(pools)
    with ExitStack() as stack:
        clients = {workers: stack.enter_context(connect("local", workers)) for workers in (1, 2)}
        for workers, client in clients.items():
            warm(client, tmp_path / f"warm {workers}")
        benchmark.pedantic(take_turns, rounds=1)
    rates = {workers: CONFIG.events / min(times) for workers, times in seconds.items()}
    ratio = rates[2] / rates[1]
    machine = min(plain[1]) / min(plain[2])
    print(f"\ntwo plain processes: {machine:.2f} times one ({CONFIG.events / min(plain[1]):.0f} events/s)")
    benchmark.extra_info.update(events_per_s=rates, ratio=ratio, seconds=seconds, busy=busy)
    print(f"\nevents/s {rates}, ratio {ratio:.2f}; seconds {seconds}; share of time at work {busy}")
    # two cores of a virtual machine may share more than they should: then its own limit counts
    assert ratio >= min(1.8, 0.95 * machine)
