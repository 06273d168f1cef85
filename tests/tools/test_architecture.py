"""The table of docs/architecture.md is made from the first lines of files and folders."""

import architecture
import pytest


def test_the_page_is_as_its_script_makes_it():
    text = architecture.PAGE.read_text(encoding="utf-8")
    assert architecture.page(text) == text, "run make architecture"


def test_every_stage_is_in_the_table():
    folders = {path.parent.name for path in architecture.PACKAGE.glob("*/__init__.py")}
    assert folders == set(architecture.STAGES)


def test_every_first_line_is_one_sentence():
    for path in architecture.PACKAGE.rglob("*.py"):
        line = architecture.first_line(path)
        assert line[0].isupper() or not line[0].isascii() or line.startswith("hepsets"), path
        assert line.endswith("."), f"{path}: {line}"


def test_a_file_that_does_not_say_what_it_is_for_is_refused(tmp_path):
    (tmp_path / "silent.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match="does not say what it is for"):
        architecture.first_line(tmp_path / "silent.py")


def test_a_page_without_a_place_for_the_table_is_refused():
    with pytest.raises(ValueError, match="has no lines"):
        architecture.page("# Architecture\n")
