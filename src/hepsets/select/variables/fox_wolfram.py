r"""The Fox–Wolfram ratio R2 of each event, without compiled code.

It takes the momenta of any particles of each event, in the frame that the shape refers to (usually
the centre-of-mass frame), as flat columns with event offsets.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError
from hepsets.core.ragged import checked_offsets

Array = NDArray[np.float64]


def fox_wolfram_r2(momenta: ArrayLike, offsets: ArrayLike) -> Array:
    r"""Ratio R2 = H2 / H0 of Fox–Wolfram moments of each event.

    :math:`H_l = \sum_{ij} |p_i| |p_j| P_l(\cos\theta_{ij})` over all pairs, each particle with
    itself included (Fox and Wolfram, Phys. Rev. Lett. 41 (1978) 1581).

    Parameters
    ----------
    momenta
        Shape ``(n_particles, 3)``.
    offsets
        Shape ``(n_events + 1,)``.

    Returns
    -------
    Array
        Shape ``(n_events,)``, between 0 and 1; 0 for an event without momentum.

    Raises
    ------
    InputError
        If the offsets do not fit the momenta.

    Examples
    --------
    >>> fox_wolfram_r2([[0, 0, 1], [0, 0, -1]], [0, 2])
    array([1.])
    """
    p, edge = checked_momenta(momenta, offsets)
    event = np.repeat(np.arange(len(edge) - 1), np.diff(edge))
    size = np.linalg.norm(p, axis=1)
    unit = np.divide(p, size[:, None], out=np.zeros_like(p), where=size[:, None] > 0)

    def per_event(values: Array) -> Array:
        return np.asarray(np.bincount(event, values, minlength=len(edge) - 1))

    # Σ |p_i||p_j| cos² θ_ij is the squared norm of Σ p pᵀ / |p|, so no pairs are needed
    square = np.zeros(len(edge) - 1)
    for a in range(3):
        for b in range(a, 3):
            square += (1 if a == b else 2) * per_event(p[:, a] * unit[:, b]) ** 2
    scale = per_event(size) ** 2
    ratio = np.divide(square, scale, out=np.full(len(scale), 1 / 3), where=scale > 0)
    return np.asarray(np.clip(1.5 * ratio - 0.5, 0.0, 1.0))


def checked_momenta(momenta: ArrayLike, offsets: ArrayLike) -> tuple[Array, NDArray[np.int64]]:
    """Momenta as float64 of shape ``(n_particles, 3)`` and event offsets as int64, both contiguous.

    Raises
    ------
    InputError
        If the offsets do not rise from 0 to the number of particles.
    """
    p = np.ascontiguousarray(momenta, dtype=np.float64).reshape(-1, 3)
    edge = checked_offsets(np.asarray(offsets))
    if edge[-1] != len(p):
        raise InputError(f"offsets up to {edge[-1]} for {len(p)} momenta", "offsets from 0 to their number")
    return p, edge
