"""The house as its sources tell it: files, modules, what imports what. Nothing is imported to find out."""

import ast
import functools
import shutil
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "hepsets"


def python_files(*folders):
    """Every Python file below the folders, in order."""
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


@functools.cache
def tree(path):
    """A file's syntax tree, read once."""
    return ast.parse(path.read_text(encoding="utf-8"))


def modules(package):
    """Module names of a package's folder, and their files."""
    names = {}
    for path in python_files(package):
        parts = path.relative_to(package.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def imports(package):
    """What each module of a package imports of it: at the top, in functions, or for types alone.

    An import of a.b.c runs a and a.b, too, so they count, except those that the importing module lies in:
    they are running already.
    """
    known = modules(package)
    graph = {}
    for name, path in known.items():
        asked = set()
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Import):
                asked.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = _base(name, path, node)
                asked.update(
                    f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base
                    for alias in node.names
                )
        asked &= known.keys()
        on_the_way = {parent for target in asked for parent in _parents(target)} - set(_parents(name))
        graph[name] = (asked | on_the_way) - {name}
    return graph


def circle(graph):
    """Modules that import each other in a circle, the first one last again; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def copy_of_the_sources(folder):
    """The package's Python files and the contracts of their imports in another folder; returns it."""
    shutil.copytree(SOURCES, folder / "src" / "hepsets", ignore=_all_but_python)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def _base(name, path, node):
    """The module that a ``from … import`` names, also where it is relative."""
    if not node.level:
        return node.module
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    package = package[: len(package) - node.level + 1]
    return ".".join([*package, node.module] if node.module else package)


def _parents(name):
    parts = name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def _all_but_python(folder, names):
    return [name for name in names if not (name.endswith(".py") or (Path(folder) / name).is_dir())]


def functions(*folders):
    """Every function below the folders as ``file::name``, and its syntax; of nested ones the inner name."""
    for path in python_files(*folders):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT)}::{node.name}", node
