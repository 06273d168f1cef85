"""What the base installation leaves out: which extra brings a library, and the one error that says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from hepsets.core.errors import InputError

EXTRAS = {
    "simulate": ("numba", "scipy"),
    "generate": ("pythia8mc", "decaylanguage", "numba", "scipy"),
    "report": ("jinja2", "matplotlib", "scipy", "sklearn"),
    "fit": ("iminuit", "numba_stats", "sweights", "jinja2", "matplotlib", "numba", "scipy", "sklearn"),
    "train": (
        *("torch", "lightning", "safetensors", "xgboost", "sklearn", "imblearn", "hep_ml", "optuna", "onnx"),
        *("onnxscript", "decaylanguage", "iminuit", "numba_stats", "sweights", "jinja2", "matplotlib"),
        *("numba", "scipy"),
    ),
    "farm": ("dask", "distributed", "dask_jobqueue", "cryptography", "bokeh"),
    "pickle": ("pandas",),
}
"""What is imported of the libraries that each extra brings, those first that it is named after.

Where several bring one, the first that lists it is told.
"""

_SHOWN = 3
"""So many missing libraries are named."""


def missing(extra: str, what: str, libraries: tuple[str, ...]) -> InputError:
    """The error about libraries that are not installed.

    Examples
    --------
    >>> print(missing("train", "hepsets run", ("torch", "xgboost")))
    hepsets run without torch, xgboost; expected the extra train; pip install "hepsets[train]"
    """
    more = f" and {len(libraries) - _SHOWN} more" if len(libraries) > _SHOWN else ""
    return InputError(
        f"{what} without {', '.join(libraries[:_SHOWN])}{more}",
        f"the extra {extra}",
        f'pip install "hepsets[{extra}]"',
    )


def absent(extra: str) -> tuple[str, ...]:
    """Libraries of an extra that are not installed; nothing is imported to find out.

    Parameters
    ----------
    extra
        One of :data:`EXTRAS`, or several with commas between them.
    """
    return tuple(name for one in extra.split(",") for name in EXTRAS[one] if not _installed(name))


def require(extra: str, what: str) -> None:
    """Refuse to begin what would end at the first import.

    Parameters
    ----------
    extra
        As in :func:`absent`.
    what
        Needs it: a command, say.

    Raises
    ------
    InputError
        If libraries of the extra are not installed.
    """
    libraries = absent(extra)
    if libraries:
        raise missing(extra, what, libraries)


def _installed(library: str) -> bool:
    try:
        return find_spec(library) is not None
    except (ImportError, ValueError):  # a module without a specification, or whose finder refuses
        return False


@contextmanager
def telling_extras(what: str) -> Iterator[None]:
    """Around imports and calls: a library of an extra that turns out to be missing is told as such.

    Raises
    ------
    InputError
        In place of the ``ModuleNotFoundError`` about a library of :data:`EXTRAS`.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        extra = next((extra for extra, names in EXTRAS.items() if library in names), None)
        if extra is None:
            raise
        raise missing(extra, what, (library,)) from error
