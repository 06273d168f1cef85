"""Where an EDM4hep file keeps what is read of it: branches of either of podio's two naming conventions.

Relations and vectors of a collection ``X`` are numbered in files until 2023 (``X#1``, ``X_1``), named since
(``_X_tracks``, ``_X_trackStates``). Branches of split collections are known by the last part of their name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from hepsets.core.errors import InputError

PARTICLES = ("ReconstructedParticles", "PandoraPFOs")
TRACKS = ("EFlowTrack", "SiTracks_Refitted", "MarlinTrkTracks", "Tracks")
VERTICES = ("PrimaryVertices", "PrimaryVertex", "BuildUpVertices", "SecondaryVertices", "Vertices")
TRUTH = ("Particle", "MCParticles", "MCParticle")
LINKS = ("MCRecoAssociations", "RecoMCLink", "RecoMCTruthLink")
"""Names of collections that are looked for, of which the first that is there is taken (of vertices, all), and
of links from reconstructed to generated particles."""

_WHOLE = frozenset(
    (
        *("type", "tracks_begin", "tracks_end", "track", "vertex", "states_begin", "states_end", "location"),
        *("clusters_begin", "clusters_track", "hits_begin", "hits_end", "hit", "pdg", "seen", "true"),
        *("ndf", "primary", "begin", "end", "particle"),
    )
)
"""What is whole numbers, by our names."""

_TRACK_PARAMETERS = ("D0", "phi", "omega", "Z0", "tanLambda")


@dataclass(frozen=True)
class Collections:
    """Collections of one's own choice; empty names are looked for under the usual ones.

    Parameters
    ----------
    particles, tracks, truth
        Reconstructed particles, their tracks, and generated particles.
    vertices
        Collections of vertices, or none at all for ``("",)``.
    """

    particles: str = ""
    tracks: str = ""
    truth: str = ""
    vertices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """Branches by what they are for.

    Parameters
    ----------
    particles, tracks, truth, vertices
        Branches of each, by the names that :mod:`hepsets.formats.edm4hep` uses; without entries for what the
        file lacks. ``vertices`` has such a table for each collection.
    """

    particles: Mapping[str, str]
    tracks: Mapping[str, str] = field(default_factory=dict)
    truth: Mapping[str, str] = field(default_factory=dict)
    vertices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def branches(self) -> list[str]:
        """All branches that are read."""
        return list(dict.fromkeys(branch for table in self._tables for branch in table.values()))

    @property
    def whole(self) -> set[str]:
        """Those that hold whole numbers."""
        return {branch for table in self._tables for ours, branch in table.items() if ours in _WHOLE}

    @property
    def _tables(self) -> list[Mapping[str, str]]:
        return [self.particles, self.tracks, self.truth, *self.vertices.values()]


def is_edm4hep(names: Collection[str]) -> bool:
    """Whether a tree with branches of these names is one of EDM4hep."""
    last = {name.rpartition("/")[2] for name in names}
    return any(f"{name}.momentum.x" in last for name in PARTICLES) or (
        "EventHeader.eventNumber" in last and any(name.endswith(".momentum.x") for name in last)
    )


def find_layout(names: Iterable[str], chosen: Collections, where: str) -> Layout:
    """The branches of a tree that has these names.

    Parameters
    ----------
    names
        Of its branches, as ``collection/branch`` or the branch alone.
    chosen
        Collections that are wanted.
    where
        File and tree, for messages.

    Raises
    ------
    InputError
        If reconstructed particles or members that are needed are not there, or a collection that was chosen.
    """
    there = {name.rpartition("/")[2]: name for name in names}
    particles = _collection(there, chosen.particles, PARTICLES, "momentum.x", "particles", where)
    if particles is None:
        raise InputError(
            f"{where} has no reconstructed particles", f"a collection {' or '.join(PARTICLES)}",
            "say what it is called",
        )  # fmt: skip
    tracks = _collection(there, chosen.tracks, TRACKS, "trackStates_begin", "tracks", where)
    truth = _collection(there, chosen.truth, TRUTH, "PDG", "truth", where)
    vertices = [
        name
        for name in chosen.vertices or VERTICES
        if name
        and _collection(there, name if chosen.vertices else "", (name,), "position.x", "vertices", where)
    ]
    return Layout(
        _particle_branches(there, particles, where),
        {} if tracks is None else _track_branches(there, tracks, where),
        {} if truth is None else _truth_branches(there, truth),
        {name: _vertex_branches(there, name, where) for name in vertices},
    )


def _collection(
    there: Mapping[str, str], own: str, usual: Iterable[str], member: str, what: str, where: str
) -> str | None:
    if own:
        if f"{own}.{member}" not in there:
            raise InputError(f"{where} has no collection {own} of {what}", f"a branch {own}.{member}")
        return own
    return next((name for name in usual if f"{name}.{member}" in there), None)


def _needed(there: Mapping[str, str], names: Mapping[str, str], use: str, where: str) -> dict[str, str]:
    missing = [branch for branch in names.values() if branch not in there]
    if missing:
        raise InputError(f"{where} lacks {', '.join(missing)} (for {use})", "a file of EDM4hep")
    return {ours: there[branch] for ours, branch in names.items()}


def _optional(there: Mapping[str, str], names: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """For each of our names the first branch that is there."""
    found = {}
    for ours, candidates in names.items():
        branch = next((name for name in candidates if name in there), None)
        if branch is not None:
            found[ours] = there[branch]
    return found


def _particle_branches(there: Mapping[str, str], name: str, where: str) -> dict[str, str]:
    members = {"px": "momentum.x", "py": "momentum.y", "pz": "momentum.z"}
    members |= {"energy": "energy", "charge": "charge"}
    needed = {ours: f"{name}.{member}" for ours, member in members.items()}
    return {
        **_needed(there, needed, "particles", where),
        **_optional(
            there,
            {
                "mass": (f"{name}.mass",),
                "type": (f"{name}.PDG", f"{name}.type"),
                "tracks_begin": (f"{name}.tracks_begin",),
                "tracks_end": (f"{name}.tracks_end",),
                "track": (f"{name}#1.index", f"_{name}_tracks.index"),
                "vertex": (f"{name}#4.index", f"_{name}_startVertex.index"),
            },
        ),
    }


def _track_branches(there: Mapping[str, str], name: str, where: str) -> dict[str, str]:
    state = next(
        (s for s in (f"{name}_1", f"_{name}_trackStates") if f"{s}.D0" in there), f"_{name}_trackStates"
    )
    needed = {"states_begin": f"{name}.trackStates_begin", "states_end": f"{name}.trackStates_end"}
    needed |= {member: f"{state}.{member}" for member in _TRACK_PARAMETERS}
    covariances = [f"{state}.covMatrix{size}" for size in ("[15]", "[21]", ".values[21]", ".values[15]")]
    return {
        **_needed(there, needed, "tracks", where),
        **_optional(
            there,
            {
                "cov": covariances,
                "location": (f"{state}.location",),
                "ref_x": (f"{state}.referencePoint.x",),
                "ref_y": (f"{state}.referencePoint.y",),
                "ref_z": (f"{state}.referencePoint.z",),
                "length": (f"{name}_L",),
                "clusters_begin": (f"{name}.dxQuantities_begin",),
                "clusters": (f"{name}_2.value", f"{name}_dNdx.dQdx.value"),
                "clusters_track": (f"_{name}_dNdx_track.index",),
                "hits_begin": (f"{name}.trackerHits_begin",),
                "hits_end": (f"{name}.trackerHits_end",),
                "hit": (f"{name}#0.index", f"_{name}_trackerHits.index"),
                "hit_time": ("TrackerHits.time",),
            },
        ),
    }


def _truth_branches(there: Mapping[str, str], name: str) -> dict[str, str]:
    for link in LINKS:
        ends = (
            (f"{link}#0", f"{link}#1"),
            (f"_{link}_rec", f"_{link}_sim"),
            (f"_{link}_from", f"_{link}_to"),
        )
        for seen, true in ends:
            if f"{seen}.index" in there and f"{true}.index" in there:
                found = {"pdg": f"{name}.PDG", "seen": f"{seen}.index", "true": f"{true}.index"}
                weight = _optional(there, {"weight": (f"{link}.weight",)})
                return {**{ours: there[branch] for ours, branch in found.items()}, **weight}
    return {}


def _vertex_branches(there: Mapping[str, str], name: str, where: str) -> dict[str, str]:
    members = {"x": "position.x", "y": "position.y", "z": "position.z", "chi2": "chi2"}
    return {
        **_needed(there, {ours: f"{name}.{m}" for ours, m in members.items()}, "vertices", where),
        **_optional(
            there,
            {
                "cov": (f"{name}.covMatrix[6]", f"{name}.covMatrix.values[6]"),
                "ndf": (f"{name}.ndf",),
                "primary": (f"{name}.primary",),
                "type": (f"{name}.type",),
                "begin": (f"{name}.particles_begin",),
                "end": (f"{name}.particles_end",),
                "particle": (f"_{name}_particles.index",),
            },
        ),
    }
