"""What the files of a command are for, and the one check of them all before any work.

A parameter of a command says in its annotation that it is an :class:`Input` or an :class:`Output`. Nothing
that is read is ever overwritten, no two results go to one file, and the name of a file says what is in it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from hepsets.core.errors import InputError
from hepsets.core.whole_file import is_special

STREAM = Path("-")
"""Standard input or output."""

_COMPRESSED = ("", ".gz", ".xz", ".bz2", ".zst")
_HEPMC = tuple(name + packed for packed in _COMPRESSED for name in (".hepmc", ".hepmc3"))

SUFFIXES = {
    "parquet": (".parquet",),
    "HepMC3 or parquet": (*_HEPMC, ".parquet"),
    "ONNX": (".onnx",),
    "ROOT or parquet": (".root", ".parquet"),
    "JSON": (".json",),
    "CSV": (".csv",),
    "HTML": (".html", ".htm"),
    "SQLite": (".sqlite", ".sqlite3", ".db"),
}
"""How the names of files end that the commands write, by what they hold."""

Identity: TypeAlias = tuple[object, ...]
"""The same for two names of one file."""


@dataclass(frozen=True)
class Input:
    """Marks a parameter that names what is read: a file, a folder, or a list of them.

    Parameters
    ----------
    find
        The path of a value.
    """

    find: Callable[[Any], Path] = Path


@dataclass(frozen=True)
class Output:
    """Marks a parameter that names what is written.

    Parameters
    ----------
    holds
        One of :data:`SUFFIXES`, or ``None`` for a folder.
    stream
        Whether ``-`` is standard output.
    continued
        Whether the file may hold earlier work, which is gone on with.
    """

    holds: str | None
    stream: bool = False
    continued: bool = False


@dataclass(frozen=True)
class NamedOutput:
    """An output as the user gave it: the option that names it, its path and what it is for."""

    option: str
    path: Path
    role: Output


def expand_patterns(paths: Sequence[Path]) -> list[Path]:
    """Paths with patterns such as ``*.root`` replaced by the files that match, in the order of their names.

    A word before a pattern, as in ``b=*.root``, stays before each of its files.

    Raises
    ------
    InputError
        For a pattern that nothing matches.
    """
    found: list[Path] = []
    for path in paths:
        if path.exists() or not has_magic(str(path)):
            found.append(path)
            continue
        word, pattern = split_word(str(path))
        matches = sorted(glob(pattern))  # noqa: PTH207 (an absolute pattern has no folder)
        if not matches:
            raise InputError(f"no file matches {path}", "a pattern of existing files", "check the path")
        found += [Path(f"{word}={match}" if word else match) for match in matches]
    return found


def split_word(name: str) -> tuple[str, str]:
    """The word and the file of ``WORD=FILE``; no word where a file is called so, or there is none.

    Examples
    --------
    >>> split_word("b=x.root"), split_word("x.root"), split_word("./a=b.root")
    (('b', 'x.root'), ('', 'x.root'), ('', './a=b.root'))
    """
    word, sign, rest = name.partition("=")
    return (word, rest) if sign and word.isalnum() and not Path(name).exists() else ("", name)


def check_files(inputs: Sequence[Path], outputs: Sequence[NamedOutput]) -> None:
    """Refuse outputs that would overwrite an input or one another, or that cannot be written.

    Two names of one file (links of either kind) are one file. A folder that is read is not written into.

    Raises
    ------
    InputError
        For the first output that must not be.
    """
    for output in outputs:
        _check_place(output)
    taken = {identity: f"the input {path}" for path in inputs if (identity := _identity(path, 0))}
    for output in outputs:
        for known in _identities(output):
            if known in taken:
                raise InputError(
                    f"{output.option} {output.path} is also {taken[known]}",
                    "a file of its own for each result, outside the files and folders that are read",
                    "choose another name",
                )
        own = _identity(output.path, 1)
        if own:
            taken[own] = output.option
    for output in outputs:
        if output.role.holds is not None:
            check_suffix(output.option, output.path, output.role.holds)


def check_suffix(option: str, path: Path, holds: str) -> None:
    """Refuse the name of a file that ends in what it does not hold.

    Raises
    ------
    InputError
        Unless it ends in one of :data:`SUFFIXES`; streams, devices and pipes may be called anything.
    """
    if path == STREAM or is_special(path):
        return
    fitting = SUFFIXES[holds]
    if not path.name.endswith(fitting) or path.name in fitting:
        raise InputError(f"{option} {path} for {holds}", f"a name that ends in {' or '.join(fitting)}")


def _check_place(output: NamedOutput) -> None:
    path, role = output.path, output.role
    if path == STREAM and not role.stream:
        raise InputError(f"{output.option} -", "the name of a file to write")
    own = None if role.stream else _identity(path, 1)
    if own and own == _identity(STREAM, 1):
        raise InputError(
            f"{output.option} {path} is standard output, where other text goes", "the name of a file to write"
        )
    if path == STREAM:
        return
    if role.holds is None:
        _check_folder(output)
        return
    try:
        if path.is_dir():
            raise InputError(f"{output.option} {path} is a folder", "the name of a file to write")
        folder = Path(os.path.realpath(path)).parent
        if not folder.is_dir():
            raise InputError(f"no folder {path.parent}", "an existing folder", "create it first")
        if not os.access(path if is_special(path) or (role.continued and path.exists()) else folder, os.W_OK):
            raise InputError(f"{path} cannot be written (Permission denied)", "a folder to write to")
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror})", "a folder to write to") from error


def _check_folder(output: NamedOutput) -> None:
    """Refuse a folder that cannot be made: it is, for a moment, one deeper in the nearest that exists."""
    place = Path(os.path.realpath(output.path))
    try:
        nearest = next(one for one in (place, *place.parents) if one.exists())
        if not nearest.is_dir() and nearest != place:  # what has its own name, the command refuses
            raise InputError(f"{output.option} {output.path}: {nearest} is no folder", "a folder to write to")
        if nearest != place:
            with TemporaryDirectory(prefix=".", dir=nearest) as folder:
                (Path(folder) / place.relative_to(nearest)).mkdir(parents=True)
    except OSError as error:
        raise InputError(
            f"{output.option} {output.path} cannot be made ({error.strerror})", "a folder to write to"
        ) from error


def _identities(output: NamedOutput) -> list[Identity]:
    """What the output is, and every folder that it lies in."""
    own = _identity(output.path, 1)
    if not own or output.path == STREAM:
        return [own] if own else []
    place = Path(os.path.realpath(output.path))
    return [own, *filter(None, (_identity(folder, 1) for folder in place.parents))]


def _identity(path: Path, stream: int) -> Identity | None:
    """What two names of one file share; ``None`` for what may be read and written at once."""
    try:
        found = os.fstat(stream) if path == STREAM else path.stat()
    except OSError:
        if path == STREAM:
            return None
        word, rest = split_word(str(path)) if not stream else ("", "")  # WORD=FILE, of what is read
        if word and any(Path(name).is_file() for name in (rest, rest.rpartition(":")[0])):
            return _identity(Path(rest), stream)
        place = Path(os.path.realpath(path))
        inside, colon, _ = str(path).rpartition(":")  # FILE.root:TREE
        if colon and Path(inside).is_file():
            return _identity(Path(inside), stream)
        folder = None if place == place.parent else _identity(place.parent, stream)
        return (*(folder or (place.parent,)), place.name)
    kind = found.st_mode
    if stat.S_ISREG(kind) or stat.S_ISDIR(kind) or (stat.S_ISFIFO(kind) and (stream or path != STREAM)):
        return found.st_dev, found.st_ino
    return None
