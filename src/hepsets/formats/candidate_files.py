"""What a user's files of candidates are: ``signal=FILE`` is simulated signal, ``data=FILE`` is data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hepsets.core.errors import InputError
from hepsets.core.file_roles import expand_patterns, split_word
from hepsets.formats.given_files import refuse_twice

ROLES = ("signal", "data")
"""Words before the file: simulated signal; data, or background alone."""

LABELS = {"signal": True, "continuum": False, "background": False}
"""Words before a file, or in its name, that say what all of its candidates are."""

_IN_NAMES = {True: r"signal", False: r"continuum|background|qqbar|[udsc]{2}bar"}


@dataclass(frozen=True)
class LabelledFile:
    """A file, and whether all of its candidates are signal; ``None`` if neither word nor name say so."""

    path: Path
    signal: bool | None = None


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
        if not file:
            raise InputError(f"{role}= without a file", f"{role}=FILE")
        found[role] += expand_patterns([Path(file)])
    for role, files in found.items():
        if not files:
            raise InputError(f"no file of {role}", "one of each role", f"give --data {role}=FILE, too")
    every = (file for files in found.values() for file in files)
    refuse_twice(every, "signal alone, or data alone")
    return found


def labelled_files(names: Sequence[str | Path]) -> list[LabelledFile]:
    """Files as a user gives them: ``signal=FILE``, ``continuum=FILE``, or by their names.

    Parameters
    ----------
    names
        Each may be a pattern.

    Raises
    ------
    InputError
        For another word before a file, a pattern that nothing matches, and a file that is given twice.

    Examples
    --------
    >>> [file.signal for file in labelled_files(["signal_mc.root", "continuum=mine.root", "b.root"])]
    [True, False, None]
    """
    found = []
    for name in names:
        word, file = split_word(str(name))
        if word and word not in LABELS:
            raise InputError(f"{name} of role {word!r}", "signal=FILE, continuum=FILE, or FILE alone")
        for path in expand_patterns([Path(file)]):
            found.append(LabelledFile(path, LABELS[word] if word else _label_of_name(path)))
    refuse_twice((one.path for one in found), "signal alone, or background alone")
    return found


def _label_of_name(path: Path) -> bool | None:
    said = [label for label, words in _IN_NAMES.items() if re.search(words, path.name.lower())]
    return said[0] if len(said) == 1 else None
