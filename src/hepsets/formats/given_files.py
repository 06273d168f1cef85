"""Refuse a file that is given more than once: by another path, by a link, or with its tree and without."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Hashable, Iterable
from pathlib import Path

from hepsets.core.errors import InputError
from hepsets.formats.root_files import split_tree


class _Given:
    """Files by what two names of one file share; two trees of one file are two."""

    def __init__(self) -> None:
        self._named: dict[Hashable, list[tuple[str | None, str | Path]]] = defaultdict(list)

    def add(self, file: str | Path) -> None:
        place, tree = _place(file)
        self._named[place].append((tree, file))

    def name_of(self, file: str | Path) -> str | Path | None:
        """What the file was called before, if it was."""
        place, tree = _place(file)
        named = self._named.get(place, ())
        return next((name for its, name in named if its == tree or None in (its, tree)), None)


def refuse_twice(files: Iterable[str | Path], each: str) -> None:
    """Refuse a file that is given twice.

    Parameters
    ----------
    files
        ``FILE.root:TREE`` among them.
    each
        What a file may be, for the message.

    Raises
    ------
    InputError
        For the first that was given before.
    """
    given = _Given()
    for file in files:
        other = given.name_of(file)
        if other is not None:
            same = "" if str(other) == str(file) else f", which is {other}"
            raise InputError(f"{file} twice{same}", f"each file once: {each}")
        given.add(file)


def refuse_same_files(train: Iterable[str | Path], test: Iterable[str | Path]) -> None:
    """Refuse a file that is given for training and for testing.

    Raises
    ------
    InputError
        For a single file that is in both.
    """
    given = _Given()
    for file in train:
        given.add(file)
    for file in test:
        if given.name_of(file) is not None:
            raise InputError(f"{file} for training and for testing", "different files")


def _place(file: str | Path) -> tuple[Hashable, str | None]:
    path, tree = split_tree(file)
    try:
        found = path.stat()
    except OSError:  # it is read later, and told then
        return os.path.realpath(path), tree
    return (found.st_dev, found.st_ino), tree
