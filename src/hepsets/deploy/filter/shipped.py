"""The filters that come with the package, by name."""

from __future__ import annotations

from pathlib import Path

from hepsets.core.errors import InputError

SHIPPED = ("hadronic_b0", "all_skims")
"""Names of the shipped filters; the first is what is taken where none is named."""

FOLDER = Path(__file__).parent / "shipped_filters"
"""Where they stand: ``NAME.onnx``, and ``NAME.md``, the model card."""


def filter_file(name: str | Path) -> Path:
    """The file of a filter: a shipped one by its name, else the path as it is.

    The names in :data:`SHIPPED` always mean the shipped filters, whatever stands in the current
    folder; exported files carry an ending.

    Raises
    ------
    InputError
        For a name without an ending that is neither.
    """
    if str(name) in SHIPPED:
        return FOLDER / f"{name}.onnx"
    path = Path(name)
    if not str(name) or (not path.suffix and not path.exists()):
        raise InputError(f"no filter {name}", f"a file, or one of {', '.join(SHIPPED)}")
    return path
