"""What ``import hepsets as hs`` gives, and what it does not load."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import hepsets as hs

HEAVY = ("torch", "numba", "pyarrow", "numpy", "pydantic", "awkward", "matplotlib")
FUNCTIONS = [name for name in hs.__all__ if name.islower()]


def in_a_new_process(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def function(name: str):
    found = getattr(hs, name)
    return inspect.unwrap(found) if inspect.ismodule(found) else found


def test_importing_the_package_loads_none_of_what_is_slow():
    code = f"import sys, hepsets; print([name for name in {HEAVY} if name in sys.modules])"
    assert in_a_new_process(code).strip() == "[]"


def test_names_of_events_load_no_network():
    code = "import sys, hepsets as hs; hs.generate, hs.list_skims(), hs.Events; print('torch' in sys.modules)"
    assert in_a_new_process(code).strip() == "False"


def test_dir_lists_the_public_names():
    assert set(dir(hs)) == {*hs.__all__, "__version__"}
    assert hs.__version__.count(".") == 2


def test_type_checkers_see_the_names_that_there_are():
    tree = ast.parse(Path(hs.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: line.module
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }
    assert seen == hs._HOME_OF


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_is_typed_and_says_what_it_returns_and_shows_an_example(name):
    found = function(name)
    hints = inspect.signature(found)
    assert hints.return_annotation is not inspect.Signature.empty
    assert all(one.annotation is not inspect.Parameter.empty for one in hints.parameters.values())
    text = inspect.getdoc(found)
    assert ">>> import hepsets as hs" in text
    if hints.parameters:
        assert "Parameters\n" in text
        assert "Raises\n" in text


@pytest.mark.parametrize(("name", "module"), [("generate", "pythia"), ("simulate", "detector")])
def test_a_stage_of_the_same_name_is_both_function_and_package(name, module):
    code = (
        f"import hepsets as hs; first = hs.{name}\n"
        f"import inspect, hepsets.{name}.{module} as below\n"
        f"print(hs.{name} is first, callable(first), hs.{name}.{module} is below)\n"
        f"print(len(inspect.signature(first).parameters) > 3)"
    )
    assert in_a_new_process(code).split() == ["True"] * 4
    swapped = f"import hepsets.{name}.{module}; from hepsets import {name}; print(callable({name}))"
    assert in_a_new_process(swapped).strip() == "True"


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'generat'"):
        _ = hs.generat
