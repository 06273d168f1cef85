"""How many signal and background candidates so many inverse attobarns hold, and the reverse."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.generate.cross_sections import CROSS_SECTION
from hepsets.generate.kstmumu.density import Window, rate_terms
from hepsets.select.kstmumu.background import BackgroundModel, default_background
from hepsets.select.kstmumu.cuts import SELECTION, SelectionConfig

BRANCHING_FRACTION = Measured(9.4e-7, 0.5e-7)
"""B⁰ → K*⁰μ⁺μ⁻ without charmonium (Particle Data Group, Phys. Rev. D 110 (2024) 030001)."""

KPI_SHARE = 2 / 3
"""K*⁰ → K⁺π⁻ among the decays of the K*⁰ (isospin)."""

PER_NANOBARN = 1e9
"""Inverse attobarns in inverse nanobarns."""


@dataclass(frozen=True)
class Yields:
    """Expected candidates in the signal region.

    Parameters
    ----------
    signal, background
        Their numbers; the errors are those of branching fraction and simulated events.
    """

    signal: Measured
    background: Measured

    @property
    def background_over_signal(self) -> Measured:
        """Ratio of background to signal."""
        ratio = self.background.value / self.signal.value
        relative = math.hypot(self.background.se / self.background.value, self.signal.se / self.signal.value)
        return Measured(ratio, ratio * relative)


def expected_yields(
    luminosity: float,
    efficiency: Measured,
    window_share: float,
    *,
    config: SelectionConfig = SELECTION,
    model: BackgroundModel | None = None,
) -> Yields:
    """Signal by its branching fraction, background of B B̄ events by the rate of the simulated ones.

    Continuum is not among the background: it has no model here.

    Parameters
    ----------
    luminosity
        Of the data set [1/ab].
    efficiency
        Of the selection, for decays in the window
        (:func:`~hepsets.select.kstmumu.cuts.efficiency`).
    window_share
        Share of the decays with their q² in the window.
    config
        The selection.
    model
        Of the background; by default that of the package.

    Raises
    ------
    InputError
        For a luminosity that is not positive.
    """
    if not luminosity > 0:
        raise InputError(f"a luminosity of {luminosity} 1/ab", "a positive one")
    model = model or default_background()
    pairs = luminosity * PER_NANOBARN
    signal, relative = luminosity * _signal_per_luminosity(efficiency, window_share), _relative(efficiency)
    share = model.cut_share("signal", config)
    background, squared = 0.0, 0.0
    for name, found in model.found.items():
        scale = pairs * CROSS_SECTION[name] / model.generated[name] * share
        background += scale * found
        squared += scale**2 * found
    return Yields(Measured(signal, signal * relative), Measured(background, math.sqrt(squared)))


def luminosity_of(decays: float, efficiency: Measured, window_share: float) -> Measured:
    """The data set [1/ab] in which so many signal decays are selected.

    Parameters
    ----------
    decays
        Selected signal decays.
    efficiency, window_share
        As for :func:`expected_yields`.

    Raises
    ------
    InputError
        For a number that is not positive.
    """
    if not decays > 0:
        raise InputError(f"{decays} decays", "a positive number")
    value = decays / _signal_per_luminosity(efficiency, window_share)
    return Measured(value, value * _relative(efficiency))


def window_share(window: Window) -> float:
    """Share of the decays, at ΔC9 = 0, with their true q² in a window."""
    return float(rate_terms(window)[0] / rate_terms(Window(0.0, 20.0, vetoes=()))[0])


def _signal_per_luminosity(efficiency: Measured, share: float) -> float:
    decays = 2 * PER_NANOBARN * CROSS_SECTION["mixed"] * BRANCHING_FRACTION.value * KPI_SHARE
    return float(decays * share * efficiency.value)


def _relative(efficiency: Measured) -> float:
    return math.hypot(BRANCHING_FRACTION.se / BRANCHING_FRACTION.value, efficiency.se / efficiency.value)
