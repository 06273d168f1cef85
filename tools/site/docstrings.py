"""Docstrings for the site: the roles that name other objects become links, stars of mesons stay stars."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, GriffeError, Object

ROLE = re.compile(r":(?:class|func|meth|mod|data|attr|exc):`~?([\w.]+)`")
MATH = re.compile(r":math:`([^`]*)`")
STAR = re.compile(r"\b([KDB]|Ds)\*(?=[^\s*])")


class Links(Extension):
    """Turn ``:func:`fit``` into a link to ``hepsets.learn.training.fit.fit``, wherever it stands."""

    def on_package(self, *, pkg: Any, **_: Any) -> None:
        """Mend the docstrings of everything in the package, once all of it is known."""
        _walk(pkg)


def _walk(owner: Any) -> None:
    for item in [owner, *owner.members.values()]:
        if not item.is_alias and item.docstring:
            item.docstring.value = linked(item.docstring.value, item)
    for item in owner.members.values():
        if not item.is_alias and (item.is_module or item.is_class):
            _walk(item)


def linked(text: str, owner: Object) -> str:
    """A docstring as Markdown; a name that the reference does not show stays code without a link."""

    def link(found: re.Match[str]) -> str:
        target = found[1] if found[1].startswith("hepsets.") else _resolved(found[1], owner)
        shown = f"`{found[1].rpartition('.')[2]}`"
        return f"[{shown}][{target}]" if _is_shown(target, owner) else shown

    text = MATH.sub(r"`\1`", ROLE.sub(link, text))
    text = re.sub(r"^ *::\n", "", text, flags=re.MULTILINE)  # the indented block below is code as it is
    lines = text.split("\n")
    return "\n".join(
        line if line.lstrip().startswith((">>>", "...")) else STAR.sub(r"\1\\*", line) for line in lines
    )


def _resolved(name: str, owner: Object) -> str:
    """Full path of a name as the docstring's object sees it; empty if it sees none."""
    first, _, rest = name.partition(".")
    try:
        path = owner.resolve(first)
    except GriffeError:
        return ""
    return f"{path}.{rest}" if rest else path


def _is_shown(path: str, owner: Object) -> bool:
    """Whether the reference has an entry; also true of what lies in no module, for the build to warn of."""
    package, *parts = path.split(".")
    if package != "hepsets" or parts[-1].startswith("_"):
        return False
    found: Any = owner.package
    for place, part in enumerate(parts, 1):
        if part not in found.members:
            return place < len(parts) and not found.is_class  # no such module
        found = found.members[part]
        found = found.final_target if found.is_alias else found
    return bool(found.docstring)
