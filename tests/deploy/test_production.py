"""Production in shards: nothing lost, nothing doubled, the same events whoever makes them."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepsets.cli import main as cli
from hepsets.core.config import from_mapping
from hepsets.core.errors import InputError
from hepsets.core.events import Events, read_parquet
from hepsets.core.pdg import PdgMap
from hepsets.deploy import production, scale_out
from hepsets.deploy.filter.card import FilterCard, SkimCard, TrainingDomain
from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings
from hepsets.deploy.onnx.decay_trees import export_filter
from hepsets.deploy.production import (
    Counts,
    FilterConfig,
    ProduceConfig,
    Summary,
    make_shard,
    make_shards,
    merge,
    produce,
    shards,
)
from hepsets.evaluate.filter.keep_rule import KeepRule, LogisticRule
from hepsets.generate.blocks import BLOCK_EVENTS
from hepsets.generate.pythia import GenerateConfig, generate
from hepsets.learn.decay_trees.recipe import build_model
from hepsets.select.skims.registry import run_skims

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
LocalCluster, Security = distributed.LocalCluster, distributed.Security
pytest.importorskip("pythia8mc")

CONFIG = ProduceConfig(events=11_200, shard_events=5000, seed=3, skims=("hadronic_b0", "hadronic_bplus"))


@pytest.fixture(scope="module")
def unsharded():
    """All events of ``CONFIG`` with their labels, made in this process without shards."""
    events = Events.concatenate(list(generate(GenerateConfig(CONFIG.sample, CONFIG.events, CONFIG.seed))))
    numbers = np.arange(CONFIG.events)
    labels = run_skims(events, CONFIG.skims, seed=CONFIG.seed, event_numbers=numbers)
    columns = {f"label_{name}": label for name, label in labels.items()}
    return events.with_columns(event_number=numbers, **columns, label=labels["hadronic_b0"])


@pytest.fixture(scope="module")
def client():
    """Workers of a scheduler that somebody else started, without TLS."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        scale_out.connect(cluster.scheduler_address, 2) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def produced(tmp_path_factory, client):
    """A production of ``CONFIG`` by two workers of a scheduler that runs already."""
    folder = tmp_path_factory.mktemp("produced") / "mixed"
    return folder, produce(CONFIG, folder, scheduler=client.scheduler.address)


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


def stamps(folder):
    """When each finished file of the shards was written."""
    return {path.name: path.stat().st_mtime_ns for path in sorted(folder.glob("[!.]*.*"))}


def rows(path, like):
    """The table in a file, its list elements named as in memory."""
    return pq.read_table(path).cast(like.schema)


def test_the_merged_sample_is_that_of_one_process_without_shards(produced, unsharded):
    folder, _ = produced
    passes = unsharded.columns["label_hadronic_b0"] | unsharded.columns["label_hadronic_bplus"]
    expected = unsharded[passes].to_arrow()
    assert rows(folder / "events.parquet", expected).equals(expected)


def test_the_summary_counts_every_generated_event_once(produced, unsharded):
    folder, summary = produced
    assert summary == Summary.read(folder / "summary.json")
    assert summary.counts.generated == CONFIG.events
    for name in CONFIG.skims:
        passing = int(unsharded.columns[f"label_{name}"].sum())
        assert summary.counts.skims[name].passing == passing
        assert summary.retention[name].value == passing / CONFIG.events
        assert summary.retention[name].se == pytest.approx(np.sqrt(passing) / CONFIG.events, rel=0.05)
    assert summary.counts.written == len(read_parquet(folder / "events.parquet"))
    assert sorted(path.name for path in folder.iterdir()) == ["config.toml", "events.parquet", "summary.json"]


def test_one_worker_writes_the_same_bytes_as_two(produced, tmp_path):
    produce(CONFIG, tmp_path / "one", scheduler="local", workers=1)
    two = (produced[0] / "events.parquet").read_bytes()
    assert (tmp_path / "one" / "events.parquet").read_bytes() == two


def test_all_simulated_events_can_be_kept_in_shards_of_any_size(unsharded, tmp_path, client):
    config = ProduceConfig(
        events=CONFIG.events, seed=CONFIG.seed, skims=CONFIG.skims, keep="simulated", shard_events=10_000
    )
    produce(config, tmp_path / "all", scheduler=client.scheduler.address)
    expected = unsharded.to_arrow()
    assert rows(tmp_path / "all" / "events.parquet", expected).equals(expected)


def test_a_worker_killed_in_the_middle_loses_nothing_and_doubles_nothing(tmp_path):
    config = ProduceConfig(events=20_000, shard_events=5000, seed=3)
    with scale_out.connect("local", 2) as client:
        (tmp_path / "shards").mkdir()
        processes = client.run(os.getpid)
        making = threading.Thread(target=make_shards, args=(config, tmp_path / "shards", client))
        making.start()
        wait_for(lambda: len(list((tmp_path / "shards").glob("*.json"))) >= 1)
        busy = [worker for worker, tasks in client.processing().items() if tasks]
        os.kill(processes[busy[0]], signal.SIGKILL)
        before = stamps(tmp_path / "shards")
        making.join(timeout=120)
        assert not making.is_alive()
        assert processes[busy[0]] not in client.run(os.getpid).values()
    receipts = {name: stamp for name, stamp in before.items() if name.endswith(".json")}
    after = stamps(tmp_path / "shards")
    assert 0 < len(receipts) < 4
    assert receipts == {name: after[name] for name in receipts}
    merged = merge(config, tmp_path / "shards", tmp_path / "killed.parquet")
    (tmp_path / "calm").mkdir()
    for shard in shards(config, tmp_path / "calm"):
        make_shard(shard)
    calm = merge(config, tmp_path / "calm", tmp_path / "calm.parquet")
    assert merged.counts == calm.counts
    assert merged.counts.generated == 20_000
    numbers = read_parquet(tmp_path / "killed.parquet").columns["event_number"]
    assert len(np.unique(numbers)) == len(numbers)
    assert (tmp_path / "killed.parquet").read_bytes() == (tmp_path / "calm.parquet").read_bytes()


def test_a_run_that_was_killed_goes_on_where_it_was(produced, tmp_path, client):
    folder = tmp_path / "run"
    values = [
        f"--set={key}={value}" for key, value in (("events", 11200), ("shard_events", 5000), ("seed", 3))
    ]
    (tmp_path / "config.toml").write_text('skims = ["hadronic_b0", "hadronic_bplus"]\n')
    command = [
        sys.executable,
        "-c",
        "from hepsets.cli.main import main; main()",
        "produce",
        tmp_path / "config.toml",
    ]
    run = subprocess.Popen([*command, "--workers", "1", "--out", folder, *values], stderr=subprocess.PIPE)
    wait_for(lambda: (folder / "shards" / "000000.json").is_file())
    run.kill()
    _, err = run.communicate()
    assert b"dashboard: http://127.0.0.1:" in err
    assert not (folder / "summary.json").exists()
    first = {name: stamp for name, stamp in stamps(folder / "shards").items() if name.startswith("000000")}
    make_shards(CONFIG, folder / "shards", client)
    assert first.items() <= stamps(folder / "shards").items()
    produce(CONFIG, folder, scheduler=client.scheduler.address)
    assert (folder / "events.parquet").read_bytes() == (produced[0] / "events.parquet").read_bytes()


def test_nobody_runs_code_in_the_workers_of_another(tmp_path):
    with scale_out.connect("local", 1) as client:
        address = client.scheduler.address
        assert address.startswith("tls://127.0.0.1:")
        assert client.dashboard_link.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(client.dashboard_link, timeout=30) as page:
            assert b"bokeh" in page.read().lower()
        workers = client.scheduler_info()["workers"]
        assert all(worker.startswith("tls://127.0.0.1:") for worker in workers)
        for target in (address, *workers):
            assert asyncio.run(answer(target, client.security))
            assert asyncio.run(answer(target, Security.temporary())) is None  # certificates of one's own
            assert asyncio.run(answer(target.replace("tls", "tcp"), Security())) is None  # none


async def answer(address, security):
    """What a node of Dask says to somebody who connects to it; nothing if it does not talk to them."""
    try:
        arguments = security.get_connection_args("client")
        comm = await distributed.comm.connect(address, timeout=2, **arguments)
        await comm.write({"op": "identity", "reply": True})
        said = await asyncio.wait_for(comm.read(), 2)
        await comm.close()
    except (OSError, TimeoutError, RuntimeError):
        return None
    return said


def test_certificates_of_batch_jobs_are_read_by_their_owner_alone(tmp_path, monkeypatch):
    pytest.importorskip("dask_jobqueue")
    put_stand_ins("slurm", tmp_path / "bin", monkeypatch)
    folder = tmp_path / "run"
    with dask.config.set({"jobqueue.slurm.interface": "lo"}), scale_out.connect("slurm", 1, folder) as client:
        assert client.scheduler.address.startswith("tls://")
        assert client.dashboard_link.startswith("http://127.0.0.1:")
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert len(files) == 7
        assert {stat.S_IMODE(path.parent.stat().st_mode) for path in files} == {0o700}
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        assert client.submit(os.getpid).result(timeout=60) != os.getpid()
    assert not any(folder.iterdir())
    with pytest.raises(InputError, match="letters"), scale_out.connect("slurm", 1, tmp_path / "a b"):
        pass


def test_a_finished_production_is_left_alone(produced, monkeypatch):
    folder, summary = produced
    before = stamps(folder)
    monkeypatch.setattr(scale_out, "connect", None)  # nobody asks for workers
    assert produce(CONFIG, folder) == summary
    assert stamps(folder) == before


def test_a_shard_that_is_damaged_or_of_another_production_is_made_again(tmp_path):
    config = ProduceConfig(events=300)
    (shard,) = shards(config, tmp_path)
    receipt = make_shard(shard)
    assert shard.finished() == receipt
    assert shards(ProduceConfig(events=300, seed=2), tmp_path)[0].finished() is None
    content = shard.events_file.read_bytes()
    shard.events_file.write_bytes(content[:-50])
    assert shard.finished() is None
    with pytest.raises(InputError, match="not whole"):
        merge(config, tmp_path, tmp_path / "merged.parquet")
    assert not (tmp_path / "merged.parquet").exists()
    make_shard(shard)
    assert shard.events_file.read_bytes() == content
    shard.receipt_file.write_text("{")
    assert shard.finished() is None


def test_a_shard_without_passing_events_is_whole_too(tmp_path):
    config = ProduceConfig(sample="uubar", events=3)
    (shard,) = shards(config, tmp_path)
    assert make_shard(shard).counts.written == 0
    assert shard.finished().counts.generated == 3
    assert merge(config, tmp_path, tmp_path / "merged.parquet").counts.written == 0
    assert pq.read_table(tmp_path / "merged.parquet").num_rows == 0


@given(events=st.integers(1, 200_000), blocks=st.integers(1, 7))
def test_the_blocks_of_all_shards_are_those_of_the_generator(events, blocks):
    config = ProduceConfig(events=events, shard_events=blocks * BLOCK_EVENTS)
    found = [block for shard in shards(config, Path("shards")) for block in shard.blocks()]
    starts = range(0, events, BLOCK_EVENTS)
    assert found == [(i, min(BLOCK_EVENTS, events - start)) for i, start in enumerate(starts)]


def test_two_runs_do_not_work_in_one_folder(tmp_path, client):
    folder = tmp_path / "run"
    with (
        production._only_run(folder, folder / "shards"),
        pytest.raises(InputError, match="another run is at work"),
    ):
        produce(CONFIG, folder, scheduler=client.scheduler.address)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_kernels_cannot_hold_is_refused(seed):
    with pytest.raises(InputError, match="seed"):
        from_mapping(ProduceConfig, {"seed": seed})


def test_a_folder_with_something_else_in_it_is_not_touched(tmp_path, produced):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds no production"):
        produce(CONFIG, tmp_path)
    with pytest.raises(InputError, match="another configuration"):
        produce(ProduceConfig(seed=4), produced[0])
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("config", "scheduler", "message"),
    [
        (ProduceConfig(sample="muons"), "local", "one of mixed"),
        (ProduceConfig(skims=("no_skim",)), "local", "out of hadronic_b0"),
        (ProduceConfig(skims=("hadronic_b0", "hadronic_b0")), "local", "each once"),
        (ProduceConfig(filter=FilterConfig(floor=0.1)), "local", "but no filter"),
        (
            ProduceConfig(filter=FilterConfig(model="hadronic_b0", threshold=0.5)),
            "local",
            "a threshold in mode importance",
        ),
        (CONFIG, "cloud", "local, tls://HOST:PORT, tcp://HOST:PORT or one of slurm, htcondor"),
        (CONFIG, "tcp://", "tcp://HOST:PORT"),
        (CONFIG, "tcp://127.0.0.1:none", "tcp://HOST:PORT"),
        (CONFIG, "tcp://127.0.0.1:70000", "no answer"),
        (CONFIG, "tcp://no.such.host:8786", "no answer"),
        (CONFIG, "tcp://127.0.0.1:1", "no answer"),
    ],
)
def test_what_cannot_be_produced_is_said_and_leaves_nothing(
    config, scheduler, message, tmp_path, monkeypatch
):
    monkeypatch.setattr(scale_out, "CONNECT_SECONDS", 0.3)
    with pytest.raises(InputError, match=message):
        produce(config, tmp_path / "run", scheduler=scheduler)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("setting", "scheduler", "message"),
    [
        ("event=5", "local", "did you mean 'events'"),
        ("events=0", "local", "greater than or equal to 1"),
        ("shard_events=7000", "local", "multiple of 5000"),
        ("skims=[]", "local", "skims"),
        ("filter.model=none.onnx", "local", "none.onnx"),
        ("filter.mode=guess", "local", "filter.mode"),
        ("events=5", "tcp://127.0.0.1:1", "no answer from the scheduler tcp://127.0.0.1:1"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(
    setting, scheduler, message, tmp_path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    Path("mixed.toml").write_text('sample = "mixed"')
    arguments = ["produce", "mixed.toml", "--scheduler", scheduler, "--set", setting]
    monkeypatch.setattr(sys, "argv", ["hepsets", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    out, err = capfd.readouterr()
    assert stop.value.code == 2
    assert message in err
    assert err.count("\n") == 1
    assert not out
    assert [path.name for path in tmp_path.iterdir()] == ["mixed.toml"]


def test_an_error_of_a_worker_reaches_the_user(tmp_path, client):
    with pytest.raises(InputError, match="sees no folder"):
        make_shards(CONFIG, tmp_path / "elsewhere", client)


def test_workers_that_die_at_their_start_are_one_line_and_leave_nothing(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mixed.toml").write_text('sample = "mixed"')
    monkeypatch.setattr(sys, "argv", ["hepsets", "produce", "mixed.toml", "--workers", "1"])
    with (
        dask.config.set({"distributed.worker.preload": ["import os; os._exit(1)"]}),
        pytest.raises(SystemExit) as stop,
    ):
        cli.main()
    out, err = capfd.readouterr()
    assert (stop.value.code, out, err.count("\n")) == (2, "", 1)
    assert "workers that do not start on this machine (Nanny failed to start" in err
    assert [path.name for path in tmp_path.iterdir()] == ["mixed.toml"]


STAND_INS = {
    "slurm": {
        "sbatch": """
            script=$(cat "$1")
            setsid sh -c "$script" >/dev/null 2>&1 & echo "Submitted batch job $!"
        """,
        "scancel": 'kill -- "-$1"',
    },
    "htcondor": {
        # the one line  Arguments = "-c '…'"  with the quotes inside doubled
        "condor_submit": r"""
            command=$(sed -n "s/^Arguments = \"-c '\(.*\)'\"$/\1/p" "$1" | sed "s/''/'/g; s/\"\"/\"/g")
            setsid sh -c "$command" >/dev/null 2>&1 & echo "1 job(s) submitted to cluster $!."
        """,
        "condor_rm": 'kill -- "-${1%.0}"',
    },
}
"""Commands that run jobs at once on this machine, in place of a batch system's."""


def put_stand_ins(scheduler, folder, monkeypatch):
    folder.mkdir()
    for name, script in STAND_INS[scheduler].items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize("scheduler", STAND_INS)
def test_batch_jobs_make_the_same_sample(scheduler, produced, tmp_path, monkeypatch):
    pytest.importorskip("dask_jobqueue")
    put_stand_ins(scheduler, tmp_path / "bin", monkeypatch)
    with dask.config.set({f"jobqueue.{scheduler}.interface": "lo"}):
        produce(CONFIG, tmp_path / "run", scheduler=scheduler, workers=2)
    assert (tmp_path / "run" / "events.parquet").read_bytes() == (produced[0] / "events.parquet").read_bytes()


@pytest.mark.parametrize("scheduler", STAND_INS)
def test_a_machine_without_the_batch_system_is_no_place_to_submit(scheduler, tmp_path, monkeypatch):
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=f"submits jobs to {scheduler}"):
        produce(CONFIG, tmp_path / "run", scheduler=scheduler)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def filtered(tmp_path_factory, unsharded, client):
    """A production behind an untrained filter that knows such events."""
    folder = tmp_path_factory.mktemp("filtered")
    seen = unsharded[:1000]
    model = build_model("deep_sets_pdg", PdgMap.fit(seen.particles["pdg"]), heads=2, units=8)
    model.fit_scaler(model.prepare(seen).features)
    rules = KeepRule(1.5, 0.05, 0.5, 0.05), LogisticRule(-0.5, 0.02), 0.5
    skims = tuple(SkimCard(name, *rules) for name in ("hadronic_b0", "jpsi"))
    card = FilterCard("deep_sets_pdg", "mixed", skims, TrainingDomain.of(seen))
    export_filter(model.eval(), card, folder / "filter.onnx", seen[:50])
    config = ProduceConfig(
        events=CONFIG.events,
        seed=CONFIG.seed,
        shard_events=5000,
        skims=("jpsi", "hadronic_b0"),
        keep="simulated",
        filter=FilterConfig(folder / "filter.onnx"),
    )
    return config, folder / "run", produce(config, folder / "run", scheduler=client.scheduler.address)


def test_the_filter_decides_and_the_detector_answers_as_without_shards(filtered, unsharded):
    config, folder, summary = filtered
    keep = EventFilter.load(config.filter.model)
    decision = keep.decide(
        unsharded, FilterSettings(seed=config.seed), event_numbers=np.arange(len(unsharded))
    )
    kept = (decision.weights > 0).any(axis=1)
    assert 0.05 < kept.mean() < 0.95
    assert summary.counts.simulated == kept.sum()
    found = read_parquet(folder / "events.parquet")
    assert np.array_equal(found.columns["event_number"], np.flatnonzero(kept))
    for i, name in enumerate(keep.skims):
        assert np.allclose(found.columns[f"weight_{name}"], decision.weights[kept, i])
    assert np.array_equal(found.columns["label_hadronic_b0"], unsharded.columns["label_hadronic_b0"][kept])
    assert np.array_equal(found.columns["weight"], found.columns[f"weight_{config.skims[0]}"])
    assert summary.counts.outside == decision.strange.outside.sum()


def test_weights_keep_the_retention_unbiased(filtered, produced):
    _, _, summary = filtered
    with_filter = summary.retention["hadronic_b0"]
    without = produced[1].retention["hadronic_b0"]
    assert with_filter.se > without.se
    assert abs(with_filter.value - without.value) < 4 * np.sqrt(with_filter.se**2 - without.se**2)


def test_the_error_of_a_weighted_retention_is_that_of_a_mean():
    rng = np.random.default_rng(1)
    p = rng.uniform(0.2, 1.0, 5000)
    weight = np.where(rng.random(5000) < p, 1 / p, 0.0)
    passing = rng.random(5000) < 0.3
    found = weight[passing & (weight > 0)]
    counts = Counts(5000, 5000, 0, 0, {"skim": production._count(found)})
    each = np.where(passing, weight, 0.0)
    assert counts.retention("skim").value == pytest.approx(each.mean())
    assert counts.retention("skim").se == pytest.approx(each.std() / np.sqrt(5000))


def test_another_filter_does_not_go_on_with_the_production(filtered, tmp_path):
    from helpers.small_filter import small_filter

    config, _, _ = filtered
    model = tmp_path / "filter.onnx"
    model.write_bytes(config.filter.model.read_bytes())
    (tmp_path / "shards").mkdir()
    config = ProduceConfig(skims=config.skims, filter=FilterConfig(model))
    production._bring_filter(config, tmp_path / "shards")
    production._bring_filter(config, tmp_path / "shards")
    model.write_bytes(small_filter(1).read_bytes())
    with pytest.raises(InputError, match="not the filter"):
        production._bring_filter(config, tmp_path / "shards")
    with pytest.raises(InputError, match="skims that the filter knows: hadronic_b0"):
        production.check_config(config)
    model.write_bytes(b"noise")
    with pytest.raises(InputError):
        production.check_config(config)
    with pytest.raises(InputError):
        production.check_config(ProduceConfig(filter=FilterConfig(floor=2.0)))
