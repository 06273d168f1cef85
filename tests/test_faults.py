"""What happens when the machine fails: full disks, kills, closed streams, no home, two at once.

Nothing stands under a final name that is not whole, what went wrong is told in one line with exit code 2,
and a later run works as if nothing had been.
"""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.command import hepsets as in_process
from helpers.hepmc_text import hepmc_text
from helpers.kills import HEPSETS, kill, start
from helpers.random_events import muon_label, random_events
from helpers.small_filter import small_filter

from hepsets.core.events import read_parquet, write_parquet
from hepsets.core.whole_file import _HOST, together, whole_file
from hepsets.generate.pythia import generate_block

FULL = Path("/dev/full")

needs_full = pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")


@pytest.fixture(scope="module")
def text_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("hepmc") / "in.hepmc"
    path.write_bytes(hepmc_text(generate_block("mixed", 5, 0, 30)))
    return path


@pytest.fixture(scope="module")
def events_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("events") / "in.parquet"
    write_parquet(generate_block("mixed", 5, 0, 60), path)
    return path


def hepsets(*words, **options):
    """What a command in a process of its own says, but for what it tells where it is the first to compile."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "check": False} | options
    done = subprocess.run([*HEPSETS, *map(str, words)], **options)
    if done.stderr:
        done.stderr = re.sub(rb"^compiling for this machine.*\n", b"", done.stderr, flags=re.MULTILINE)
    return done


def is_told(done, message):
    """Whether the command failed in one line."""
    said = done.stderr.decode("utf-8", "replace")
    assert done.returncode == 2, said
    assert said.count("\n") == 1
    assert message in said


def of_bytes(limit):
    """No file of this process may be larger; Python then gets an error, as from a full disk."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


# -- full disks --------------------------------------------------------------------------------------


@needs_full
def test_a_full_disk_behind_standard_output_is_one_line(text_file):
    with FULL.open("wb") as full:
        is_told(hepsets("list", stdout=full), "No space left on device")
        is_told(
            hepsets("filter", "--model", small_filter(), text_file, "--out", "-", stdout=full),
            "No space left on device",
        )


@needs_full
@pytest.mark.parametrize("name", ["kept.hepmc", "kept.parquet"])
def test_a_full_device_is_written_through_and_told(text_file, events_file, tmp_path, name):
    link = tmp_path / name
    link.symlink_to(FULL)
    source = text_file if name.endswith("hepmc") else events_file
    done = hepsets("filter", "--model", small_filter(), source, "--out", link)
    is_told(done, "No space left on device")
    assert link.is_char_device()
    assert list(tmp_path.iterdir()) == [link]


@pytest.mark.parametrize(
    "words",
    [
        ["filter", "EVENTS", "--model", "FILTER", "--mode", "score", "--out", "kept.parquet"],
        ["filter", "TEXT", "--model", "FILTER", "--mode", "score", "--out", "k.hepmc", "--report", "p.html"],
        ["generate", "kstmumu", "--events", "3000", "--out", "decays.parquet"],
    ],
)
def test_a_disk_that_is_full_on_the_way_leaves_nothing(words, text_file, events_file, tmp_path):
    places = {"EVENTS": events_file, "TEXT": text_file, "FILTER": small_filter()}
    (tmp_path / "kept.parquet").write_text("before")
    done = hepsets(*(places.get(word, word) for word in words), cwd=tmp_path, preexec_fn=of_bytes(3000))
    is_told(done, "File too large")
    assert [path.name for path in tmp_path.iterdir()] == ["kept.parquet"]
    assert (tmp_path / "kept.parquet").read_text() == "before"


def test_labels_without_room_for_the_candidates_do_not_appear(events_file, tmp_path, monkeypatch):
    from hepsets.core.parquet import TableWriter
    from hepsets.select.skims.label_file import label_file

    out, candidates = tmp_path / "out.parquet", tmp_path / "candidates.parquet"
    label_file(events_file, out, skims=["hadronic_b0"], candidates=candidates, seed=1)
    before = out.read_bytes(), candidates.read_bytes()
    finish = TableWriter._finish

    def full(self, writer):
        if self.path == candidates:
            self._give_up(writer)
            raise OSError(28, "No space left on device")
        finish(self, writer)

    with monkeypatch.context() as patch:
        patch.setattr(TableWriter, "_finish", full)
        with pytest.raises(OSError, match="No space"):
            label_file(events_file, out, skims=["hadronic_b0"], candidates=candidates, seed=2)
    assert (out.read_bytes(), candidates.read_bytes()) == before
    label_file(events_file, out, skims=["hadronic_b0"], candidates=candidates, seed=3)
    assert out.read_bytes() != before[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["candidates.parquet", "out.parquet"]


@pytest.mark.parametrize("old", [True, False])
def test_files_of_one_result_get_their_names_together_or_not_at_all(tmp_path, old):
    first, second = tmp_path / "first", tmp_path / "second"
    if old:
        first.write_text("old")

    def write():
        with together():
            for path in (first, second):
                with whole_file(path) as partial:
                    partial.write_text("new")
            assert old == first.exists()
            second.mkdir()  # cannot be replaced by a file

    with pytest.raises(OSError, match="directory"):
        write()
    second.rmdir()
    assert [path.read_text() for path in tmp_path.iterdir()] == (["old"] if old else [])


# -- kills -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_kill_while_files_are_written_leaves_no_final_name_and_a_later_run_cleans(tmp_path, number):
    out = tmp_path / "decays.parquet"
    words = ["generate", "kstmumu", "--events", "30000000", "--out", out]
    chance = random.Random(number).uniform(0, 0.5)
    kill(start(*words), lambda: list(tmp_path.iterdir()), number, after=chance)
    assert not out.exists()
    left = list(tmp_path.iterdir())
    assert len(left) == (number == signal.SIGKILL)
    assert hepsets(*words[:3], "10", "--out", out).returncode == 0
    assert list(tmp_path.iterdir()) == [out]


def test_a_filter_that_is_killed_between_events_leaves_no_half_of_them(
    text_file, tmp_path, monkeypatch, capsys
):
    source, out, report = (tmp_path / name for name in ("pipe", "kept.hepmc", "page.html"))
    os.mkfifo(source)
    words = ["filter", "--model", small_filter(), "--mode", "score", "--out", out, "--report", report]
    process = start(*words, source)
    with source.open("wb", buffering=0) as pipe:  # what it waits for never comes
        pipe.write(text_file.read_bytes()[:100_000])
        kill(process, lambda: list(tmp_path.glob(".kept.hepmc.*.partial")))
    assert not out.exists()
    assert not report.exists()
    assert in_process(monkeypatch, capsys, *words, text_file)[0] == 0
    assert out.read_bytes().count(b"\nE ") == 30
    assert sorted(tmp_path.iterdir()) == sorted([source, out, report])


def test_labels_and_candidates_of_a_killed_simulation_do_not_appear(tmp_path, monkeypatch, capsys):
    source, out, candidates = (tmp_path / f"{name}.parquet" for name in ("in", "out", "candidates"))
    write_parquet(generate_block("mixed", 5, 0, 400), source)
    words = ["simulate", source, "--skim", "hadronic_b0", "--out", out, "--candidates", candidates]
    kill(start(*words), lambda: list(tmp_path.glob(".out.parquet.*.partial")))
    assert not out.exists()
    assert not candidates.exists()
    assert in_process(monkeypatch, capsys, *words)[0] == 0
    assert sorted(tmp_path.iterdir()) == sorted([source, out, candidates])
    assert len(read_parquet(out)) == 400


@pytest.fixture
def tiny_run_words(tmp_path):
    """A run of an analysis that takes seconds, as a command."""
    files = {}
    for name, seed in (("train", 1), ("test", 2)):
        events = random_events(200, seed=seed, mean_particles=8)
        files[name] = tmp_path / f"{name}.parquet"
        write_parquet(events.with_columns(label=muon_label(events).astype(bool)), files[name])
    return [
        *("run", "smart-background", "--scale", "quick", "--data", files["train"]),
        *("--test-data", files["test"], "--out", tmp_path / "run"),
        *("--set", 'models=["deep_sets"]', "--set", "training_seeds=1"),
        *("--set", "fit.epochs=40", "--set", "fit.least_steps=0", "--set", "fit.batch=8"),
        *("--set", "studies=[]", "--set", 'fit.device="cpu"'),
    ]


def test_a_killed_run_never_looks_finished_and_goes_on_from_whole_checkpoints_alone(
    tiny_run_words, tmp_path, monkeypatch, capsys
):
    folder, models = tmp_path / "run", tmp_path / "run.partial" / "models"
    kill(start(*tiny_run_words), (models / "deep_sets.checkpoint").exists)
    assert not folder.exists()
    assert not (folder.with_name("run.partial") / "result.json").exists()

    checkpoint = models / "deep_sets.checkpoint"
    whole = checkpoint.read_bytes()
    place = len(whole) // 2
    checkpoint.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    code, _, err = in_process(monkeypatch, capsys, *tiny_run_words, "--resume")
    assert (code, err.count("\n")) == (2, 1)
    assert f"{checkpoint} is no checkpoint" in err
    assert not folder.exists()
    checkpoint.write_bytes(whole)

    assert in_process(monkeypatch, capsys, *tiny_run_words, "--resume")[0] == 0
    assert (folder / "result.json").is_file()
    assert not folder.with_name("run.partial").exists()
    assert not [path for path in folder.rglob("*") if path.suffix in (".checkpoint", ".partial")]


def test_the_partial_file_of_a_living_writer_is_never_removed(tmp_path):
    path = tmp_path / "result.txt"
    with whole_file(path) as mine:
        mine.write_text("mine")
        with whole_file(path) as other:
            other.write_text("other")
            assert mine.exists()
        assert path.read_text() == "other"
    assert path.read_text() == "mine"
    dead = [
        f".result.txt.{_HOST}-{0:012x}.partial",
        f".result.txt.{'0' * 8}-{0:012x}.partial",
        ".result.txt.partial",
    ]
    for name in dead:
        (tmp_path / name).touch()
    with whole_file(path) as partial:
        partial.touch()
    assert sorted(item.name for item in tmp_path.iterdir()) == sorted([*dead[1:], "result.txt"])


RUN = """
import sys, time
from dataclasses import dataclass
from hepsets.core.run import RunFolder, write_atomically
@dataclass
class Config:
    a: int = 1
with RunFolder(sys.argv[1], Config(), resume=True) as run:
    step = 0
    while (run.path / f"step{step}").exists():
        step += 1
    while step < 40:
        write_atomically(run.path / f"step{step}", "x" * 100_000)
        step += 1
        time.sleep(float(sys.argv[2]))
    run.finish("x", "quick", 1, {"m": 1.0})
"""


def test_a_run_that_is_killed_at_any_moment_can_be_resumed(tmp_path):
    chance = random.Random(3)
    folder = tmp_path / "run"
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        process = subprocess.Popen([sys.executable, "-c", RUN, folder, "0.02"], env=environment)
        kill(process, (tmp_path / "run.partial").exists, number, after=chance.uniform(0, 0.3))
        assert not folder.exists()
    done = subprocess.run([sys.executable, "-c", RUN, folder, "0"], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob("*.partial"))
    assert not list(folder.glob(".*"))


# -- two at once -------------------------------------------------------------------------------------


def test_a_second_process_in_a_run_folder_is_refused(tmp_path):
    folder = tmp_path / "run"
    first = subprocess.Popen([sys.executable, "-c", RUN, folder, "0.1"])
    while not (tmp_path / "run.partial" / "step0").exists():
        assert first.poll() is None
        time.sleep(0.01)
    second = subprocess.run([sys.executable, "-c", RUN, folder, "0"], check=False, capture_output=True)
    assert second.returncode == 1
    assert b"another run is at work" in second.stderr
    assert first.wait(60) == 0
    assert (folder / "result.json").is_file()


# -- streams -----------------------------------------------------------------------------------------


def test_a_reader_that_has_enough_ends_a_command_quietly(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    done = hepsets("generate", "kstmumu", "--events", "1", "--out", tmp_path / "x.parquet", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


def test_closed_streams_are_told_where_something_would_be_lost(tmp_path):
    words = ["generate", "kstmumu", "--events", "1", "--out", tmp_path / "x.parquet"]
    is_told(hepsets(*words, stdout=None, preexec_fn=lambda: os.close(1)), "Bad file descriptor")
    done = hepsets(*words, stderr=None, preexec_fn=lambda: os.close(2))
    assert done.returncode == 0
    assert b"1 kstmumu events" in done.stdout


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_terminal_without_greek_letters_gets_plain_ones(encoding, tmp_path):
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = hepsets("list", env=environment)
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode("latin-1")
    assert "dC9" in text
    assert "q qbar" in text
    assert not re.search(r"\?(?!$)", text, re.MULTILINE)  # but at the end of a question
    words = ["generate", "kstmumu", "--events", "1", "--delta-c9", "x", "--out", tmp_path / "a.parquet"]
    is_told(hepsets(*words, env=environment), "dC9 'x'")


def test_paths_need_not_be_utf8(text_file, events_file, tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("a file system that wants UTF-8")
    (folder / "in.hepmc").write_bytes(text_file.read_bytes())
    (folder / "in.parquet").write_bytes(events_file.read_bytes())
    options = ["--model", small_filter(), "--report", folder / "page.html"]
    for name in ("parquet", "hepmc"):
        done = hepsets("filter", folder / f"in.{name}", "--out", folder / f"out.{name}", *options)
        assert done.returncode == 0, done.stderr
    assert hepsets("generate", "kstmumu", "--events", "5", "--out", folder / "k.parquet").returncode == 0
    assert len(list(folder.iterdir())) == 6


@pytest.mark.parametrize(
    "made",
    [["kstmumu", "--events", "30000000"], ["mixed", "--events", "3000000", "--workers", "2"]],
    ids=["alone", "with workers"],
)
def test_ctrl_c_is_one_line_and_130(made, tmp_path):
    words = ["generate", *made, "--out", tmp_path / "x.parquet"]
    # who runs the tests in the background of a shell has them ignore Ctrl-C
    process = start(*words, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    while not list(tmp_path.iterdir()):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    said = [line for line in err.splitlines() if not line.startswith(b"compiling ")]  # of a first time
    assert (out, said) == (b"", [b"hepsets: interrupted"])
    assert process.returncode == 130
    assert not list(tmp_path.iterdir())


def test_too_little_memory_is_one_line(monkeypatch, capsys):
    def greedy(*_):
        raise MemoryError

    monkeypatch.setattr("hepsets.cli.run.names_of", greedy)
    code, _, err = in_process(monkeypatch, capsys, "list")
    assert (code, err.count("\n")) == (2, 1)
    assert "out of memory" in err


@pytest.mark.parametrize("option", ["--config", "--set"])
def test_settings_that_are_nested_without_end_are_one_line(monkeypatch, capsys, tmp_path, option):
    deep = "a = " + 20_000 * "["
    (tmp_path / "deep.toml").write_text(deep)
    value = tmp_path / "deep.toml" if option == "--config" else deep.replace(" ", "")
    monkeypatch.chdir(tmp_path)
    code, out, err = in_process(monkeypatch, capsys, "run", "smart-background", option, value)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "nested too deeply" in err
    assert [path.name for path in tmp_path.iterdir()] == ["deep.toml"]


# -- no home -----------------------------------------------------------------------------------------

CACHE = """
import sys
from pathlib import Path
from hepsets.core import kernel
@kernel.kernel
def twice(x):
    return 2 * x
assert twice(3) == 6
print(sum(1 for path in Path(sys.argv[1]).rglob("*.nbi")))
"""


def cached(folder):
    """How many kernels were kept in a temporary folder, where no other place can be written."""
    script = folder.parent / "twice.py"
    script.write_text(CACHE)
    (folder.parent / "__pycache__").touch()  # so that no such folder can be made, be it by root
    nowhere = {"HOME": os.devnull, "XDG_CACHE_HOME": os.devnull}
    done = subprocess.run(
        [sys.executable, script, folder],
        env=os.environ | nowhere | {"TMPDIR": str(folder)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return int(done.stdout)


def test_kernels_work_without_a_writable_home(tmp_path):
    folder = tmp_path / "tmp"
    folder.mkdir()
    own = folder / f"hepsets-{os.getuid()}"
    assert cached(folder) >= 1
    assert own.stat().st_mode & 0o777 == 0o700
    own.rename(folder / "other")
    own.mkdir()
    own.chmod(0o777)  # another user could have put code there
    assert cached(folder) == cached(folder)
    assert not list(own.iterdir())
