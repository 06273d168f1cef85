"""The command new-analysis: a small analysis that runs, to be changed into one's own."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from typing import Annotated

import typer

from hepsets.analyses.contract import ANALYSES
from hepsets.cli.application import command
from hepsets.core.errors import InputError
from hepsets.core.file_roles import Output
from hepsets.core.streams import echo
from hepsets.core.whole_file import together

SKELETON = Path(__file__).parent / "skeleton"


@command("new-analysis")
def new_analysis(
    name: Annotated[str, typer.Argument(help="What hepsets run shall call it, such as tau-mass.")],
    package: Annotated[
        Path | None,
        typer.Option(help="Folder of a new package of your own; else it goes into this source tree."),
        Output(None),
    ] = None,
) -> None:
    """Write an analysis that runs at once, with its test and its docs page; see docs/extending.md."""
    _check(name)
    module = name.replace("-", "_")
    if package is None:
        root = source_tree()
        files = {
            root / "src" / "hepsets" / "analyses" / module / "__init__.py": "analysis",
            root / "tests" / "analyses" / f"test_{module}.py": "test",
            root / "docs" / f"{module}.md": "docs",
        }
        then = f"hepsets run {name} --scale quick"
    else:
        module = f"hepsets_{module}"
        files = {
            package / "pyproject.toml": "pyproject",
            package / f"{module}.py": "analysis",
            package / f"test_{module}.py": "test",
            package / "README.md": "docs",
        }
        then = f"pip install --editable {package}, then hepsets run {name} --scale quick"
    words = {"NAME": name, "MODULE": module, "PROJECT": f"hepsets-{name}", "TITLE": name.replace("-", " ")}
    write(files, words)
    for path in files:
        echo(str(path))
    echo(f"now: {then}")


def _check(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise InputError(f"name {name!r}", "small letters, digits and single dashes, such as tau-mass")
    if keyword.iskeyword(name):
        raise InputError(f"name {name!r}", "none that Python keeps for itself", f"such as {name}-study")
    if name in ANALYSES:
        raise InputError(f"an analysis {name} is there already", "a name of its own")


def source_tree() -> Path:
    """The source tree that this package runs from.

    Raises
    ------
    InputError
        If it was installed without one.
    """
    import hepsets

    root = Path(hepsets.__file__).resolve().parents[2]
    if not (root / "src" / "hepsets").is_dir() or not (root / "pyproject.toml").is_file():
        raise InputError(
            "hepsets is not run from its source tree", "--package FOLDER", "make a package of your own"
        )
    return root


def write(files: dict[Path, str], words: dict[str, str]) -> None:
    """Write files from their templates, all of them or none; none if one of them is there already.

    Raises
    ------
    InputError
        If one is.
    """
    from hepsets.core.run import write_atomically

    for path in files:
        for taken in (path, path.parent.with_suffix(".py")):  # a folder would hide a module of its name
            if taken.exists():
                raise InputError(f"{taken} exists", "a new file", "choose another name or folder")
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
    with together():
        for path, template in files.items():
            text = (SKELETON / f"{template}.tmpl").read_text(encoding="utf-8")
            write_atomically(path, re.sub(r"@([A-Z]+)@", lambda found: words[found[1]], text))
