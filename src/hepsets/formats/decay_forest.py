"""Which particles of an event record are those of a decay tree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.events import Events

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

BEAM = 4
"""Status of beam particles."""


def decay_forest(
    pdg: Integers,
    momentum: Floats,
    position: Floats,
    mother: Integers,
    status: Integers,
    offsets: Integers,
) -> Events:
    """The particles that stay, as an event table.

    Parameters
    ----------
    pdg, status
        Of each particle, shape ``(n,)``; status :data:`BEAM` marks beam particles.
    momentum
        (px, py, pz, E) [GeV], shape ``(4, n)``.
    position
        Production point (x, y, z [cm], t [ns]), shape ``(4, n)``.
    mother
        Place of each particle's mother, counted over all events; its own for roots.
    offsets
        Shape ``(n_events + 1,)``.

    Raises
    ------
    InputError
        If the mothers form no trees, or numbers are not finite.
    """
    own = np.arange(len(pdg))
    is_root = mother == own
    beam = status == BEAM
    daughters = np.bincount(mother[~is_root], minlength=len(own))
    into_itself = np.zeros(len(own), dtype=bool)
    single = ~is_root & (daughters[mother] == 1) & (pdg == pdg[mother]) & ~beam[mother]
    into_itself[mother[single]] = True
    dropped = beam | is_inner(pdg) | into_itself

    # the nearest ancestor that stays; none leaves a root
    nearest = np.where(dropped & ~is_root & ~beam, mother, own)
    for _ in range(int(np.diff(offsets).max(initial=1)).bit_length() + 1):
        nearest = nearest[nearest]
    if (dropped & ~is_root & ~beam)[nearest].any():
        raise InputError("particles that are their own ancestors", "a tree")
    mother = np.where(is_root, own, nearest[mother])
    mother = np.where(dropped[mother], own, mother)

    kept = np.flatnonzero(~dropped)
    new = np.cumsum(~dropped) - 1
    kept_offsets = np.searchsorted(kept, offsets)
    start = np.repeat(kept_offsets[:-1], np.diff(kept_offsets))
    if len(kept) and np.abs(pdg[kept]).max() > np.iinfo(np.int32).max:
        raise InputError("a PDG id beyond 32 bits", "PDG ids")
    events = Events(
        {
            "pdg": pdg[kept],
            "index": np.arange(len(kept)) - start,
            "mother_index": new[mother[kept]] - start,
            "prod_time": position[3, kept],
            **{name: position[i, kept] for i, name in enumerate("xyz")},
            **{name: momentum[i, kept] for i, name in enumerate(("px", "py", "pz", "energy"))},
        },
        kept_offsets,
    )
    return events.validate(allow_empty=True)


def is_inner(pdg: Integers) -> NDArray[np.bool_]:
    """Whether ids are quarks, gluons, diquarks, or their strings and clusters (81–100); any shape."""
    size = np.abs(pdg)
    diquark = (size > 1000) & (size < 10_000) & (size // 10 % 10 == 0)
    return np.asarray(((size >= 1) & (size <= 8)) | (size == 21) | diquark | ((size > 80) & (size <= 100)))
