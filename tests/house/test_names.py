"""Modules and files that docs, docstrings and settings name are there."""

import ast
import re
import tomllib

import pytest
from helpers.house import ROOT, SOURCES, modules, python_files, tree

MODULE = re.compile(r"(?<!//)\bhepsets(?:\.\w+){2,}")
"""A dotted name of a module; with one dot it may be a key in a file, or a group of entry points."""
PATH = re.compile(r"(?<![\w./])(?:[a-z_]\w*/)+[\w.-]+\.(?:py|md|ipynb|toml)\b")
"""A file of the repository, or of the package, which may be told without ``src/hepsets/``."""
FOLDERS = {path.name for parent in (ROOT, SOURCES) for path in parent.iterdir() if path.is_dir()}
"""Where such a path begins; others are users' files."""
NEWEST_SECTION = re.compile(r"\A.*?^## .*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)

TO_COME: set[str] = set()
"""Named already, since what they are about is on its way."""


def defined(path):
    """Names at a module's top: of functions, classes, constants, imports; and ``Class.member``."""
    names = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
    return names


def exists(name, known):
    """Whether a dotted name is a module or folder, or something that a module defines."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        path = known.get(".".join(parts[:length]))
        if path is not None:
            return set(parts[length:]) <= defined(path)
    return False


def texts():
    """What people read: docs, pages of the repository, settings, and every docstring, by where it stands."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "Makefile", ROOT / "pyproject.toml"]
    for path in sorted(pages):
        text = path.read_text(encoding="utf-8")
        yield path.relative_to(ROOT), NEWEST_SECTION.match(text)[0] if path.name == "CHANGELOG.md" else text
    for path in python_files(SOURCES, *(ROOT / name for name in ("tools", "tests", "benchmarks"))):
        if path.parent.name != "house":  # where names are made up
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


def stale_names(text, known):
    """Names of the package in a text that nothing has."""
    return [name for name in MODULE.findall(text) if not exists(name, known)]


def stale_paths(text):
    """Files of the repository in a text that are not there."""
    paths = [path for path in PATH.findall(text) if path.split("/")[0] in FOLDERS]
    return [path for path in paths if not (ROOT / path).exists() and not (SOURCES / path).exists()]


def imported(path):
    """Names of the package that a file imports, as dotted names."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hepsets"):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_what_scripts_outside_of_the_package_import_exists():
    """Benchmarks are run by hand: nothing else tells that a name they use has moved."""
    known = modules(SOURCES)
    scripts = python_files(*(ROOT / name for name in ("benchmarks", "tools", "examples")))
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in scripts
        for name in imported(path)
        if not exists(name, known)
    }
    assert found == set()
    path = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["pythonpath"]
    assert "benchmarks" in path  # they share a module


def test_every_module_that_is_named_exists():
    known = modules(SOURCES)
    found = {f"{path}: {name}" for path, text in texts() for name in stale_names(text, known)}
    assert found <= TO_COME


def test_every_file_that_is_named_exists():
    found = {f"{path}: {name}" for path, text in texts() for name in stale_paths(text)}
    assert found <= TO_COME


def test_settings_name_files_that_are_there():
    mutmut = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]
    for pattern in mutmut["only_mutate"] + mutmut["pytest_add_cli_args_test_selection"]:
        assert any(ROOT.glob(pattern)), pattern


@pytest.mark.parametrize(
    ("text", "stale"),
    [
        ("see :mod:`hepsets.core.events` and ``hepsets.core.events.Events.concatenate``", []),
        ("the key ``hepsets.sample``", []),
        ("`hepsets.core.nothing`", ["hepsets.core.nothing"]),
        ("`hepsets.core.events.nothing`", ["hepsets.core.events.nothing"]),
    ],
)
def test_a_stale_name_is_noticed(text, stale):
    assert stale_names(text, modules(SOURCES)) == stale


def test_a_stale_path_is_noticed():
    assert stale_paths("docs/architecture.md, tools/nothing.py") == ["tools/nothing.py"]
