"""Which numbers of a particle a network sees: coordinates and left-out columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from hepsets.core.errors import InputError
from hepsets.core.events import Events

Coordinates = Literal["cartesian", "cylindrical"]

RAW_COLUMNS = ("prod_time", "x", "y", "z", "energy", "px", "py", "pz")
"""Columns of the event table, in this order, that every feature is computed from [ns, cm, GeV]."""

COLUMNS: Mapping[Coordinates, tuple[str, ...]] = {
    "cartesian": RAW_COLUMNS,
    "cylindrical": ("r", "z", "p_xy", "pz", "prod_time", "energy"),
}
"""Features of each coordinate system."""

RADII: Mapping[str, tuple[str, str]] = {"r": ("x", "y"), "p_xy": ("px", "py")}
"""Features that are the root of two columns' squares: r = √(x² + y²) [cm], p_xy = √(px² + py²) [GeV]."""


@dataclass(frozen=True)
class FeatureSpec:
    """The features of a model.

    Parameters
    ----------
    coordinates
        ``"cartesian"`` (the eight columns of the event table) or ``"cylindrical"``
        (r, z, p_xy, pz, prod_time, energy: blind to the azimuth, as the physics nearly is).
    drop
        Names of features to leave out.

    Raises
    ------
    InputError
        If ``drop`` names no feature of the coordinate system, or all of them.

    Examples
    --------
    >>> FeatureSpec(coordinates="cylindrical", drop=("energy",)).names
    ('r', 'z', 'p_xy', 'pz', 'prod_time')
    """

    coordinates: Coordinates = "cartesian"
    drop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known = COLUMNS[self.coordinates]
        strange = [name for name in self.drop if name not in known]
        if strange:
            raise InputError(
                f"features {strange} to drop", f"some of {list(known)} ({self.coordinates} coordinates)"
            )
        if not self.names:
            raise InputError("no feature left", f"at least one of {list(known)}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of the feature matrix."""
        return tuple(name for name in COLUMNS[self.coordinates] if name not in self.drop)

    def __len__(self) -> int:
        return len(self.names)

    def of_raw(self, raw: Tensor) -> Tensor:
        """Features of particles.

        Parameters
        ----------
        raw
            Float32, shape ``(n_particles, 8)``: the columns :data:`RAW_COLUMNS`.

        Returns
        -------
        Tensor
            Float32, shape ``(n_particles, len(self))``, in physical units.
        """
        if self.names == RAW_COLUMNS:
            return raw
        if torch.compiler.is_exporting():
            return self._by_products(raw)
        column = dict(zip(RAW_COLUMNS, raw.unbind(1), strict=True))
        for name, (one, other) in RADII.items():
            if name in self.names:
                column[name] = torch.sqrt(column[one] ** 2 + column[other] ** 2)
        return torch.stack([column[name] for name in self.names], dim=1)

    def _by_products(self, raw: Tensor) -> Tensor:
        """The same numbers, with five operations instead of five per column, for small ONNX graphs."""
        copies = torch.tensor([[float(name == own) for own in self.names] for name in RAW_COLUMNS])
        if not set(RADII) & set(self.names):
            return raw @ copies
        squares = torch.tensor([[float(name in parts) for parts in RADII.values()] for name in RAW_COLUMNS])
        radii = torch.tensor([[float(name == own) for own in self.names] for name in RADII])
        return torch.addmm(raw @ copies, torch.sqrt((raw * raw) @ squares), radii)

    def of_events(self, events: Events) -> Tensor:
        """Features of all particles of ``events``, shape ``(n_particles, len(self))``."""
        return self.of_raw(raw_columns(events))


def raw_columns(events: Events) -> Tensor:
    """The columns :data:`RAW_COLUMNS` of all particles, float32, shape ``(n_particles, 8)``."""
    raw = np.empty((events.n_particles, len(RAW_COLUMNS)), dtype=np.float32)
    for place, name in enumerate(RAW_COLUMNS):
        raw[:, place] = events.particles[name]
    return torch.from_numpy(raw)
