"""Text that fits on a screen: what objects say of themselves at a prompt or in a notebook."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.measured import Measured

LINES, WIDTH = 25, 100
"""Lines and columns of a screen."""


def on_screen(lines: Iterable[str], last: str = "") -> str:
    """Lines as one text of at most :data:`LINES` lines and :data:`WIDTH` columns.

    Parameters
    ----------
    lines
        What is to be said, the most important first; a line that is too long goes on in the next.
    last
        A line that stands at the end in any case.

    Examples
    --------
    >>> print(on_screen([str(number) for number in range(40)], "the end")[-33:])
    21
    22
    … and 17 more lines
    the end
    """
    shown = [part for line in lines for part in textwrap.wrap(line, WIDTH, subsequent_indent="  ") or [""]]
    end = [last[:WIDTH]] if last else []
    room = LINES - len(end)
    if len(shown) > room:
        shown = [*shown[: room - 1], f"… and {len(shown) - room + 1} more lines"]
    return "\n".join([*shown, *end])


def column_lines(columns: Mapping[str, NDArray[Any]]) -> Iterator[str]:
    """What event columns hold, a line each: how many are true, or mean with its error, least and greatest.

    Parameters
    ----------
    columns
        By name, of shape ``(n_events,)``; of others their shape is told.

    Examples
    --------
    >>> for line in column_lines({"label": np.array([True, False]), "R2": np.array([0.1, 0.3])}):
    ...     print(line)
    label  1 of 2, 0.50 ± 0.29
    R2     mean 0.20 ± 0.10, 0.1 to 0.3
    """
    width = max((len(name) for name in columns), default=0)
    for name, values in columns.items():
        yield f"{name:{width}}  {_told(np.asarray(values))}"


def _told(values: NDArray[Any]) -> str:
    if values.ndim != 1:
        return f"{values.dtype}, shape {values.shape}"
    if values.dtype == np.bool_:
        passed, total = int(values.sum()), len(values)
        return f"{passed:,} of {total:,}" + (f", {Measured.proportion(passed, total)}" if total else "")
    if values.dtype.kind not in "iuf":
        return str(values.dtype)
    known = values[np.isfinite(values)].astype(np.float64)
    if not len(known):
        return "no number"
    error = float(known.std(ddof=1) / len(known) ** 0.5) if len(known) > 1 else 0.0
    mean = Measured(float(known.mean()), error)
    undefined = f", {len(values) - len(known):,} undefined" if len(known) < len(values) else ""
    return f"mean {mean}, {known.min():.4g} to {known.max():.4g}{undefined}"
