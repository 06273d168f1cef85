"""Which quarks a user's file of Z decays holds: as ``b=FILE`` says, or as the file is called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hepsets.core.errors import InputError
from hepsets.core.file_roles import expand_patterns, split_word
from hepsets.formats.root_files import split_tree

FLAVOURS = {"b": 5, "c": 4, "s": 3, "ud": 1, "u": 1, "d": 1}
"""The event column ``flavour`` by the quark's name; light quarks are one flavour."""

_NAMED = re.compile(r"(?:^|[^a-z])[zh]?(bb|cc|ss|uu|dd|ud)(?:bar)?(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class FlavouredFile:
    """A file, its tree if one is named, and the flavour of its events if it is known.

    Parameters
    ----------
    path, tree
        As ``FILE.root:TREE`` names them.
    flavour
        A value of :data:`FLAVOURS`, or ``None``.
    """

    path: Path
    tree: str | None = None
    flavour: int | None = None


def flavoured_files(names: str | Path | Sequence[str | Path], *, needed: bool = False) -> list[FlavouredFile]:
    """Files as a user gives them.

    Parameters
    ----------
    names
        ``FILE``, ``FILE.root:TREE``, ``b=FILE``; each may be a pattern.
    needed
        Whether every flavour has to be known.

    Raises
    ------
    InputError
        For no file, a pattern that nothing matches, a flavour that there is not, a name that says two,
        and, where it is needed, one that says none.

    Examples
    --------
    >>> [file.flavour for file in flavoured_files(["data/Zbb.root", "c=mine.root:events", "p8_ee_Zud.root"])]
    [5, 4, 1]
    """
    found = []
    for name in [names] if isinstance(names, str | Path) else names:
        flavour, rest = split_flavour(name)
        for match in expand_patterns([Path(rest)]):
            path, tree = split_tree(match)
            own = flavour if flavour is not None else flavour_of_name(path)
            if own is None and needed:
                raise InputError(
                    f"no flavour in the name of {path}",
                    "a name such as Zbb, Zcc, Zss or Zud",
                    f"name it as b={path}, c=, s= or ud=",
                )
            found.append(FlavouredFile(path, tree, own))
    if not found:
        raise InputError("no files", "at least one")
    return found


def split_flavour(name: str | Path) -> tuple[int | None, str]:
    """The flavour and the file that ``b=FILE`` names.

    Raises
    ------
    InputError
        For another word before the sign, unless a file is called so.

    Examples
    --------
    >>> split_flavour("b=a.root"), split_flavour("a.root")
    ((5, 'a.root'), (None, 'a.root'))
    """
    word, rest = split_word(str(name))
    if not word:
        return None, rest
    if word not in FLAVOURS:
        raise InputError(f"flavour {word!r} in {name}", f"one of {', '.join(FLAVOURS)} before '='")
    return FLAVOURS[word], rest


def flavour_of_name(path: Path) -> int | None:
    """The flavour that a file's own name says, such as ``Zbb``, or ``None``.

    Raises
    ------
    InputError
        For a name that says two.

    Examples
    --------
    >>> flavour_of_name(Path("wzp6_ee_Zcc_ecm91.root")), flavour_of_name(Path("events.root"))
    (4, None)
    """
    said = {FLAVOURS[match.lower()[0]] for match in _NAMED.findall(path.name)}
    if len(said) > 1:
        raise InputError(
            f"several flavours in the name of {path}", "one", f"name it as b={path}, c=, s= or ud="
        )
    return next(iter(said), None)
