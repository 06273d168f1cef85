"""Units of every column and the constants that convert between them.

Momenta, energies and masses are in GeV (c = 1), lengths in cm, times in ns.
"""

from __future__ import annotations

SPEED_OF_LIGHT = 29.9792458
"""Speed of light [cm/ns]."""

MM_PER_CM = 10.0
"""Pythia and HepMC3 count lengths in mm."""
