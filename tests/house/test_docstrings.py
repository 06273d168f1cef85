"""What is public is documented: with shapes of arrays, and the errors that it raises."""

import ast
import re

import pytest
from helpers.house import ROOT, SOURCES, python_files, tree

SHAPES = re.compile(r"[Ss]hape|\(n_|(as|As|see|See|like|Like)( in)? :\w+:|any array")
"""What says in a docstring how arrays look, or where that stands."""


def public(body, prefix=""):
    """Public functions and classes of a module or class, with their names; overloads share a docstring."""
    for node in body:
        if any(ast.unparse(mark) == "overload" for mark in getattr(node, "decorator_list", ())):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name[0] != "_":
            if any(isinstance(mark, ast.Name) and mark.id == "overload" for mark in node.decorator_list):
                continue  # what is documented is the function itself
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{prefix}{node.name}.")


def raises(function):
    """Whether a function itself refuses something."""
    return any(
        isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and getattr(node.exc.func, "id", "") == "InputError"
        for node in ast.walk(function)
    )


def has_arrays(function):
    """Whether a function takes or returns arrays or tensors."""
    signature = ast.unparse(function.args) + ast.unparse(function.returns or ast.Constant(None))
    return re.search(r"NDArray|\bTensor\b", signature) is not None


def says_enough(node):
    """Whether the docstring of something public is there and tells errors and shapes."""
    docstring = ast.get_docstring(node) or ""
    if isinstance(node, ast.ClassDef):
        return bool(docstring)
    told_errors = not raises(node) or "InputError" in docstring
    told_shapes = not has_arrays(node) or SHAPES.search(docstring) is not None
    return bool(docstring) and told_errors and told_shapes


def test_what_is_public_is_documented_with_shapes_and_errors():
    left = {
        f"{path.relative_to(ROOT)}::{name}"
        for path in python_files(SOURCES, ROOT / "tools")
        for name, node in public(tree(path).body)
        if not says_enough(node)
    }
    assert left == set()


def test_every_file_says_what_it_is_for():
    assert [path for path in python_files(SOURCES, ROOT / "tools") if not ast.get_docstring(tree(path))] == []


@pytest.mark.parametrize(
    ("text", "enough"),
    [
        ("def f(): pass", False),
        ('def f():\n    "Do."', True),
        ('def f():\n    "Do."\n    raise InputError("a", "b")', False),
        ('def f():\n    "Do, or raise InputError."\n    raise InputError("a", "b")', True),
        ('def f(x: NDArray[np.bool_]):\n    "Do."', False),
        ('def f() -> torch.Tensor:\n    "Do."', False),
        ('def f(x: NDArray[np.bool_]):\n    "Do with shape ``(n_events,)``."', True),
        ("class A: pass", False),
    ],
)
def test_silence_is_noticed(text, enough):
    assert says_enough(ast.parse(text).body[0]) is enough


def test_methods_are_public_in_public_classes_alone():
    text = "class A:\n    def f(self): pass\n    def _g(self): pass\nclass _B:\n    def h(self): pass"
    assert [name for name, _ in public(ast.parse(text).body)] == ["A", "A.f"]
