"""Each example runs, is short, uses the public names alone, and is the notebook of the docs."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from make_notebooks import cells_of

import hepsets as hs
from hepsets.learn import registry

ROOT = Path(__file__).parents[2]
TINY = {
    "c4_images": 200,
    "continuum_suppression": 1500,
    "delta_c9": 500,
    "filter": 400,
    "flavour_tagging": 400,
    "own_model": 300,
    "smart_background": 300,
}
"""Events of a test; the examples themselves take some thousands."""


def script_of(name: str) -> str:
    return (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")


def test_every_example_is_tested_and_has_a_notebook():
    assert {path.stem for path in ROOT.glob("examples/*.py")} == set(TINY)
    assert {path.stem for path in ROOT.glob("docs/notebooks/*.ipynb")} == set(TINY)


@pytest.mark.parametrize("name", TINY)
def test_it_runs(name, monkeypatch, capsys, tmp_path):
    small, found = re.subn(
        r"^EVENTS = [\d_]+$", f"EVENTS = {TINY[name]}", script_of(name), flags=re.MULTILINE
    )
    assert found == 1
    monkeypatch.setattr(plt, "show", lambda: None)
    monkeypatch.setattr(registry, "_REGISTERED", {})
    monkeypatch.chdir(tmp_path)
    exec(compile(small, name, "exec"), {"__name__": "__main__"})
    plt.close("all")
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) >= 2
    assert "nan" not in printed


@pytest.mark.parametrize("name", TINY)
def test_it_is_short_and_on_the_public_names(name):
    script = script_of(name)
    assert len(script.splitlines()) <= 40
    tree = ast.parse(script)
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert modules <= {"hepsets", "numpy", "matplotlib.pyplot", "torch"}
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "hs"
    }
    assert used <= set(hs.__all__)


@pytest.mark.parametrize("name", TINY)
def test_its_notebook_was_made_from_it_and_run(name):
    path = ROOT / "docs" / "notebooks" / f"{name}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert [(cell["cell_type"], "".join(cell["source"])) for cell in cells] == cells_of(script_of(name))
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    assert any(output["output_type"] == "stream" for output in outputs)
    assert not any(output["output_type"] == "error" for output in outputs)
    assert path.stat().st_size < 200_000
