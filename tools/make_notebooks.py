"""Make docs/notebooks from examples/: scripts cut into cells and run, with what they print and draw.

    python tools/make_notebooks.py [NAME...]

The docstring of the script becomes the title and the text below it; a comment at the left margin after an
empty line becomes the text of the cell that it stands above.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
EXAMPLES, NOTEBOOKS = ROOT / "examples", ROOT / "docs" / "notebooks"


def cells_of(script: str) -> list[tuple[str, str]]:
    """Kind, ``markdown`` or ``code``, and source of each cell of a script."""
    title, _, text = (ast.get_docstring(ast.parse(script)) or "").partition("\n\n")
    cells = [("markdown", f"# {title.removesuffix('.')}\n\n{text}".strip())]
    for block in script.split('"""', 2)[2].strip().split("\n\n"):
        lines = block.strip("\n").split("\n")
        comment = [line[2:] for line in lines if line.startswith("# ")]
        is_text = lines[0].startswith("# ")
        if is_text:
            while lines and lines[0].startswith("# "):
                lines.pop(0)
            cells.append(("markdown", "\n".join(comment)))
        if lines and (is_text or cells[-1][0] == "markdown"):
            cells.append(("code", "\n".join(lines)))
        elif lines:
            gap = "\n\n\n" if block.startswith("\n") else "\n\n"
            cells[-1] = ("code", cells[-1][1] + gap + "\n".join(lines))
    return [(kind, source.strip("\n")) for kind, source in cells]


def notebook_of(script: str) -> Any:
    """The notebook of a script, not yet run."""
    from nbformat import v4

    new = {"markdown": v4.new_markdown_cell, "code": v4.new_code_cell}
    notebook = v4.new_notebook(cells=[new[kind](source) for kind, source in cells_of(script)])
    for place, cell in enumerate(notebook.cells):
        cell.id = f"cell-{place}"  # the same each time
    notebook.metadata = {"language_info": {"name": "python"}}
    return notebook


def main(names: list[str]) -> None:
    """Make the notebooks of the named examples, or of all."""
    import nbformat
    from nbclient import NotebookClient

    NOTEBOOKS.mkdir(exist_ok=True)
    for script in sorted(EXAMPLES.glob("*.py")):
        if names and script.stem not in names:
            continue
        notebook = notebook_of(script.read_text(encoding="utf-8"))
        NotebookClient(notebook, timeout=1800, kernel_name="python3", record_timing=False).execute(cwd=ROOT)
        for cell in notebook.cells:
            cell.pop("execution_count", None)
            if cell.cell_type == "code":
                cell.execution_count = None
                # progress bars belong to the terminal
                cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]
        notebook.metadata = {"language_info": {"name": "python"}}
        nbformat.write(notebook, NOTEBOOKS / f"{script.stem}.ipynb")
        print(NOTEBOOKS / f"{script.stem}.ipynb")


if __name__ == "__main__":
    main(sys.argv[1:])
