"""What a detector says a particle is, and a vertex: the codes of the columns ``kind``."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class ParticleKind(IntEnum):
    """Kinds of reconstructed particles that calorimeters and muon chambers tell apart."""

    CHARGED_HADRON = 0
    ELECTRON = 1
    MUON = 2
    PHOTON = 3
    NEUTRAL_HADRON = 4


class VertexKind(IntEnum):
    """Kinds of vertices."""

    PRIMARY = 0
    DISPLACED = 1
    K_SHORT = 2
    LAMBDA = 3
    CONVERSION = 4


def kind_of(pdg: NDArray[np.int64], charge: NDArray[np.int64]) -> NDArray[np.int8]:
    """Kinds of particles by PDG id and charge, each of shape ``(n_particles,)``; what is neither lepton nor
    photon is a hadron.

    Examples
    --------
    >>> kind_of(np.array([-11, 13, 22, 321, 130, 0]), np.array([1, -1, 0, 1, 0, 1])).tolist()
    [1, 2, 3, 0, 4, 0]
    """
    size = np.abs(pdg)
    hadron = np.where(charge != 0, ParticleKind.CHARGED_HADRON, ParticleKind.NEUTRAL_HADRON)
    kinds = (ParticleKind.ELECTRON, ParticleKind.MUON, ParticleKind.PHOTON)
    known = [size == 11, size == 13, size == 22]
    return np.select(known, [np.int64(kind) for kind in kinds], hadron).astype(np.int8)
