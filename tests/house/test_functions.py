"""Functions fit on a screen and take few things, or say why not."""

import ast

from helpers.house import ROOT, SOURCES, functions

MOST_LINES = 60
"""Lines of a function beside its docstring, which may be as long as a reader needs."""
MOST_PARAMETERS = 10
"""Outside cli/, where a parameter is an option of the command."""
REASON = "Long, since "
"""How the sentence of a docstring begins that says why a function is longer."""


def lines_of(function):
    """Lines of a function without its docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    return function.end_lineno - function.lineno + 1 - documented * (first.end_lineno - first.lineno + 1)


def is_too_long(function):
    """Longer than others may be, without a reason in the docstring."""
    return lines_of(function) > MOST_LINES and REASON not in (ast.get_docstring(function) or "")


def n_parameters(function):
    """How many things a function takes, starred ones among them."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return len(named) + (arguments.vararg is not None) + (arguments.kwarg is not None)


def parse(text):
    """The one function of a text."""
    return ast.parse(text).body[0]


def test_functions_are_short_or_say_why_not():
    long = {name for name, function in functions(SOURCES, ROOT / "tools") if is_too_long(function)}
    assert long == set(), f"over {MOST_LINES} lines: split, or say '{REASON}…' in the docstring"


def test_functions_take_few_things():
    many = {
        name
        for name, function in functions(SOURCES, ROOT / "tools")
        if n_parameters(function) > MOST_PARAMETERS and not name.startswith("src/hepsets/cli/")
    }
    assert many == set(), f"over {MOST_PARAMETERS} parameters: join what belongs together"


def test_a_long_function_is_told_from_one_with_a_long_docstring():
    code = "    x = 1\n" * MOST_LINES
    words = '    """Words.\n' + "    words\n" * MOST_LINES + '    """\n'
    assert is_too_long(parse(f"def f():\n{code}"))
    assert not is_too_long(parse(f"def f():\n{words}    x = 1\n"))
    assert not is_too_long(parse(f'def f():\n    """Do. {REASON}it is one loop."""\n{code}'))


def test_all_kinds_of_parameters_count():
    assert n_parameters(parse("def f(a, /, b, *c, d=1, **e): pass")) == 5
