"""Write the table of docs/architecture.md from the first line of each file and folder of the package.

``python tools/architecture.py`` writes it; ``make architecture`` does.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGE = ROOT / "src" / "hepsets"
STAGES = (
    *("cli", "public", "analyses", "report", "deploy", "evaluate", "learn"),
    *("represent", "select", "simulate", "generate", "formats", "core"),
)
"""Folders of the package, from what uses others to what is used."""

BEGIN, END = "<!-- made by tools/architecture.py: -->", "<!-- :made by tools/architecture.py -->"
"""Lines of the page that the table stands between."""


def first_line(path: Path) -> str:
    """The first line of a file's docstring, markup of references as code.

    Raises
    ------
    ValueError
        If the file has none.
    """
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    if not docstring:
        raise ValueError(f"{path} does not say what it is for")
    words = docstring.splitlines()[0].replace("``", "`")
    for role in (":mod:", ":func:", ":class:", ":data:"):
        words = words.replace(role, "")
    return words.replace("|", "\\|")


def section(stage: Path) -> list[str]:
    """Lines of the page about a stage: its rooms and files, each room before what it holds."""
    lines = [
        "",
        f"### {stage.name}",
        "",
        first_line(stage / "__init__.py"),
        "",
        "| file | purpose |",
        "|---|---|",
    ]
    for folder in sorted({path.parent for path in stage.rglob("*.py")}):
        if folder != stage:
            lines.append(f"| **{folder.relative_to(stage)}/** | {first_line(folder / '__init__.py')} |")
        for path in sorted(folder.glob("*.py")):
            if path.name != "__init__.py":
                lines.append(f"| `{path.relative_to(stage)}` | {first_line(path)} |")
    return lines


def table() -> str:
    """What stands between the marks of the page."""
    return "\n".join(line for stage in STAGES for line in section(PACKAGE / stage)) + "\n\n"


def page(text: str) -> str:
    """The page's text with the table in its place.

    Raises
    ------
    ValueError
        If the page lacks the marks.
    """
    before, found, rest = text.partition(BEGIN)
    _, also, after = rest.partition(END)
    if not found or not also:
        raise ValueError(f"{PAGE} has no lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table()}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
