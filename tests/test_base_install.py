"""Without the extras events are filtered, scored and read; all else says in one line what it lacks."""

import sys
import zipfile

import pyarrow.parquet as pq
import pytest
from helpers.base_install import HEAVY, hepsets, python
from helpers.command import hepsets as command
from helpers.fresh_environment import interpreter
from helpers.hepmc_text import hepmc_text
from helpers.random_events import beam_events

from hepsets.core.events import read_parquet, write_parquet


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A user's events, as HepMC and as parquet."""
    folder = tmp_path_factory.mktemp("base")
    events = beam_events(60, 4)
    (folder / "mine.hepmc").write_bytes(hepmc_text(events))
    write_parquet(events.with_columns(label_hadronic_b0=[1] * 60), folder / "mine.parquet")
    return folder


def ends_well(*words):
    done = hepsets(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_the_shipped_filter_keeps_events(folder):
    assert "of 60 events kept" in ends_well("filter", folder / "mine.hepmc", "--out", folder / "kept.hepmc")
    ends_well("filter", folder / "mine.parquet", "--model", "all_skims", "--out", folder / "kept.parquet")
    assert len(read_parquet(folder / "kept.parquet")) <= 60


def test_the_shipped_filter_adds_its_scores(folder):
    ends_well("apply", "hadronic_b0", folder / "mine.parquet", "--out", folder / "scored.parquet")
    assert "score_hadronic_b0" in pq.read_schema(folder / "scored.parquet").names


def test_a_file_is_inspected_and_the_help_shown(folder):
    assert "60 events" in ends_well("inspect", folder / "mine.hepmc")
    assert "check-filter" in ends_well("--help")
    assert "--model" in ends_well("infer", "--help")
    assert "smart-background" in ends_well("run", "--help")


def test_what_the_extras_would_add_to_the_list_is_said(folder):
    told = ends_well("list")
    assert "delta-c9" in told
    assert (
        'skims:     hepsets list skims without numba; expected the extra simulate; pip install "hep' in told
    )


def test_a_filter_is_checked(folder):
    done = hepsets("check-filter", "hadronic_b0", "--full", folder / "mine.parquet")
    assert "60 events that pass hadronic_b0; expected 100 or more" in done.stderr  # read, scored, and too few


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (["infer", "delta-c9", "mine.parquet", "--model", "."], "train"),
        (["pretrain", "mine.toml"], "train"),
        (["generate", "mixed", "--events", "5", "--out", "x.parquet"], "generate"),
        (["generate", "kstmumu", "--events", "5", "--out", "x.parquet"], "simulate"),
        (["simulate", "mine.parquet", "--out", "x.parquet"], "simulate"),
        (["produce", "mine.toml"], "generate,farm"),
        (["fit-mass", "mine.parquet", "--column", "m", "--out", "x"], "fit"),
    ],
)
def test_a_command_that_needs_an_extra_says_so_in_one_line(monkeypatch, capsys, words, extra):
    for name in HEAVY:
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not there
    code, _, err = command(monkeypatch, capsys, *words)
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("hepsets: error: hepsets " + words[0])
    assert err.endswith(f'pip install "hepsets[{extra}]"\n')


def test_a_page_of_the_filter_a_trained_model_and_a_run_say_so_too(folder):
    (folder / "model.safetensors").write_bytes(b"no matter what")
    page = ("filter", folder / "mine.hepmc", "--out", folder / "k.hepmc", "--report", folder / "page.html")
    model = ("apply", folder / "model.safetensors", folder / "mine.parquet", "--out", folder / "s.parquet")
    for words, extra in ((page, "report"), (model, "train"), (("run", "smart-background"), "train")):
        done = hepsets(*words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert done.stderr.endswith(f'pip install "hepsets[{extra}]"\n')
    assert not (folder / "k.hepmc").exists()


def test_python_reads_and_filters_and_names_the_extra_of_all_else(folder):
    done = python(
        "import hepsets as hs\n"
        f"events = hs.read({str(folder / 'mine.hepmc')!r})\n"
        f"hs.write(events, {str(folder / 'again.parquet')!r})\n"
        "print(hs.load_filter('all_skims').weights(events).shape, hs.list_filters())\n"
        "for call in (lambda: hs.fit, lambda: hs.generate('mixed', 5), hs.list_skims, lambda: hs.run):\n"
        "    try: call()\n"
        "    except hs.InputError as error: print(error.remedy)\n"
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("(60, 5)")
    assert len(lines) == 5
    assert all(line.startswith('pip install "hepsets[') for line in lines[1:])


@pytest.mark.validate
def test_the_wheel_holds_what_the_package_ships(fresh):
    names = zipfile.ZipFile(fresh.wheel()).namelist()
    for shipped in (
        "filter/shipped_filters/hadronic_b0.onnx",
        "trunk/shipped.safetensors",
        "trunk/shipped.md",
    ):
        assert f"hepsets/deploy/{shipped}" in names
    assert any(name.startswith("hepsets/deploy/delta_c9_models/models/") for name in names)


@pytest.mark.validate
@pytest.mark.parametrize("minor", [minor for minor in (11, 12, 13) if interpreter(minor)])
def test_a_fresh_environment_is_small_and_filters_scores_and_inspects(folder, fresh, tmp_path, minor):
    environment = fresh.get(python=interpreter(minor))
    print(f"\n{environment.name}: {environment.megabytes:.0f} MB")
    assert environment.megabytes < 300
    for line in (
        "hepsets --help",
        f"hepsets filter {folder}/mine.hepmc --out kept.hepmc",
        f"hepsets apply all_skims {folder}/mine.parquet --out scored.parquet",
        f"hepsets inspect {folder}/mine.parquet",
    ):
        done = environment.run(line, tmp_path)
        assert done.returncode == 0, done.stderr
    done = environment.run("hepsets run smart-background", tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.endswith('pip install "hepsets[train]"\n')
