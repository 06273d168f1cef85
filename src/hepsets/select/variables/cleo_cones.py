r"""CLEO cones: momentum flow in nine cones around the thrust axis of a B candidate.

Introduced by CLEO, Phys. Rev. D 53 (1996) 1039; these are ``CleoConeCS(1)`` to ``CleoConeCS(9)`` of basf2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError
from hepsets.core.kernel import kernel
from hepsets.select.variables.fox_wolfram import checked_momenta

Array = NDArray[np.float64]

N_CONES = 9


def cleo_cones(momenta: ArrayLike, axis: ArrayLike, offsets: ArrayLike) -> Array:
    r"""Momentum flow in nine cones around an axis, for each event.

    Cone i takes :math:`\sum |p|` of all particles whose angle to the axis or to its opposite lies in
    [10 (i - 1), 10 i) degrees; exactly 90 degrees belongs to cone 9. The cones of an event add up
    to the sum of its momenta.

    Parameters
    ----------
    momenta
        Of all particles, candidate and rest, shape ``(n_particles, 3)`` [GeV], centre-of-mass frame.
    axis
        Thrust axis of the candidate, shape ``(n_events, 3)``, of any length other than zero.
    offsets
        Shape ``(n_events + 1,)``.

    Returns
    -------
    Array
        Shape ``(n_events, 9)`` [GeV], at least 0. All nine are 0 for an event whose axis is the null
        vector (a candidate without momentum has no axis) and for one without particles.

    Raises
    ------
    InputError
        If shapes do not fit.

    Examples
    --------
    >>> cleo_cones([[0, 0, 2], [0, 0, -1], [1, 0, 1], [3, 0, 0]], [[0, 0, 1]], [0, 4])[0].round(2).tolist()
    [3.0, 0.0, 0.0, 0.0, 1.41, 0.0, 0.0, 0.0, 3.0]
    """
    p, edge = checked_momenta(momenta, offsets)
    direction = np.ascontiguousarray(axis, dtype=np.float64)
    if direction.shape != (len(edge) - 1, 3):
        raise InputError(f"axes of shape {direction.shape}", f"({len(edge) - 1}, 3), one per event")
    return np.asarray(_flow(p, direction, edge, np.cos(np.radians(10.0 * np.arange(1, N_CONES)))))


@kernel
def _flow(p: Any, axis: Any, offsets: Any, edges: Any) -> Any:
    out = np.zeros((len(offsets) - 1, N_CONES))
    for event in range(len(out)):
        x, y, z = axis[event, 0], axis[event, 1], axis[event, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length == 0.0:
            continue
        for i in range(offsets[event], offsets[event + 1]):
            size = np.sqrt(p[i, 0] ** 2 + p[i, 1] ** 2 + p[i, 2] ** 2)
            along = abs(p[i, 0] * x + p[i, 1] * y + p[i, 2] * z)
            cone = 0
            while cone < N_CONES - 1 and along <= edges[cone] * length * size:
                cone += 1
            out[event, cone] += size
    return out
