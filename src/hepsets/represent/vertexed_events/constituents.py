"""Variables of jets' constituents, `pfcand_*`, as FCCAnalyses has them, with hemispheres for jets."""

from __future__ import annotations

import numpy as np

from hepsets.core.particle_kinds import ParticleKind
from hepsets.formats.jet_variables import (
    COVARIANCES,
    IMPACT,
    KINDS,
    covariance_variables,
    impact_variables,
    ionisation,
    kind_variables,
    relative_variables,
    time_of_flight_mass,
    vector_variables,
)
from hepsets.represent.vertexed_events.geometry import Array, Geometry

CONSTITUENT = (
    *("pfcand_erel_log", "pfcand_thetarel", "pfcand_phirel"),
    *COVARIANCES,
    *IMPACT,
    *("pfcand_dndx", "pfcand_mtof", "pfcand_charge"),
    *KINDS,
)
"""What a tagger of jets sees of a constituent, see :mod:`hepsets.formats.jet_variables`: mm and GeV, −9 for
variables of tracks where there is no track."""

VECTOR = ("pfcand_e", "pfcand_p", "pfcand_theta", "pfcand_phi")
"""Its energy and momentum [GeV] and direction [rad], which pairs are made of."""

_TRACK = ("d0", "phi", "omega", "z0", "tan_lambda")
_MEASURED = ("n_clusters", "track_length", "flight_time", "flight_length")


def constituents(seen: Geometry) -> dict[str, Array]:
    """:data:`CONSTITUENT` and :data:`VECTOR` of each particle, each of shape ``(n_particles,)``."""
    event = seen.event_of_particle
    elements = (f"cov_{first}_{second}" for first, second in COVARIANCES.values())
    columns = {
        name: seen.particle(name) for name in ("px", "py", "pz", "energy", *_TRACK, *_MEASURED, *elements)
    }
    charge = np.clip(seen.particle("charge"), -1, 1)
    by_charge = np.where(charge != 0, ParticleKind.CHARGED_HADRON, ParticleKind.NEUTRAL_HADRON)
    kind = np.where(seen.known("kind"), seen.particle("kind"), by_charge).astype(np.int8)
    known = {
        **columns,
        "kind": np.clip(kind, 0, len(KINDS) - 1),
        "is_track": seen.particle("is_track") != 0,
        "has_flight_time": seen.particle("has_flight_time") != 0,
        "has_clusters": (seen.particle("has_clusters", 1.0) != 0) & (columns["n_clusters"] > 0),
    }
    sums = np.stack(
        [np.bincount(event, known[name], seen.n_events) for name in ("px", "py", "pz", "energy")], axis=1
    ).astype(np.float64)
    jet = sums[event, :3]
    return {
        **relative_variables(known, jet, sums[event, 3]),
        **covariance_variables(known),
        **impact_variables(known, seen.primary[event], jet),
        "pfcand_dndx": ionisation(known),
        "pfcand_mtof": time_of_flight_mass(known),
        "pfcand_charge": charge,
        **kind_variables(known),
        **vector_variables(known),
    }
