"""Columns of which a part is in another unit, as files of unlike origin put together make them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError

_SHARE = 0.01
"""Of the values, from which on a column is taken for one in two units."""
_NEAR = 3.0


def refuse_mixed_units(values: NDArray[np.float64], name: str) -> None:
    """Refuse values of which more than a hundredth are a thousand times the others, or a thousandth.

    Parameters
    ----------
    values
        Positive as a rule and within an order of magnitude, such as masses; shape ``(n,)``.
    name
        Of the column.

    Raises
    ------
    InputError
        For such values.

    Examples
    --------
    >>> refuse_mixed_units(np.array([5.3, 5.4, 5366.0]), "Bs_M")
    Traceback (most recent call last):
    ...
    hepsets.core.errors.InputError: 1 of 3 values of Bs_M are 1000 times the others; expected one unit ...
    """
    middle = float(np.median(values)) if len(values) else 0.0
    for factor in (1e3, 1e-3) if middle > 0 else ():
        off = int(((values > factor * middle / _NEAR) & (values < factor * middle * _NEAR)).sum())
        if off > _SHARE * len(values):
            raise InputError(
                f"{off} of {len(values)} values of {name} are {factor:g} times the others",
                "one unit in the whole column, MeV or GeV",
                "convert those that are in the other",
            )
