"""Events in the branches of EDM4hep files, by either of podio's naming conventions.

uproot cannot write arrays within lists (covariances), nor branches within branches: :class:`Tree` stands in
for what it reads of a real file, :func:`write_flat` writes what it can.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

from hepsets.core.vertexed_events import VertexedEvents

NAMES = {
    "numbered": {
        "track": "ReconstructedParticles#1.index",
        "type": "ReconstructedParticles.type",
        "vertex": "ReconstructedParticles#4.index",
        "states": "EFlowTrack_1",
        "covariance": "covMatrix[15]",
        "vertex_covariance": "covMatrix[6]",
        "clusters": "EFlowTrack_2.value",
        "hit": "EFlowTrack#0.index",
        "seen": "MCRecoAssociations#0.index",
        "true": "MCRecoAssociations#1.index",
        "weight": "MCRecoAssociations.weight",
    },
    "named": {
        "track": "_ReconstructedParticles_tracks.index",
        "type": "ReconstructedParticles.PDG",
        "vertex": "",
        "states": "_EFlowTrack_trackStates",
        "covariance": "covMatrix.values[21]",
        "vertex_covariance": "covMatrix.values[6]",
        "clusters": "EFlowTrack_dNdx.dQdx.value",
        "hit": "_EFlowTrack_trackerHits.index",
        "seen": "_RecoMCLink_from.index",
        "true": "_RecoMCLink_to.index",
        "weight": "RecoMCLink.weight",
    },
}
"""What the two conventions call the same."""

VERTICES = "PrimaryVertices"


def branches(events: VertexedEvents, convention: str, *, states: int = 1) -> dict[str, ak.Array]:
    """Events of :func:`helpers.jet_events.jet_events` as branches.

    Tracks stand in the reverse order of their particles; with several ``states`` of a track that at the
    interaction point is the last one, the others are nonsense.
    """
    names, seen = NAMES[convention], events.particles.particles
    counts = events.particles.multiplicity
    is_track = seen["is_track"]
    of_event = events.particles.event_of_particle
    tracks = np.bincount(of_event[is_track], minlength=len(events))
    rows = np.flatnonzero(is_track)[::-1]
    rows = rows[np.argsort(of_event[rows], kind="stable")]  # tracks: within the event the other way round

    def particle(values: Any, kind: Any = np.float32) -> ak.Array:
        return ak.unflatten(np.asarray(values).astype(kind), counts)

    def track(values: Any, kind: Any = np.float32) -> ak.Array:
        return ak.unflatten(np.asarray(values).astype(kind), tracks)

    def state(values: Any, kind: Any = np.float32) -> ak.Array:
        values = np.asarray(values)
        wrong = np.full((len(values), states - 1, *values.shape[1:]), 77, dtype=values.dtype)
        every = np.concatenate([wrong, values[:, None]], axis=1).reshape(-1, *values.shape[1:])
        return ak.unflatten(ak.from_numpy(every.astype(kind), regulararray=True), tracks * states)

    before = np.concatenate([[0], np.cumsum(is_track)])[events.particles.offsets[:-1]][of_event]
    begin = np.cumsum(is_track) - is_track - before
    place = np.empty(len(is_track), dtype=int)  # of a particle's track among those of its event
    place[rows] = np.arange(len(rows)) - np.repeat(np.cumsum(tracks) - tracks, tracks)
    local = np.arange(len(rows)) - np.repeat(np.cumsum(tracks) - tracks, tracks)
    pdg = np.array([211, -11, -13, 22, 130])[seen["kind"]] * np.where(seen["charge"] < 0, -1, 1)
    mm = {"d0": 10, "phi": 1, "omega": 0.1, "z0": 10, "tan_lambda": 1}
    parameters = list(mm)
    covariance = [
        seen[f"cov_{a}_{b}"][rows] * mm[a] * mm[b]
        for place_b, b in enumerate(parameters)
        for a in parameters[: place_b + 1]
    ]
    if convention == "named":
        covariance += [np.zeros(len(rows))] * 6
    s = names["states"]
    vertices = events.vertices.particles
    found = {
        **{f"ReconstructedParticles.momentum.{name[1]}": particle(seen[name]) for name in ("px", "py", "pz")},
        "ReconstructedParticles.energy": particle(seen["energy"]),
        "ReconstructedParticles.charge": particle(seen["charge"]),
        "ReconstructedParticles.mass": particle(np.full(len(is_track), 0.13957)),
        names["type"]: particle(pdg, np.int32),
        "ReconstructedParticles.tracks_begin": particle(begin, np.uint32),
        "ReconstructedParticles.tracks_end": particle(begin + is_track, np.uint32),
        names["track"]: ak.unflatten(place[is_track].astype(np.int32), tracks),
        "EFlowTrack.trackStates_begin": track(local * states, np.uint32),
        "EFlowTrack.trackStates_end": track((local + 1) * states, np.uint32),
        **{
            f"{s}.{theirs}": state(seen[ours][rows] * mm[ours])
            for ours, theirs in zip(parameters, ("D0", "phi", "omega", "Z0", "tanLambda"), strict=True)
        },
        f"{s}.location": state(np.ones(len(rows)), np.int32),
        f"{s}.referencePoint.x": state(np.zeros(len(rows))),
        f"{s}.{names['covariance']}": state(np.stack(covariance, axis=1)),
        "EFlowTrack_L": track(seen["track_length"][rows] * 10),
        names["clusters"]: track(1000 * np.ones(len(rows))),
        "EFlowTrack.trackerHits_begin": track(2 * local, np.uint32),
        "EFlowTrack.trackerHits_end": track(2 * local + 2, np.uint32),
        names["hit"]: ak.unflatten(
            (2 * np.repeat(local, 2) + [0, 1] * len(rows)).astype(np.int32), 2 * tracks
        ),
        "TrackerHits.time": ak.unflatten(np.array([0.0, 7e-9] * len(rows), dtype=np.float32), 2 * tracks),
        "Particle.PDG": particle(pdg[::-1] * 0 + 321, np.int32),
        names["seen"]: particle(
            np.arange(len(is_track)) - np.repeat(events.particles.offsets[:-1], counts), int
        ),
        names["true"]: particle(np.zeros(len(is_track)), np.int32),
        names["weight"]: particle(np.ones(len(is_track))),
        **{f"{VERTICES}.position.{c}": ak.unflatten(np.float32(vertices[c] * 10), 1) for c in "xyz"},
        f"{VERTICES}.chi2": ak.unflatten(np.ones(len(events), dtype=np.float32), 1),
        f"{VERTICES}.{names['vertex_covariance']}": ak.unflatten(
            ak.from_numpy(np.tile(np.float32([1, 2, 3, 4, 5, 6]), (len(events), 1)), regulararray=True), 1
        ),
    }
    if convention == "numbered":
        found["EFlowTrack.dxQuantities_begin"] = track(local, np.uint32)
        found[f"{VERTICES}.primary"] = ak.unflatten(np.ones(len(events), dtype=np.int32), 1)
        found[names["vertex"]] = particle(np.where(is_track, 0, -1), np.int32)
        return found
    found["_EFlowTrack_dNdx_track.index"] = track(local, np.int32)
    found |= {
        f"{VERTICES}.type": ak.unflatten(np.full(len(events), 2, dtype=np.int32), 1),
        f"{VERTICES}.ndf": ak.unflatten(np.full(len(events), 5, dtype=np.int32), 1),
        f"{VERTICES}.particles_begin": ak.unflatten(np.zeros(len(events), dtype=np.uint32), 1),
        f"{VERTICES}.particles_end": ak.unflatten(tracks.astype(np.uint32), 1),
    }
    members = np.flatnonzero(is_track) - np.repeat(events.particles.offsets[:-1], tracks)
    found[f"_{VERTICES}_particles.index"] = ak.unflatten(members.astype(np.int32), tracks)
    return found


class Tree:
    """What uproot's tree of a real file offers, on branches in memory."""

    name = "events"

    def __init__(self, found: dict[str, ak.Array]) -> None:
        self._found = found
        self.num_entries = len(next(iter(found.values())))

    def keys(self) -> list[str]:
        """Names with those of the branches that branches are in."""
        return [f"{name.split('.')[0]}/{name}" if "." in name else name for name in self._found]

    def iterate(self, *, filter_name: Any, step_size: Any, library: str) -> Any:
        """The branches that are wanted, under the last parts of their names, half of the events at a time."""
        assert library == "ak"
        assert step_size
        wanted = [name.rpartition("/")[2] for name in self.keys() if filter_name(name)]
        middle = self.num_entries // 2
        for part in (slice(0, middle), slice(middle, None)):
            if part != slice(0, 0):
                yield {name: self._found[name][part] for name in wanted}


def write_flat(path: Path, found: dict[str, ak.Array]) -> Path:
    """The branches without arrays in lists as a ROOT tree of branches."""
    flat = {name: ak.to_packed(array) for name, array in found.items() if array.ndim == 2}
    with uproot.recreate(path) as file:
        file.mktree("events", {name: array.type.content for name, array in flat.items()})
        file["events"].extend(flat)
    return path
