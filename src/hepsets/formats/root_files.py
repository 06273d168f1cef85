"""ROOT files: opened with an error that helps, and the trees that they hold."""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hepsets.core.errors import InputError

STEP = "8 MB"
"""How much of a tree is read at once: several times as much memory holds it on its way."""

_TREES = ("TTree", "TNtuple", "TNtupleD", "ROOT::RNTuple")
"""Classes that are trees; ROOT's TNtuple is a TTree of floats."""


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An open ROOT file; whatever goes wrong while it is read becomes one line.

    Raises
    ------
    InputError
        If there is no such file, it is no ROOT file, or it is damaged.
    """
    import uproot  # takes longer to load than most of what this package does

    if not path.is_file():
        raise InputError(f"{path}: no such file", "a ROOT file", "check the path")
    try:
        with uproot.open(path) as file:
            yield file
    except InputError:
        raise
    except Exception as error:  # a damaged file makes uproot and what unpacks for it raise anything
        reason = " ".join(str(error).split())[:100]
        raise InputError(
            f"{path} cannot be read as a ROOT file ({reason})", "a ROOT file that was closed properly"
        ) from error


def trees_of(file: Any) -> dict[str, Any]:
    """The trees of an open file by their names, of each the newest."""
    classes = file.classnames(cycle=False)
    return {name: file[name] for name, kind in classes.items() if kind in _TREES}


def split_tree(path: str | Path) -> tuple[Path, str | None]:
    """The file and the tree that ``FILE.root:TREE`` names, as uproot and ROOT's tools have it.

    Examples
    --------
    >>> split_tree("b0.root:variables")
    (PosixPath('b0.root'), 'variables')
    """
    name, colon, tree = str(path).rpartition(".root:")
    if not colon or not tree or Path(path).exists():
        return Path(path), None
    return Path(f"{name}.root"), tree


def in_steps(tree: Any, names: Container[str] | None, library: str) -> Iterator[Any]:
    """A tree or RNTuple in pieces that take little memory, as arrays of a library; nothing of an empty one.

    Parameters
    ----------
    tree
        Of uproot.
    names
        Its branches that are read; all of them by default.
    library
        ``ak`` or ``np``.
    """
    if tree.num_entries:
        some = {} if names is None else {"filter_name": lambda name: name in names}
        yield from tree.iterate(step_size=STEP, library=library, **some)
