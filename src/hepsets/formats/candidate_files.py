"""What a user's files of candidates are: ``signal=FILE`` is simulated signal, ``data=FILE`` is data."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from pathlib import Path

from hepsets.core.errors import InputError
from hepsets.core.file_roles import expand_patterns, split_word
from hepsets.formats.root_files import split_tree

ROLES = ("signal", "data")
"""Words before the file: simulated signal; data, or background alone."""


def candidate_files(names: Sequence[str | Path]) -> dict[str, list[Path]]:
    """Files as a user gives them, by their role; ``FILE.root:TREE`` stays as it is.

    Parameters
    ----------
    names
        ``signal=FILE`` and ``data=FILE``; each may be a pattern, and come more than once.

    Raises
    ------
    InputError
        For a file without a role or with another one, a pattern that nothing matches, a file that is given
        twice, and if there is no file of a role.

    Examples
    --------
    >>> candidate_files(["signal=mc.root", "data=2016.root:DecayTree"])
    {'signal': [PosixPath('mc.root')], 'data': [PosixPath('2016.root:DecayTree')]}
    """
    found: dict[str, list[Path]] = {role: [] for role in ROLES}
    for name in names:
        role, file = split_word(str(name))
        if role not in ROLES:
            raise InputError(
                f"{name} of role {role!r}" if role else f"{name} without a role",
                "signal=FILE for simulated signal, data=FILE for data",
            )
        found[role] += expand_patterns([Path(file)])
    for role, files in found.items():
        if not files:
            raise InputError(f"no file of {role}", "one of each role", f"give --data {role}=FILE, too")
    refuse_twice([file for files in found.values() for file in files])
    return found


def refuse_twice(files: Sequence[Path], each: str = "signal alone, or data alone") -> None:
    """Two names of one file are one: by another path, a link, or with its tree and without.

    Parameters
    ----------
    files
        ``FILE.root:TREE`` among them.
    each
        What a file may be.

    Raises
    ------
    InputError
        For a file that is given twice.
    """
    known: dict[Hashable, list[tuple[Path, str | None]]] = {}
    for file in files:
        path, tree = split_tree(file)
        try:
            state = path.stat()
            of_file = known.setdefault((state.st_dev, state.st_ino), [])
        except OSError:  # it is read later, and told then
            of_file = known.setdefault(os.path.realpath(path), [])
        for other, its_tree in of_file:
            if tree == its_tree or None in (tree, its_tree):
                same = "" if other == file else f", which is {other}"
                raise InputError(f"{file} twice{same}", f"each file once: {each}")
        of_file.append((file, tree))
