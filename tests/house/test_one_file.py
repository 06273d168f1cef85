"""What one thinks of as one change is in one file: see the ten changes in docs/architecture.md."""

import ast

import pytest
from helpers.house import SOURCES, python_files, tree

PAGE = SOURCES / "analyses" / "delta_c9" / "page"


def figures_of(path):
    """Functions of a file that draw a figure."""
    return {
        node.name
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(mark) == "styled" for mark in node.decorator_list)
    }


def test_only_the_page_of_delta_c9_draws():
    drawing = {path for path in python_files(PAGE.parent) if "matplotlib" in path.read_text()}
    assert {path.parent for path in drawing} == {PAGE}


@pytest.mark.parametrize(
    "path", [path for path in python_files(PAGE) if figures_of(path)], ids=lambda p: p.stem
)
def test_a_figure_stands_where_the_page_shows_it(path):
    called = {ast.unparse(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)}
    assert figures_of(path) <= called
