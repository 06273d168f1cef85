import bz2
import gzip
import io
import lzma
import os
import re
import signal
import subprocess
import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import fake_basf2
from helpers.hepmc_text import BEGIN, END, hepmc_text
from helpers.small_filter import beam_events, small_filter
from hypothesis import given, settings
from hypothesis import strategies as st

from hepsets.core.compression import COMPRESSIONS, decompressed, zstd
from hepsets.core.errors import InputError
from hepsets.core.events import Events, read_parquet, write_parquet
from hepsets.deploy.filter import files as module
from hepsets.deploy.filter.basf2 import add_filter
from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings
from hepsets.deploy.filter.files import filter_files
from hepsets.deploy.production import FilterConfig, ProduceConfig, _filter_events
from hepsets.formats.hepmc import HepmcBlock, read_hepmc
from hepsets.formats.hepmc_events import parse_hepmc

EVENTS = beam_events(120, 5)
TEXT = hepmc_text(EVENTS)
HEPSETS = (sys.executable, "-c", "from hepsets.cli.main import main; main()")
EVENT = re.compile(rb"^E (\d+) .*?(?=^E |^HepMC)", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def one():
    return EventFilter.load(small_filter())


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "events.hepmc"
    path.write_bytes(TEXT)
    return path


def texts(listing: bytes) -> dict[int, bytes]:
    """The text of each event by its number."""
    return {int(match[1]): match[0] for match in EVENT.finditer(listing)}


def command(*arguments, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The command hepsets filter in a process of its own."""
    return subprocess.run(
        [*HEPSETS, "filter", "--model", str(small_filter()), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        check=False,
    )


# -- HepMC3 ------------------------------------------------------------------------------------------


def test_kept_events_pass_through_with_one_more_weight(one, text_file, tmp_path):
    summary = filter_files(one, [text_file], tmp_path / "kept.hepmc", FilterSettings())
    kept = (tmp_path / "kept.hepmc").read_bytes()
    assert kept.startswith(BEGIN + rb"W nominal\|hepsets_hadronic_b0\|weight_hadronic_b0" + b"\nT generator")
    assert kept.endswith(END)
    before, after = texts(TEXT), texts(kept)
    assert 0 < len(after) == summary.kept < summary.read == len(EVENTS)
    for number, text in after.items():
        weight = re.search(rb"^W \S+ (\S+) (\S+)$", text, re.MULTILINE)
        assert float(weight[1]) >= 1
        assert weight[2] == weight[1]  # by basf2's name, too
        assert text.replace(b" " + weight[1] + b" " + weight[2] + b"\n", b"\n", 1) == before[number]


def test_a_named_pipe_is_read_as_the_file_would_be(one, text_file, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(TEXT,))
    writer.start()
    from_pipe = filter_files(one, [pipe], tmp_path / "pipe.hepmc", FilterSettings())
    writer.join()
    from_file = filter_files(one, [text_file], tmp_path / "file.hepmc", FilterSettings())
    assert from_pipe.lines() == from_file.lines()
    assert (tmp_path / "pipe.hepmc").read_bytes() == (tmp_path / "file.hepmc").read_bytes()


def test_parquet_goes_through_a_named_pipe_whatever_it_is_called(one, tmp_path):
    write_parquet(EVENTS, tmp_path / "events.parquet")
    filter_files(one, [tmp_path / "events.parquet"], tmp_path / "kept.parquet", FilterSettings())
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as reader:
        read = reader.submit(pipe.read_bytes)
        filter_files(one, [tmp_path / "events.parquet"], pipe, FilterSettings())
        assert read.result() == (tmp_path / "kept.parquet").read_bytes()
    with pytest.raises(InputError, match=r"an output that ends in \.parquet"):
        filter_files(one, [tmp_path / "events.parquet"], tmp_path / "kept", FilterSettings())


@pytest.mark.parametrize("units", [("GEV", "MM"), ("MEV", "CM")])
def test_text_and_parquet_give_the_same_decisions(one, tmp_path, units):
    (tmp_path / "events.hepmc").write_bytes(hepmc_text(EVENTS, units=units))
    with (tmp_path / "events.hepmc").open("rb") as stream:
        blocks = [part for part in read_hepmc(stream, "") if isinstance(part, HepmcBlock)]
    events = Events.concatenate([parse_hepmc(block, "")[0] for block in blocks])
    write_parquet(events, tmp_path / "events.parquet")
    filter_files(one, [tmp_path / "events.hepmc"], tmp_path / "kept.hepmc", FilterSettings())
    filter_files(one, [tmp_path / "events.parquet"], tmp_path / "kept.parquet", FilterSettings())
    weights = read_parquet(tmp_path / "kept.parquet").columns["hepsets_hadronic_b0"]
    found = [
        float(re.search(rb"^W \S+ (\S+) \S+$", text, re.MULTILINE)[1])
        for text in texts((tmp_path / "kept.hepmc").read_bytes()).values()
    ]
    assert 0 < len(found) < len(EVENTS)
    np.testing.assert_allclose(weights, found, rtol=1e-6)


DECOMPRESS = {".gz": gzip.decompress, ".xz": lzma.decompress, ".bz2": bz2.decompress, ".zst": zstd.decompress}
COMPRESS = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress, ".zst": zstd.compress}


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_compressed_files_are_read_and_written(one, text_file, tmp_path, suffix):
    (tmp_path / "packed").write_bytes(COMPRESS[suffix](TEXT))  # known by its content, not by its name
    kept = tmp_path / f"kept.hepmc{suffix}"
    filter_files(one, [tmp_path / "packed"], kept, FilterSettings())
    filter_files(one, [text_file], tmp_path / "kept.hepmc", FilterSettings())
    content = kept.read_bytes()
    assert DECOMPRESS[suffix](content) == (tmp_path / "kept.hepmc").read_bytes()
    # what we write carries a checksum of its content
    for position in np.linspace(20, len(content) - 20, 12).astype(int):
        (tmp_path / "flip").write_bytes(
            content[:position] + bytes([content[position] ^ 4]) + content[position + 1 :]
        )
        with suppress(InputError), (tmp_path / "flip").open("rb") as raw, decompressed(raw, "flip") as stream:
            assert stream.read() == (tmp_path / "kept.hepmc").read_bytes()


def test_several_files_become_one(one, text_file, tmp_path):
    other = tmp_path / "other.hepmc"
    other.write_bytes(hepmc_text(EVENTS[:40], numbers=range(500, 540)))
    summary = filter_files(one, [text_file, other], tmp_path / "kept.hepmc", FilterSettings(mode="score"))
    kept = (tmp_path / "kept.hepmc").read_bytes()
    assert summary.read == summary.kept == 160
    assert kept.count(BEGIN) == kept.count(END) == 2
    assert kept.count(b"hepsets_score_hadronic_b0") == 2


def test_the_decision_depends_on_an_event_and_its_number_only(one, tmp_path, monkeypatch):
    a, b = tmp_path / "a.hepmc", tmp_path / "b.hepmc"
    backwards = np.arange(len(EVENTS))[::-1]
    a.write_bytes(TEXT)
    b.write_bytes(hepmc_text(EVENTS[backwards], numbers=backwards))
    filter_files(one, [a], tmp_path / "a.out", FilterSettings())
    monkeypatch.setattr("hepsets.formats.hepmc.BLOCK_BYTES", 10_000)
    summary = filter_files(one, [b], tmp_path / "b.out", FilterSettings())
    first, second = (texts((tmp_path / name).read_bytes()) for name in ("a.out", "b.out"))
    assert first.keys() == second.keys()
    assert not summary.doubled
    filter_files(one, [b], tmp_path / "c.out", FilterSettings(), renumber=True)
    assert texts((tmp_path / "c.out").read_bytes()).keys() != first.keys()


def test_events_that_come_twice_are_told(one, text_file, tmp_path):
    twice = filter_files(one, [text_file, text_file], tmp_path / "out", FilterSettings())
    assert twice.doubled == len(EVENTS)
    assert "given twice" in twice.lines()[-1]
    (tmp_path / "other").write_bytes(hepmc_text(beam_events(120, 6)))  # another job, which counts from 0, too
    assert not filter_files(one, [text_file, tmp_path / "other"], tmp_path / "out", FilterSettings()).doubled
    assert not filter_files(
        one, [text_file, text_file], tmp_path / "out", FilterSettings(), renumber=True
    ).doubled


def test_a_pipe_gives_the_bytes_of_a_file(one, text_file, tmp_path):
    filter_files(one, [text_file], tmp_path / "kept.hepmc", FilterSettings())
    for stdin in (TEXT, gzip.compress(TEXT)):
        done = command("-", "--out", "-", stdin=stdin)
        assert done.returncode == 0, done.stderr
        assert done.stdout == (tmp_path / "kept.hepmc").read_bytes()
        assert b"of 120 events kept" in done.stderr


def test_a_reader_that_has_enough_ends_the_filter_quietly(text_file):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*HEPSETS, "filter", "--model", small_filter(), text_file, "--out", "-"],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writing)
    assert done.returncode == 128 + signal.SIGPIPE  # as a shell says of other tools
    assert done.stderr == b""


def test_memory_does_not_grow_with_the_number_of_events(one, tmp_path, monkeypatch):
    monkeypatch.setattr("hepsets.formats.hepmc.BLOCK_BYTES", 100_000)
    monkeypatch.setattr(module, "_BATCH_EVENTS", 20)
    body = TEXT[: -len(END)]
    events = body[body.index(b"E 0 ") :]

    def peak(repeats: int) -> int:
        path = tmp_path / f"{repeats}.hepmc"
        path.write_bytes(body + (repeats - 1) * events + END)
        tracemalloc.start()
        filter_files(one, [path], tmp_path / "out.hepmc", FilterSettings())
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(1)
    assert peak(12) < 1.2 * peak(3)


# -- parquet -----------------------------------------------------------------------------------------


def test_all_columns_of_a_parquet_file_pass_through(one, tmp_path):
    table = EVENTS.to_arrow()
    particles = table["particles"].combine_chunks()
    fields = {field.name: particles.values.field(field.name) for field in particles.type.value_type}
    fields["helicity"] = pa.array(np.arange(EVENTS.n_particles, dtype=np.int8))
    struct = pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
    table = table.set_column(0, "particles", pa.ListArray.from_arrays(particles.offsets, struct))
    table = table.append_column("comment", pa.array([None if i % 3 else f"event {i}" for i in range(120)]))
    table = table.append_column("event_number", pa.array(np.arange(120) + 10**10))
    table = table.replace_schema_metadata({"origin": "a test"})
    pq.write_table(table, tmp_path / "in.parquet")
    filter_files(one, [tmp_path / "in.parquet"], tmp_path / "out.parquet", FilterSettings())
    kept = pq.read_table(tmp_path / "out.parquet")
    weights = one.weights(EVENTS, event_numbers=np.arange(120) + 10**10)
    expected = table.filter(pa.array(weights[:, 0] > 0))
    # the study's fields come out required, all other content as it was
    assert (
        kept.drop_columns(["hepsets_hadronic_b0", "weight_hadronic_b0"]).to_pylist() == expected.to_pylist()
    )
    assert kept.schema.field("comment").nullable
    assert kept.schema.metadata[b"origin"] == b"a test"
    np.testing.assert_allclose(kept["hepsets_hadronic_b0"].to_numpy(), weights[weights > 0], rtol=1e-6)


def test_what_is_kept_of_a_file_of_awkward_array_is_read_by_it(one, tmp_path):
    """It says of each column what it was, and refuses a file with others."""
    write_parquet(EVENTS, tmp_path / "ours.parquet")
    ak.to_parquet(ak.from_parquet(tmp_path / "ours.parquet"), tmp_path / "in.parquet")
    filter_files(one, [tmp_path / "in.parquet"], tmp_path / "out.parquet", FilterSettings())
    kept = ak.from_parquet(tmp_path / "out.parquet")
    weights = one.weights(EVENTS, event_numbers=np.arange(len(EVENTS)))[:, 0]
    np.testing.assert_allclose(kept["hepsets_hadronic_b0"].to_numpy(), weights[weights > 0], rtol=1e-6)


def test_each_skim_has_its_weights_and_an_event_is_dropped_only_if_none_wants_it(tmp_path):
    two = EventFilter.load(small_filter(2))
    write_parquet(EVENTS, tmp_path / "in.parquet")
    summary = filter_files(two, [tmp_path / "in.parquet"], tmp_path / "out.parquet", FilterSettings())
    columns = read_parquet(tmp_path / "out.parquet").columns
    weights = np.stack([columns["hepsets_hadronic_b0"], columns["hepsets_jpsi"]])
    assert (weights.max(axis=0) >= 1).all()
    assert (weights == 0).any()
    assert [skim.kept for skim in summary.skims] == (weights > 0).sum(axis=1).tolist()


# -- bad input ---------------------------------------------------------------------------------------


def bad_inputs(folder):
    """Names of broken files and what the message must say."""
    table = EVENTS.to_arrow()
    write_parquet(EVENTS, folder / "whole.parquet")
    whole = (folder / "whole.parquet").read_bytes()
    (folder / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    struct = table["particles"].combine_chunks()
    names = [field.name for field in struct.type.value_type if field.name != "mother_index"]
    orphans = pa.StructArray.from_arrays([struct.values.field(name) for name in names], names=names)
    lists = pa.ListArray.from_arrays(struct.offsets, orphans)
    pq.write_table(pa.table({"particles": lists}), folder / "orphans.parquet")
    pq.write_table(table.slice(0, 0), folder / "none.parquet")
    pq.write_table(
        table.append_column("hepsets_hadronic_b0", pa.array(np.full(120, -1.0))), folder / "minus.parquet"
    )
    (folder / "cut.hepmc").write_bytes(TEXT[:-3000])
    for suffix, compress in COMPRESS.items():
        (folder / f"cut.hepmc{suffix}").write_bytes(compress(TEXT)[:-3000])
    (folder / "units.hepmc").write_bytes(TEXT.replace(b"U GEV MM", b"U TEV MM"))
    (folder / "noise.hepmc").write_bytes(np.random.default_rng(1).bytes(20_000))
    (folder / "empty.hepmc").write_bytes(b"")
    (folder / "none.hepmc").write_bytes(BEGIN + END)
    odd = re.sub(rb"^W (?!nominal)\S+", b"W -1", TEXT, count=40, flags=re.MULTILINE)
    (folder / "minus.hepmc").write_bytes(odd.replace(b"W nominal", b"W hepsets_hadronic_b0"))
    (folder / "weights.hepmc").write_bytes(TEXT.replace(b"W nominal", b"W nominal\\|other"))
    return {
        "cut.parquet": "parquet",
        "orphans.parquet": "lack mother_index",
        "none.parquet": "no events",
        "minus.parquet": "negative",
        "cut.hepmc": "ends within a listing",
        **{f"cut.hepmc{suffix}": "cannot be decompressed" for suffix in COMPRESS},
        "units.hepmc": "units",
        "noise.hepmc": "HepMC3 ASCII",
        "empty.hepmc": "HepMC3 ASCII",
        "none.hepmc": "no events",
        "minus.hepmc": "negative",
        "weights.hepmc": "with 1 weights",
        "missing.hepmc": "no file",
    }


def test_bad_input_leaves_nothing_behind(one, tmp_path):
    for name, message in bad_inputs(tmp_path).items():
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        target = out / ("kept" + ".parquet" * name.endswith(".parquet"))
        with pytest.raises(InputError, match=message):
            filter_files(one, [tmp_path / name], target, FilterSettings())
        assert not list(out.iterdir()), name


def test_bad_input_is_one_line_and_exit_code_2(tmp_path, text_file):
    done = command("-", "--out", tmp_path / "out.hepmc", stdin=TEXT[:5000])
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" not in done.stderr
    assert not (tmp_path / "out.hepmc").exists()


@pytest.mark.parametrize(
    ("names", "out", "message"),
    [
        (["events.hepmc"], "events.hepmc", "different files"),
        (["events.hepmc"], "out.parquet", "same format"),
        (["events.parquet"], "out.hepmc", "ends in .parquet"),
        (["events.parquet", "events.hepmc"], "out.hepmc", "one format"),
        (["events.hepmc"], "no/folder/out.hepmc", "no folder"),
        ([], "out.hepmc", "no input"),
    ],
)
def test_impossible_outputs_are_refused(one, text_file, tmp_path, names, out, message):
    write_parquet(EVENTS, tmp_path / "events.parquet")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InputError, match=message):
        filter_files(one, [tmp_path / name for name in names], tmp_path / out, FilterSettings())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@settings(max_examples=40)
@given(st.data())
def test_damaged_files_give_an_error_or_a_whole_output(tmp_path_factory, data):
    kind = data.draw(st.sampled_from(["text", "gzip", "parquet"]))
    folder = tmp_path_factory.mktemp("fuzz")
    out = folder / ("out.parquet" if kind == "parquet" else "out.hepmc")
    if kind == "parquet":
        write_parquet(EVENTS[:20], folder / "in")
        content = bytearray((folder / "in").read_bytes())
    else:
        content = bytearray(TEXT[:30_000] if kind == "text" else gzip.compress(TEXT[:30_000]))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    (folder / "in").write_bytes(bytes(content))
    one = EventFilter.load(small_filter())
    with suppress(InputError):
        filter_files(one, [folder / "in"], out, FilterSettings())
    assert {path.name for path in folder.iterdir()} <= {"in", out.name}


@pytest.mark.parametrize("suffix", ["hepmc", "hepmc.gz", "parquet"])
def test_progress_counts_the_bytes_of_each_input_once_though_a_file_is_given_twice(
    one, tmp_path, monkeypatch, suffix
):
    heard = []

    @contextmanager
    def bar(description, total):
        heard.append(total)
        yield lambda step: heard.append(-step)

    monkeypatch.setattr(module, "progress_bar", bar)
    path, out = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    if suffix == "parquet":
        write_parquet(EVENTS, path)
    else:
        path.write_bytes(gzip.compress(TEXT) if suffix.endswith("gz") else TEXT)
    filter_files(one, [path, path], out, FilterSettings())
    assert heard[0] == pytest.approx(2e-6 * path.stat().st_size)
    assert sum(heard) == pytest.approx(0.0, abs=1e-12)


# -- one convention ----------------------------------------------------------------------------------


def test_files_productions_and_basf2_give_the_same_events_the_same_weights_under_the_same_names(
    tmp_path, monkeypatch
):
    """Names as basf2 has them, with predictions; an event is kept by all three or by none."""
    names, settings = {"hadronic_b0": "feiHadronicB0"}, FilterSettings(seed=4)
    text, store = hepmc_text(EVENTS[:40]), fake_basf2.DataStore()
    parts = [part for part in read_hepmc(io.BytesIO(text), "") if isinstance(part, HepmcBlock)]
    events = Events.concatenate([parse_hepmc(part, "")[0] for part in parts])
    monkeypatch.setitem(sys.modules, "basf2", fake_basf2.basf2)
    monkeypatch.setitem(sys.modules, "ROOT", store.root())
    path = fake_basf2.Path()
    add_filter(path, small_filter(2), settings, skim_names=names, debug=True).initialize()
    within = []  # what basf2 holds of each event that goes on
    for number in range(len(events)):
        if path.process(store, events[number : number + 1], (0, 0, number)):
            within.append({"event_number": number, **store.extra})
    options = {"skim_names": names, "debug": True}
    write_parquet(events.with_columns(event_number=np.arange(40)), tmp_path / "in.parquet")
    (tmp_path / "in.hepmc").write_bytes(text)
    two = EventFilter.load(small_filter(2))
    for suffix in ("parquet", "hepmc"):
        filter_files(two, [tmp_path / f"in.{suffix}"], tmp_path / f"out.{suffix}", settings, **options)
    table = pq.read_table(tmp_path / "out.parquet").drop_columns("particles")
    production = ProduceConfig(
        seed=4, skims=two.skims, filter=FilterConfig(model=small_filter(2), skim_names=names, debug=True)
    )
    numbered = events.with_columns(event_number=np.arange(40))
    produced, _ = _filter_events(numbered, np.arange(40), production, two)
    assert set(produced.columns) - {"weight"} == set(table.column_names) == set(within[0])
    assert {"weight_feiHadronicB0", "SmartBKG_Prediction_feiHadronicB0"} < set(within[0])
    text = (tmp_path / "out.hepmc").read_bytes()
    header = re.search(rb"^W (nominal.*)$", text, re.MULTILINE)[1].decode().split(r"\|")
    assert set(header) == {"nominal", *within[0]} - {"event_number"}
    rows = [re.search(rb"^W (?!nominal)(.*)$", one, re.MULTILINE)[1].split() for one in texts(text).values()]
    for name in within[0]:
        expected = [event[name] for event in within]
        np.testing.assert_allclose(table[name].to_numpy(), expected, rtol=1e-5, err_msg=name)
        np.testing.assert_allclose(produced.columns[name], expected, rtol=1e-5, err_msg=name)
        if name != "event_number":
            found = [float(row[header.index(name)]) for row in rows]
            np.testing.assert_allclose(found, expected, rtol=1e-5, err_msg=name)


def test_weights_by_basf2s_names_that_would_be_left_behind_or_overwritten_are_refused(one, tmp_path):
    write_parquet(EVENTS[:30].with_columns(event_number=np.arange(30)), tmp_path / "in.parquet")
    first, names = tmp_path / "first.parquet", {"hadronic_b0": "feiHadronicB0"}
    filter_files(one, [tmp_path / "in.parquet"], first, FilterSettings(), skim_names=names)
    with pytest.raises(InputError, match="the weight weight_feiHadronicB0 of an earlier filter"):
        filter_files(one, [first], tmp_path / "second.parquet", FilterSettings())
    filter_files(one, [first], tmp_path / "second.parquet", FilterSettings(), skim_names=names)
    assert set(read_parquet(tmp_path / "second.parquet").columns) == {
        *("event_number", "hepsets_hadronic_b0", "weight_feiHadronicB0")
    }
    with pytest.raises(InputError, match="a name for the skim 'jpsi'"):
        filter_files(one, [first], tmp_path / "third.parquet", FilterSettings(), skim_names={"jpsi": "x"})
    theirs = EVENTS[:30].with_columns(weight_hadronic_b0=np.full(30, 2.0))
    write_parquet(theirs, tmp_path / "theirs.parquet")
    with pytest.raises(
        InputError, match=r"a weight or column weight_hadronic_b0 already.*--skim-name hadronic_b0="
    ):
        filter_files(one, [tmp_path / "theirs.parquet"], tmp_path / "fourth.parquet", FilterSettings())
