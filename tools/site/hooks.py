"""Pages of the site that no file in docs/ holds: reference, notebooks, gallery, and files from elsewhere."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

import hepsets

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "hepsets"
CARDS = "src/hepsets/deploy/filter/shipped_filters"

ELSEWHERE = {
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "filters/hadronic_b0.md": f"{CARDS}/hadronic_b0.md",
    "filters/all_skims.md": f"{CARDS}/all_skims.md",
    "trunk.md": "src/hepsets/deploy/trunk/shipped.md",
}
"""Pages that are files of the repository outside docs/."""

STAGES = (
    *("core", "formats", "generate", "simulate", "select", "represent", "learn", "evaluate"),
    *("report", "deploy", "analyses", "cli"),
)
"""The order of the stages in the reference."""

LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")
FIGURE = re.compile(r"^!\[([^\]]*)\]\((figures/[^)]+)\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made, and put them into the navigation."""
    made: dict[str, str | bytes] = {
        page: (ROOT / path).read_text(encoding="utf-8") for page, path in ELSEWHERE.items()
    }
    notebooks = {f"notebooks/{path.stem}.md": path for path in sorted(ROOT.glob("docs/notebooks/*.ipynb"))}
    for page, path in notebooks.items():
        drawn: dict[str, bytes] = {}
        made[page] = "".join(notebook_markdown(path, drawn))
        made |= {f"notebooks/{name}": content for name, content in drawn.items()}
    reference = reference_pages()
    made |= reference
    made["gallery.md"] = "".join(gallery(config))
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    for entry in config["nav"]:
        if "Analyses" in entry:
            entry["Analyses"] += unlisted_analyses(config["nav"])
        if "Notebooks" in entry:
            entry["Notebooks"] = list(notebooks)
        if "Reference" in entry:
            entry["Reference"] = _tree(list(reference))
    return files


def unlisted_analyses(nav: Any) -> list[str]:
    """Pages of docs/ named as an analysis that the navigation does not list: those just written."""
    listed = json.dumps(nav)
    pages = (f"{path.parent.name}.md" for path in sorted(SOURCE.glob("analyses/*/__init__.py")))
    return [page for page in pages if (ROOT / "docs" / page).is_file() and f'"{page}"' not in listed]


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links to files of the repository become links to their pages; stars of mesons stay stars."""
    source = page.file.src_uri
    folder = ROOT / ELSEWHERE[source] if source in ELSEWHERE else ROOT / "docs" / source

    def link(found: re.Match[str]) -> str:
        target = (folder.parent / found[1]).resolve()
        page_of = _page(target)
        if page_of is None:
            return found[0]
        return f"]({'../' * source.count('/')}{page_of}{found[2] or ''})"

    return LINK.sub(link, re.sub(r"\bK\*(?=[⁰⁺⁻])", r"K\\*", markdown))


def _page(target: Path) -> str | None:
    """The page of the site that shows a file of the repository, if one does."""
    if not target.is_relative_to(ROOT):
        return None
    path = target.relative_to(ROOT).as_posix()
    for page, file in ELSEWHERE.items():
        if path == file:
            return page
    if path.startswith("docs/"):
        return path.removeprefix("docs/").replace(".ipynb", ".md")
    if path.startswith("src/hepsets/") and path.endswith(".py"):
        folder = "/".join(Path(path).parent.parts[2:]).removeprefix("public")
        return f"reference/{folder or 'hepsets'}.md"
    return None


# -- reference -------------------------------------------------------------------------------------


def reference_pages() -> dict[str, str]:
    """One page per folder of the source, with all of its modules; the public names first."""
    pages = {"reference/hepsets.md": "".join(_public_names())}
    folders = [path.parent.relative_to(SOURCE) for path in SOURCE.glob("*/**/__init__.py")]
    strange = {folder.parts[0] for folder in folders} - {*STAGES, "public"}
    if strange:
        raise PluginError(f"no place in the reference for {', '.join(sorted(strange))}: name it in STAGES")
    stages = {name: place for place, name in enumerate(STAGES)}
    folders = [folder for folder in folders if folder.parts[0] in stages]
    for folder in sorted(folders, key=lambda one: (stages[one.parts[0]], one.parts)):
        name = ".".join(("hepsets", *folder.parts))
        modules = sorted(path.stem for path in (SOURCE / folder).glob("*.py") if path.stem != "__init__")
        text = f"# {name}\n\n{_object(name, members='false')}"
        text += "".join(f"\n## {module}\n\n{_object(f'{name}.{module}')}" for module in modules)
        pages[f"reference/{folder.as_posix()}.md"] = text
    return pages


def _object(name: str, **options: str) -> str:
    chosen = ", ".join(f"{key}: {value}" for key, value in {"show_root_heading": "false", **options}.items())
    return f"::: {name}\n    options: {{ {chosen} }}\n"


def _public_names() -> Iterator[str]:
    """The names of ``import hepsets as hs``, each where it is documented."""
    homes = hepsets._HOMES
    public = {module: names for module, names in homes.items() if module.startswith("hepsets.public.")}
    classes = (
        f"[`hs.{name}`][{home}.{name}]" for home in homes if home not in public for name in homes[home]
    )
    yield "# Public names\n\n`import hepsets as hs` gives what follows, and the classes "
    yield f"{', '.join(sorted(classes))}. All else is reached by its module.\n"
    for module in public:
        yield f"\n## About {module.rpartition('.')[2]}\n\n{_object(module)}"


def _tree(pages: list[str]) -> list[Any]:
    """The pages of the reference as nested navigation: a stage, then its rooms."""
    tree: list[Any] = ["reference/hepsets.md"]
    for stage in STAGES:
        own = [page for page in pages if page.split("/")[1].removesuffix(".md") == stage]
        tree.append({stage: own if len(own) > 1 else own[0]})
    return tree


# -- notebooks -------------------------------------------------------------------------------------


def notebook_markdown(path: Path, drawn: dict[str, bytes]) -> Iterator[str]:
    """A notebook as Markdown: text, code, and what was printed and drawn; figures go into ``drawn``."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield f"{source}\n\n"
            continue
        yield f"```python\n{source}\n```\n\n"
        for output in cell["outputs"]:
            data = output.get("data", {})
            if "image/png" in data:
                name = f"{path.stem}_{len(drawn)}.png"
                drawn[name] = base64.b64decode("".join(data["image/png"]))
                yield f"![figure]({name})\n\n"
            elif text := "".join(output.get("text", data.get("text/plain", ""))):
                yield f'```text title="out"\n{text.rstrip()}\n```\n\n'


# -- gallery ---------------------------------------------------------------------------------------


def gallery(config: Any) -> Iterator[str]:
    """All figures of the pages, each with what it is called there and a link to the place."""
    yield "# Gallery\n\nThe figures of these pages; each leads to where it is explained.\n\n"
    unseen = {f"figures/{path.name}" for path in (ROOT / "docs" / "figures").iterdir()}
    for path in sorted((ROOT / "docs").glob("*.md")):
        title, section, shown = "", "", []
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("# ") and not title:
                title = line[2:]
            elif line.startswith("#"):
                section = "#" + _slug(line.lstrip("# "), config)
            elif found := FIGURE.match(line):
                unseen.discard(found[2])
                shown.append(
                    f"- [![{found[1]}]({found[2]}){{ loading=lazy }}<br>{found[1]}]({path.name}{section})\n"
                )
        yield _figures(title, shown)
    yield _figures(
        "Others",
        [
            f"- ![{_words(figure)}]({figure}){{ loading=lazy }}<br>{_words(figure)}\n"
            for figure in sorted(unseen)
        ],
    )


def _figures(title: str, shown: list[str]) -> str:
    if not shown:
        return ""
    return f'## {title}\n\n<div class="gallery" markdown>\n\n{"".join(shown)}\n</div>\n\n'


def _words(figure: str) -> str:
    return Path(figure).stem.replace("_", " ")


def _slug(heading: str, config: Any) -> str:
    return str(config["mdx_configs"]["toc"]["slugify"](heading, "-"))
