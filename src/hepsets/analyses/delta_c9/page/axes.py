"""Axes of the four variables of a decay, and the colours of signal and background."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hepsets.report.style import COLOURS

SYMBOLS: Mapping[str, str] = {
    "q_squared": r"$q^2$",
    "costheta_mu": r"$\cos\theta_\mu$",
    "costheta_K": r"$\cos\theta_K$",
    "chi": r"$\chi$",
}
"""Labels without unit of the four variables."""
"""Labels without unit of the four variables."""


UNITS: Mapping[str, str] = {"q_squared": "GeV²", "chi": "rad"}

SIGNAL, BACKGROUND = COLOURS[0], COLOURS[1]


def variable_axis(axis: Axis, name: str) -> None:
    """Label an axis by its variable with unit, with ticks that suit it."""
    symbol = SYMBOLS.get(name, name)
    axis.set_label_text(f"{symbol} [{UNITS[name]}]" if name in UNITS else symbol)
    if name == "chi":
        axis.set_ticks([-np.pi, 0, np.pi], ["−π", "0", "π"])
    elif name.startswith("costheta"):
        axis.set_ticks([-1, -0.5, 0, 0.5, 1], ["−1", "−0.5", "0", "0.5", "1"])
    else:
        axis.set_major_locator(MaxNLocator(5, integer=True))


def row_of_panels(figure: Figure, content: Mapping[str, Any], height: float, *, sharey: bool) -> list[Axes]:
    """A panel for each variable, side by side, ``height`` inches high."""
    figure.set_size_inches(min(9.4, 2.3 * len(content) + 0.4), height)
    return list(figure.subplots(1, len(content), sharey=sharey, squeeze=False)[0])
