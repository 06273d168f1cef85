"""Other ways in which light quarks may fragment than the one that is taken for granted, by Pythia's settings.

Continuum suppression is trained on simulated fragmentation, which no generator has right. These are
stand-ins for what nature may do instead; the decays of B mesons are left as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hepsets.core.errors import InputError

FRAGMENTATIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "older_tune": ("Tune:ee = 3",),
        "strong": (
            "StringZ:aLund = 1.8",
            "StringZ:bLund = 0.3",
            "StringPT:sigma = 0.9",
            "StringFlav:probStoUD = 0.6",
        ),
    }
)
"""Fragmentations that differ from Pythia's standard one, the Monash tune (Skands, Carrazza and Rojo,
arXiv:1404.5630).

``older_tune``
    Pythia's set of 2009, tuned with Professor to LEP data: as far apart as two fair tunes are.
``strong``
    Softer (light hadrons take less of the string's energy), nearly three times as wide in transverse
    momentum, which makes events rounder, and with almost three times the strangeness: far beyond any tune,
    for tests that need a large difference.
"""


def settings_of(fragmentation: str | None) -> tuple[str, ...]:
    """Pythia's settings of a fragmentation by its name; none for None, the standard one.

    Raises
    ------
    InputError
        For an unknown name.
    """
    if fragmentation is None:
        return ()
    if fragmentation not in FRAGMENTATIONS:
        raise InputError(f"fragmentation {fragmentation!r}", f"one of {', '.join(FRAGMENTATIONS)}")
    return FRAGMENTATIONS[fragmentation]
