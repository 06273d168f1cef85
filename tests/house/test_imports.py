"""What may import what: the contracts of `make check`, each shown to break, and no circle of any kind."""

import os
import re
import subprocess
import sys
import tomllib

import pytest
from helpers.house import ROOT, SOURCES, circle, copy_of_the_sources, imports

PLANTS = {
    "Data flows one way through the house": [("core/units.py", "import hepsets.select")],
    "Analyses do not know each other": [
        ("analyses/delta_c9/config.py", "from hepsets.analyses.smart_background.config import SCALES"),
        ("analyses/continuum_suppression/page.py", "import hepsets.analyses.delta_c9"),
    ],
    "No circles, also not through __init__ and TYPE_CHECKING": [
        ("core/errors.py", "import typing\nif typing.TYPE_CHECKING:\n    import hepsets.core.events"),
        ("core/errors.py", "def late():\n    from hepsets.core import events\n    return events"),
    ],
}
"""What breaks each contract: a file, and a line that is added to it."""


def plant(package, file, line):
    """Add lines to a file of a copy of the package."""
    path = package / file
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")


def broken_contracts(folder):
    """Names of the contracts that import-linter finds broken for a folder with pyproject.toml and src/."""
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as f; f()", "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    broken = re.findall(r"^(.*) BROKEN\b", done.stdout, re.MULTILINE)
    assert "Contracts: " in done.stdout, done.stdout + done.stderr
    assert bool(broken) == bool(done.returncode)
    return broken


def test_no_module_imports_itself_on_any_way():
    assert circle(imports(SOURCES)) == []


@pytest.mark.parametrize(
    ("files", "of_the_circle"),
    [
        ({"a.py": "import p.b", "b.py": "import p.a"}, {"p.a", "p.b"}),
        ({"a.py": "from p import b", "b.py": "from p.a import x"}, {"p.a", "p.b"}),
        ({"a.py": "from . import b", "b.py": "from .a import x"}, {"p.a", "p.b"}),
        ({"a.py": "def f():\n    import p.b", "b.py": "import p.a"}, {"p.a", "p.b"}),
        ({"a.py": "if TYPE_CHECKING:\n    from p.b import B", "b.py": "import p.a"}, {"p.a", "p.b"}),
        ({"a/__init__.py": "import p.a.c", "a/c.py": "from p.a import x"}, {"p.a", "p.a.c"}),
        ({"a/__init__.py": "import p.b", "a/c.py": "", "b.py": "import p.a.c"}, {"p.a", "p.b"}),
        ({"a/__init__.py": "from .c import x", "a/c.py": "from ..b import y", "b.py": "import p.a"}, None),
    ],
)
def test_circles_are_found_wherever_the_import_stands(tmp_path, files, of_the_circle):
    package = tmp_path / "p"
    for name, text in {"__init__.py": "", **files}.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    assert set(circle(imports(package))) == (of_the_circle or {"p.a", "p.a.c", "p.b"})


def test_a_table_of_contents_and_its_rooms_are_no_circle(tmp_path):
    package = tmp_path / "p"
    (package / "a").mkdir(parents=True)
    (package / "__init__.py").write_text("from p.a import x")
    (package / "a" / "__init__.py").write_text("from p.a.b import x")
    (package / "a" / "b.py").write_text("from p.a.c import x")
    (package / "a" / "c.py").write_text("x = 1")
    assert circle(imports(package)) == []


def test_each_contract_has_a_plant_that_breaks_it():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {contract["name"] for contract in declared} == PLANTS.keys()


@pytest.mark.parametrize(
    ("contract", "file", "line"),
    [(contract, *case) for contract, cases in PLANTS.items() for case in cases],
)
def test_a_planted_import_breaks_its_contract(tmp_path, contract, file, line):
    folder = copy_of_the_sources(tmp_path)
    plant(folder / "src" / "hepsets", file, line)
    assert contract in broken_contracts(folder)


def test_without_a_plant_the_copy_keeps_all_contracts(tmp_path):
    assert broken_contracts(copy_of_the_sources(tmp_path)) == []
