"""What is read and what is written: no output overwrites an input, and names end as their files do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hepsets.core.errors import InputError
from hepsets.core.file_roles import NamedOutput, Output, check_files, check_suffix, expand_patterns


def test_a_folder_that_is_read_is_not_written_into(tmp_path):
    (tmp_path / "run" / "models").mkdir(parents=True)
    out = NamedOutput("--out", tmp_path / "run" / "models" / "x.json", Output("JSON"))
    with pytest.raises(InputError, match="is also the input"):
        check_files([tmp_path / "run"], [out])
    check_files([tmp_path / "run" / "models" / "y"], [out])


def test_devices_may_be_read_and_written_at_once_and_called_anything(tmp_path):
    null = Path(os.devnull)
    check_files([null], [NamedOutput(name, null, Output("JSON")) for name in ("--out", "--curve")])
    os.mkfifo(tmp_path / "pipe")
    check_suffix("--out", tmp_path / "pipe", "parquet")


def test_a_word_before_a_file_goes_with_each_file_of_a_pattern_and_hides_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("one.json", "two.json", "c=three.json"):
        Path(name).touch()
    assert expand_patterns([Path("b=*o*.json"), Path("c=*.json")]) == [
        Path(name) for name in ("b=one.json", "b=two.json", "c=c=three.json", "c=one.json", "c=two.json")
    ]
    for read in ("b=one.json", "b=one.json:tree"):
        with pytest.raises(InputError, match="is also the input"):
            check_files([Path(read)], [NamedOutput("--out", Path("one.json"), Output("JSON"))])
    check_files([Path("one.json")], [NamedOutput("--out", Path("x=one.json"), Output("JSON"))])
    with pytest.raises(InputError, match=r"no file matches b=none\*"):
        expand_patterns([Path("b=none*")])


def test_a_folder_that_cannot_be_made_is_refused_before_any_work_and_nothing_is_left(tmp_path):
    (tmp_path / "file").touch()
    check_files([], [NamedOutput("--out", tmp_path / "a" / "b" / "c", Output(None))])
    for place, said in (
        (tmp_path / "file" / "run", "is no folder"),
        (tmp_path / ("x" * 300), "--out .* cannot be made"),
        (tmp_path / "new" / ("x" * 300), "--out .* cannot be made"),
        (Path("/proc/run"), "--out /proc/run cannot be made"),
    ):
        with pytest.raises(InputError, match=said):
            check_files([], [NamedOutput("--out", place, Output(None))])
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
