"""Whatever a command reads is never overwritten, whatever it is told to write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from helpers.command import hepsets

from hepsets.cli import main as cli
from hepsets.cli.command import parameters, repeat_options
from hepsets.core.errors import InputError
from hepsets.core.file_roles import STREAM, SUFFIXES, Input, NamedOutput, Output, check_files

FUNCTIONS = cli.command.functions
VALUES = {"sample": "kstmumu", "events": "3", "analysis": "smart-background", "trials": "1", "model": "a"}
"""What a command must be told besides files."""


def outputs():
    """Every file that a command can write."""
    return [
        pytest.param(name, parameter, id=f"{name} {parameter.names[0]}")
        for name, function in FUNCTIONS.items()
        for parameter in parameters(function)
        if isinstance(parameter.role, Output) and parameter.role.holds
    ]


def words(command, paths):
    """A command line with a path for each file, and something for whatever else must be told."""
    line = [command]
    for parameter in parameters(FUNCTIONS[command]):
        option = parameter.names[:1]
        if parameter.name in paths:
            line += [*option, str(paths[parameter.name])]
        elif parameter.required:
            role = parameter.role
            other = "other" + SUFFIXES[role.holds][0] if isinstance(role, Output) else VALUES[parameter.name]
            line += [*option, other]
    return line


def files_of(command, role):
    return [one for one in parameters(FUNCTIONS[command]) if isinstance(one.role, role)]


def test_every_path_of_every_command_says_whether_it_is_read_or_written():
    silent = [
        f"{name} {parameter.name}"
        for name, function in FUNCTIONS.items()
        for parameter in parameters(function)
        if parameter.is_path and parameter.role is None
    ]
    assert not silent
    assert set(FUNCTIONS) == {info.name for info in cli.app.registered_commands}


@pytest.mark.parametrize("link", ["same", "symlink", "hardlink"])
@pytest.mark.parametrize(("command", "output"), outputs())
def test_no_output_of_any_command_overwrites_an_input(monkeypatch, capsys, tmp_path, command, output, link):
    ending = SUFFIXES[output.role.holds][0]
    monkeypatch.chdir(tmp_path)
    for source in files_of(command, Input):
        target = tmp_path / f"{source.name}{ending}"
        target.write_text("precious")
        path = target
        if link != "same":
            path = tmp_path / f"{source.name}.link{ending}"
            path.symlink_to(target) if link == "symlink" else path.hardlink_to(target)
        places = {one.name: tmp_path / f"{one.name}.of" for one in files_of(command, Input)}
        places |= {source.name: target, output.name: path}
        before = sorted(tmp_path.iterdir())
        code, out, err = hepsets(monkeypatch, capsys, *words(command, places))
        assert code == 2, err
        assert "is also the input" in err
        assert (out, err.count("\n")) == ("", 1)
        assert target.read_text() == "precious"
        assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(("command", "output"), outputs())
def test_no_two_outputs_of_any_command_are_one_file(monkeypatch, capsys, tmp_path, command, output):
    places = {one.name: tmp_path / f"{one.name}.of" for one in files_of(command, Input)}
    for other in files_of(command, Output):
        if other.name == output.name or other.role.holds is None:
            continue
        both = {output.name: tmp_path / "one", other.name: tmp_path / ".." / tmp_path.name / "one"}
        code, _, err = hepsets(monkeypatch, capsys, *words(command, places | both))
        assert code == 2
        assert "is also --" in err
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("command", "output"), outputs())
def test_a_name_that_ends_in_something_else_is_refused(monkeypatch, capsys, tmp_path, command, output):
    places = {one.name: tmp_path / f"{one.name}.of" for one in files_of(command, Input)}
    path = tmp_path / "result.docx"
    code, _, err = hepsets(monkeypatch, capsys, *words(command, places | {output.name: path}))
    assert code == 2
    assert f"{output.names[0]} {path}" in err
    assert "ends in" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no names of streams")
def test_text_and_results_do_not_mix_on_standard_output():
    stdout = Path("/dev/stdout")
    reading, writing = os.pipe()
    before = os.dup(1)
    os.dup2(writing, 1)
    try:
        with pytest.raises(InputError, match="--out /dev/stdout is standard output"):
            check_files([], [NamedOutput("--out", stdout, Output("parquet"))])
        stream = Output("HepMC3 or parquet", stream=True)
        with pytest.raises(InputError, match="--report /dev/stdout is standard output"):
            check_files(
                [], [NamedOutput("--out", STREAM, stream), NamedOutput("--report", stdout, Output("HTML"))]
            )
        for path in (STREAM, stdout):
            check_files([STREAM], [NamedOutput("--out", path, stream)])
    finally:
        os.dup2(before, 1)
        for file in (reading, writing, before):
            os.close(file)


def test_the_words_after_a_list_of_files_are_files_but_for_arguments_that_the_command_lacks():
    known = parameters(FUNCTIONS["run"])
    line = ["--data", "a", "b", "--seed", "3", "--test-data=c", "d", "--resume", "smart-background"]
    made = ["--data", "a", "--data", "b", "--seed", "3", "--test-data=c", "--test-data", "d", "--resume"]
    assert repeat_options(line, known) == [*made, "smart-background"]
    assert repeat_options(["--data", "a", "b", "x"], known) == ["--data", "a", "--data", "b", "x"]
    assert repeat_options(["x", "--data", "a", "b"], known) == ["x", "--data", "a", "--data", "b"]
    assert repeat_options(["x", "--set", "a", "--", "b"], known) == ["x", "--set", "a", "--", "b"]


def test_several_files_and_patterns_after_one_option_are_read(monkeypatch, capsys, tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.root").write_text("no tree")
    code, _, err = hepsets(
        monkeypatch, capsys, "run", "continuum-suppression", "--data", tmp_path / "[ab].root",
        tmp_path / "x.root", "--test-data", tmp_path / "c*.root", "--out", tmp_path / "run",
    )  # fmt: skip
    assert code == 2
    assert f"no file matches {tmp_path / 'c*.root'}" in err
    code, _, err = hepsets(
        monkeypatch, capsys, "run", "continuum-suppression", "--data", tmp_path / "[ab].root",
        "--test-data", tmp_path / "a.root", "--out", tmp_path / "run",
    )  # fmt: skip
    assert code == 2
    assert "root" in err
    assert "no file" not in err
