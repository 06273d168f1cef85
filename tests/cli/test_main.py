"""What goes wrong outside the program is one line and exit code 2."""

import os
import subprocess
import sys
from importlib.metadata import version

import pytest
from helpers.command import hepsets


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "no-such-analysis"], "no analysis 'no-such-analysis'"),
        (["run", "smart-background", "--set", "fit.epoch=3"], "did you mean 'epochs'"),
        (["run", "smart-background", "--set", "models=['gcn']"], "no model 'gcn'"),
        (["run", "smart-background", "--set", "data.skim=no_skim"], "no skim"),
        (["run", "smart-background", "--set", "data.sample=no_sample"], "mixed"),
        (["run", "smart-background", "--test-data", "a.parquet"], "--data"),
        (["run", "smart-background", "--out", "/dev/null/run"], "/dev/null is no folder"),
        (["generate", "muons", "--events", "5", "--out", "x.parquet"], "mixed"),
        (["generate", "mixed", "--events", "5", "--out", "no/such/folder/x.parquet"], "no folder"),
        (["generate", "mixed", "--events", "5", "--out", "."], "is a folder"),
        (["simulate", "no.parquet", "--out", "x.parquet"], "no file"),
        (["tune", "smart-background", "--trials", "1", "--model", "gcn"], "no model 'gcn'"),
    ],
)
def test_a_bad_option_gives_one_line_and_exit_code_2(monkeypatch, capsys, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = hepsets(monkeypatch, capsys, *arguments)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generate", "mixed", "--out", "x.parquet"], "Missing option '--events'"),
        (["generate", "mixed", "--events", "many", "--out", "x.parquet"], "Invalid value for '--events'"),
        (["generate", "mixed", "--evnts", "5", "--out", "x.parquet"], "No such option: --evnts"),
        (["generate", "mixed", "--events", "10000000000", "--out", "x.parquet"], "at most 1000000000"),
        (["generat"], "No such command 'generat'"),
        (["run"], "Missing argument"),
        (["tune", "delta-c9", "--trials", "1"], "an analysis that has it: smart-background"),
        (["tune", "smart-background", "--trials", "1", "--model", ""], "--model ''; expected a value"),
        (["export", ".", "--model=", "--out", "x.onnx"], "--model ''; expected a value"),
        (["run", ""], "an empty word"),
        (
            ["run", "smart-background", "--study", "loos"],
            "--study loos for smart-background",
        ),
        (["simulate", "no.parquet", "--detector", "belle3", "--out", "x.parquet"], "no detector 'belle3'"),
    ],
)
def test_a_wrong_command_line_is_one_line_too(monkeypatch, capsys, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = hepsets(monkeypatch, capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("hepsets: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_setting_of_a_file_is_refused_with_the_name_of_the_file(monkeypatch, capsys, tmp_path):
    path = tmp_path / "mine.toml"
    for text, message in (("epochs = 3\n", "unknown key 'epochs'"), ("seed = [\n", "is not TOML")):
        path.write_text(text)
        code, _, err = hepsets(monkeypatch, capsys, "run", "smart-background", "--config", path)
        assert code == 2
        assert f"{path}" in err
        assert message in err


def test_the_version_is_told(monkeypatch, capsys):
    code, out, err = hepsets(monkeypatch, capsys, "--version")
    assert (code, out, err) == (0, f"hepsets {version('hepsets')}\n", "")


def test_without_a_command_there_is_help(monkeypatch, capsys):
    code, out, err = hepsets(monkeypatch, capsys)
    assert (code, err) == (2, "")
    assert "new-analysis" in out


def test_the_shell_completes_commands_and_analyses():
    program = "from hepsets.cli.main import main; main()"

    def complete(words, place):
        environment = os.environ | {
            "_HEPSETS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(place),
        }  # fmt: skip
        return subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
        ).stdout.split()

    assert complete("hepsets fil", 1) == ["filter"]
    assert complete("hepsets run del", 2) == ["delta-c9"]


def test_help_imports_nothing_heavy():
    program = (
        "import sys; from hepsets.cli import main; sys.argv = ['hepsets', 'run', '--help']\n"
        "try: main.main()\n"
        "except SystemExit: print([name for name in ('torch', 'numpy', 'awkward') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def test_python_runs_the_package_as_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "hepsets", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"hepsets {version('hepsets')}\n"


@pytest.mark.parametrize(("text", "told"), [("can't start new thread", True), ("something else", False)])
def test_a_thread_that_may_not_start_is_the_machines_fault_and_other_errors_are_the_programs(
    monkeypatch, capsys, text, told
):
    def fail(*_, **__):
        raise RuntimeError(text)

    monkeypatch.setattr("hepsets.cli.main.app", fail)
    if told:
        code, _, err = hepsets(monkeypatch, capsys, "list")
        assert (code, err.count("\n")) == (2, 1)
        assert "ulimit -u" in err
    else:
        with pytest.raises(RuntimeError, match="something else"):
            hepsets(monkeypatch, capsys, "list")
