"""EDM4hep files, of fast and full simulation: reconstructed particles with tracks and vertices.

What such a file tells becomes the columns of reconstructed events, in our units: lengths of mm in cm,
curvatures of 1/mm in 1/cm. The rule is that of :mod:`hepsets.formats.fcc_tree`: what a file cannot tell is no
column, what an entry lacks is 0 and marked, all else stays and is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.masses import M_E, M_MU
from hepsets.core.particle_kinds import VertexKind, kind_of
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.ragged import places
from hepsets.core.reconstructed import COVARIANCE, TRACK_PARAMETERS
from hepsets.core.units import MM_PER_CM
from hepsets.core.vertexed_events import NO_VERTEX, VertexedEvents
from hepsets.formats.edm4hep_layout import Collections, Layout, find_layout, is_edm4hep
from hepsets.formats.event_lists import Column, Piece, choose_tree, flat_of_awkward, make_piece, narrowed
from hepsets.formats.flavoured_files import FlavouredFile, flavoured_files
from hepsets.formats.read_counts import LARGEST_CHARGE, CountedEvents, Tally, beyond, masked_numbers
from hepsets.formats.root_files import in_steps, opened, trees_of

Ints = NDArray[np.int64]

WHAT = "a tree of EDM4hep collections"

_THEIRS = ("D0", "phi", "omega", "Z0", "tanLambda")
"""Our track parameters by their names; ``covMatrix`` begins with our covariance, and a row of the time may
follow, which is not read."""
_SCALES = (1 / MM_PER_CM, 1.0, MM_PER_CM, 1 / MM_PER_CM, 1.0)
"""What turns theirs into ours."""

_VERTEX_COVARIANCE = ("cov_x_x", "cov_x_y", "cov_y_y", "cov_x_z", "cov_y_z", "cov_z_z")
"""``covMatrix`` of vertices: the lower triangle, row by row."""
_VARIANCES = ("cov_x_x", "cov_y_y", "cov_z_z")

AT_INTERACTION = 1
"""``location`` of the track state closest to the interaction point."""
_PRIMARY_BIT = 1 << 1
"""In ``type`` of vertices, since EDM4hep 0.99."""

_LIGHTEST_HADRON = 0.05
"""Neutral particles of a smaller mass [GeV] are photons."""

_LATEST_SECONDS = 1e-3
"""Hits of fast simulation carry seconds, not nanoseconds: a file whose latest hit is before that does."""


def read_edm4hep(
    names: str | Path | Sequence[str | Path],
    *,
    collections: Collections | None = None,
    flavour_needed: bool = False,
) -> CountedEvents:
    """Read such files whole; :func:`iter_edm4hep` does it in flat memory.

    Parameters
    ----------
    names
        ``FILE``, ``FILE.root:TREE``, ``b=FILE``, or patterns, which together make the sample.
    collections
        Names of collections, where they are not the usual ones.
    flavour_needed
        Whether every file has to say what flavour its events are of, by its name or as ``b=FILE``.

    Returns
    -------
    CountedEvents
        Particle columns ``px py pz energy mass`` [GeV] ``charge kind is_valid is_track vertex``; with tracks
        ``d0 phi omega z0 tan_lambda`` [cm, 1/cm] and their covariance, ``track_length`` [cm], ``n_clusters``
        with ``has_clusters``, ``flight_time`` [ns] and ``flight_length`` [cm] with ``has_flight_time``; with
        truth ``true_pdg``. Vertex columns ``x y z`` [cm], ``cov_x_x …``, ``chi2``, ``ndf``, ``n_tracks``,
        ``kind``, ``is_valid``. Event columns ``event_number`` (from 0 through all files) and ``flavour``
        if all files say it. There is no thrust axis.

    Raises
    ------
    InputError
        For files that are missing, damaged or without events, without reconstructed particles or members that
        are needed, and lists that disagree.
    """
    return CountedEvents.concatenate(
        iter_edm4hep(names, collections=collections, flavour_needed=flavour_needed)
    )


def iter_edm4hep(
    names: str | Path | Sequence[str | Path],
    *,
    collections: Collections | None = None,
    flavour_needed: bool = False,
) -> Iterator[CountedEvents]:
    """Read such files a piece at a time, as :func:`read_edm4hep` does.

    Raises
    ------
    InputError
        As :func:`read_edm4hep`.
    """
    files = flavoured_files(names, needed=flavour_needed)
    told = all(file.flavour is not None for file in files)
    start = 0
    for file in files:
        own = file if told else FlavouredFile(file.path)
        for piece, layout in _pieces(file, collections or Collections()):
            yield _Part(piece, layout).events(own, start)
            start += piece.events


def _pieces(file: FlavouredFile, collections: Collections) -> Iterator[tuple[Piece, Layout]]:
    with opened(file.path) as root:
        trees = trees_of(root)
        name = choose_tree(file.path, trees, file.tree, what=WHAT, known_by=is_edm4hep)
        tree, where = trees[name], f"{file.path}: tree {name!r}"
        layout = find_layout(tree.keys(), collections, where)
        names = layout.branches
        columns = {branch: Column(whole=branch in layout.whole) for branch in names}
        for array in in_steps(tree, names, "ak"):
            found = {
                name: flat_of_awkward(array[name.rpartition("/")[2]], f"{where}: branch {name}")
                for name in names
            }
            yield make_piece(where, found, columns), layout


class _Part:
    """Some events of a file on their way into our table."""

    def __init__(self, piece: Piece, layout: Layout) -> None:
        self.piece, self.layout, self.tally = piece, layout, Tally()
        self.offsets = piece.offsets(
            [branch for ours, branch in layout.particles.items() if ours not in ("track",)]
        )
        self.event = np.repeat(np.arange(piece.events), np.diff(self.offsets))

    @np.errstate(over="ignore", invalid="ignore")  # what no float32 holds is masked and counted
    def events(self, file: FlavouredFile, start: int) -> CountedEvents:
        columns: dict[str, NDArray[Any]] = {"event_number": np.arange(start, start + self.piece.events)}
        if file.flavour is not None:
            columns["flavour"] = np.full(self.piece.events, file.flavour, dtype=np.int8)
        particles = self._particles()
        if self.layout.tracks:
            particles |= self._tracks(particles["charge"])
        if self.layout.truth:
            particles["true_pdg"] = self._true_pdg()
        vertices, offsets, particles["vertex"] = self._vertices(particles["charge"])
        self.tally.keep("events without particles", np.diff(self.offsets) == 0)
        events = VertexedEvents(
            ParticleSets(particles, self.offsets, columns).validate(), ParticleSets(vertices, offsets)
        )
        return CountedEvents(events, self.tally.counts(events))

    def _get(self, table: Mapping[str, str], name: str) -> NDArray[Any]:
        return self.piece.values[table[name]]

    def _starts(self, table: Mapping[str, str], name: str) -> Ints:
        """Where the lists of a branch begin, ``(n_events + 1,)``."""
        return np.concatenate([[0], np.cumsum(self.piece.lengths[table[name]])])

    # -- particles -----------------------------------------------------------------------------

    def _particles(self) -> dict[str, NDArray[Any]]:
        table, where = self.layout.particles, self.piece.where
        names = ("px", "py", "pz", "energy", *(("mass",) if "mass" in table else ()))
        columns: dict[str, NDArray[Any]] = {
            name: self._get(table, name).astype(np.float32) for name in (*names, "charge")
        }
        valid = masked_numbers(columns)
        self.tally.mask("particles whose four-momentum or charge is no number", ~valid)
        charge = np.rint(columns.pop("charge")).astype(np.int64)
        huge, much = beyond(columns.values()), np.abs(charge) > LARGEST_CHARGE
        self.tally.mask("particles of momenta, energies or masses above 10⁶ GeV", huge)
        self.tally.mask(f"particles of more than {LARGEST_CHARGE} charges", much)
        valid &= ~huge & ~much
        pdg = self._get(table, "type") if "type" in table else np.zeros(len(charge), dtype=np.int64)
        if "mass" in columns:
            self.tally.keep("particles of negative mass", columns["mass"] < 0)
            pdg = _by_mass(pdg, charge, columns["mass"])
        return {
            **columns,
            "is_valid": valid,
            "charge": narrowed(charge, np.int8, "charge", where),
            "kind": kind_of(pdg, charge),
            "is_track": np.zeros(len(charge), dtype=bool),
        }

    def _true_pdg(self) -> NDArray[np.int32]:
        """PDG id of the generated particle that is linked to each, most strongly; 0 without any."""
        truth = self.layout.truth
        starts = self.piece.offsets([truth["seen"], truth["true"]])
        event = np.repeat(np.arange(self.piece.events), np.diff(starts))
        seen, good = self._row(self._get(truth, "seen"), event, self.offsets)
        true, there = self._row(self._get(truth, "true"), event, self._starts(truth, "pdg"))
        good &= there
        self.tally.mask("links to particles that are not there", ~good)
        found = np.zeros(self.offsets[-1], dtype=np.int64)
        order = np.flatnonzero(good)
        if "weight" in truth and len(self._get(truth, "weight")) == len(good):
            order = order[np.argsort(self._get(truth, "weight")[order], kind="stable")]
        found[seen[order]] = self._get(truth, "pdg")[true[order]]  # the last one stays
        self.tally.keep("particles without a generated one (0)", found == 0)
        return narrowed(found, np.int32, "PDG", self.piece.where).astype(np.int32)

    @staticmethod
    def _row(index: Ints, event: Ints, starts: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """Places in lists end to end of indices within events; what points nowhere is 0 and not good."""
        good = (index >= 0) & (index < np.diff(starts)[event])
        return np.where(good, index + starts[event], 0), good

    # -- tracks --------------------------------------------------------------------------------

    def _tracks(self, charge: NDArray[Any]) -> dict[str, NDArray[Any]]:
        track, has = self._track_of_particle()
        state, has = self._state_of_track(track, has)
        table = self.layout.tracks
        columns: dict[str, NDArray[Any]] = {
            ours: self._picked(table, theirs, state) * scale
            for ours, theirs, scale in zip(TRACK_PARAMETERS, _THEIRS, _SCALES, strict=True)
        }
        if "cov" in table:
            covariance = self._picked(table, "cov", state)
            scales = [one * other for row, other in enumerate(_SCALES) for one in _SCALES[: row + 1]]
            for place, (name, scale) in enumerate(zip(COVARIANCE, scales, strict=True)):
                columns[name] = covariance[:, place] * scale
        columns = {name: column.astype(np.float32) for name, column in columns.items()}
        if len(self._get(table, "D0")):
            at_origin = np.ones(len(has), dtype=bool)
            for name in ("ref_x", "ref_y", "ref_z"):
                if name in table:
                    at_origin &= self._picked(table, name, state) == 0
            self.tally.mask("tracks whose parameters are not those towards the origin", has & ~at_origin)
            has &= at_origin
        finite = masked_numbers(columns)
        self.tally.mask("tracks whose parameters are no numbers", has & ~finite)
        has &= finite
        self.tally.mask("charged particles without a track", (charge != 0) & ~has)
        columns = {name: np.where(has, column, np.float32(0)) for name, column in columns.items()}
        return {**columns, "is_track": has, **self._identification(track, has)}

    def _track_of_particle(self) -> tuple[Ints, NDArray[np.bool_]]:
        """Place of each particle's first track among those of all events, and whether it has one."""
        particles, tracks = self.layout.particles, self.layout.tracks
        starts = self._starts(tracks, "states_begin")
        if not {"tracks_begin", "tracks_end", "track"} <= set(particles):
            none = np.zeros(len(self.event), dtype=np.int64)
            return none, none.astype(bool)
        begin, end = self._get(particles, "tracks_begin"), self._get(particles, "tracks_end")
        place, has = self._row(begin, self.event, self._starts(particles, "track"))
        has &= end > begin
        index = self._picked(particles, "track", place)
        track, there = self._row(index, self.event, starts)
        self.tally.mask("particles whose track is not in their event", has & ~there)
        return track, has & there

    def _state_of_track(self, track: Ints, has: NDArray[np.bool_]) -> tuple[Ints, NDArray[np.bool_]]:
        """Place of the state at the interaction point, or else the first one, of each particle's track."""
        table = self.layout.tracks
        self.piece.offsets([table[name] for name in _THEIRS])
        starts = self._starts(table, "D0")
        begin = self._picked(table, "states_begin", track)
        count = self._picked(table, "states_end", track) - begin
        first, there = self._row(begin, self.event, starts)
        there &= has & (count > 0) & (begin + count <= np.diff(starts)[self.event])
        self.tally.mask("tracks without a state", has & ~there)
        chosen = first.copy()
        if "location" in table and there.any():
            location = self._get(table, "location")
            for step in range(int(count[there].max()) - 1, -1, -1):
                inside = there & (step < count)
                at = np.where(inside, first + step, 0)
                chosen = np.where(inside & (location[at] == AT_INTERACTION), at, chosen)
        return chosen, there

    def _picked(self, table: Mapping[str, str], name: str, place: Ints) -> NDArray[Any]:
        """Entries of a branch by place; zeros if it has none."""
        values = self._get(table, name)
        return values[place] if len(values) else np.zeros((len(place), *values.shape[1:]), dtype=values.dtype)

    def _identification(self, track: Ints, has: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """Path lengths, ionisation clusters and times of flight, as far as the file has them."""
        table = self.layout.tracks
        columns: dict[str, NDArray[Any]] = {}
        if "length" not in table:
            return {}
        tracks = self._starts(table, "states_begin")
        if not np.array_equal(self._starts(table, "length"), tracks):
            return {}
        length = np.where(has, self._picked(table, "length", track) / MM_PER_CM, 0.0)
        length[~np.isfinite(length)] = 0.0
        columns["track_length"] = length.astype(np.float32)
        density = self._clusters_per_m(tracks)
        if density is not None:
            own = np.where(has, density[track] if len(density) else 0.0, 0.0)
            good = np.isfinite(own) & (own > 0)
            columns["has_clusters"] = good
            columns["n_clusters"] = (np.where(good, own, 0.0) / 100 * length).astype(np.float32)
        times = self._flight_times(tracks)
        if times is not None:
            own = np.where(has, times[track] if len(times) else 0.0, 0.0)
            good = np.isfinite(own) & (own > 0)
            columns["has_flight_time"] = good
            columns["flight_time"] = np.where(good, own, 0.0).astype(np.float32)
            columns["flight_length"] = np.where(good, length, 0.0).astype(np.float32)
        return columns

    def _clusters_per_m(self, tracks: Ints) -> NDArray[Any] | None:
        """Of each track of all events, NaN where there is none."""
        table = self.layout.tracks
        if "clusters" not in table or not {"clusters_begin", "clusters_track"} & set(table):
            return None
        found = np.full(tracks[-1], np.nan)
        starts = self._starts(table, "clusters")
        if "clusters_track" in table:
            self.piece.offsets([table["clusters"], table["clusters_track"]])
            event = np.repeat(np.arange(self.piece.events), np.diff(starts))
            row, good = self._row(self._get(table, "clusters_track"), event, tracks)
            found[row[good]] = self._get(table, "clusters")[good]
            return found
        event = np.repeat(np.arange(self.piece.events), np.diff(tracks))
        row, good = self._row(self._get(table, "clusters_begin"), event, starts)
        found[good] = self._get(table, "clusters")[row[good]]
        return found

    def _flight_times(self, tracks: Ints) -> NDArray[Any] | None:
        """Time of the last hit of each track of all events [ns], NaN where there is none."""
        table = self.layout.tracks
        if not {"hits_begin", "hits_end", "hit", "hit_time"} <= set(table):
            return None
        event = np.repeat(np.arange(self.piece.events), np.diff(tracks))
        begin, end = self._get(table, "hits_begin"), self._get(table, "hits_end")
        place, good = self._row(end - 1, event, self._starts(table, "hit"))
        good &= end > begin
        hit, there = self._row(self._picked(table, "hit", place), event, self._starts(table, "hit_time"))
        time = self._get(table, "hit_time")
        finite = time[np.isfinite(time)]
        scale = 1e9 if len(finite) and np.abs(finite).max() < _LATEST_SECONDS else 1.0
        found = np.full(tracks[-1], np.nan)
        good &= there
        found[good] = time[hit[good]] * scale
        return found

    # -- vertices ------------------------------------------------------------------------------

    def _vertices(self, charge: NDArray[Any]) -> tuple[dict[str, NDArray[Any]], Ints, NDArray[np.int16]]:
        """Vertices of all collections, their offsets, and the vertex of each particle."""
        place = np.full(len(self.event), NO_VERTEX, dtype=np.int64)
        before = np.zeros(self.piece.events, dtype=np.int64)  # vertices of earlier collections
        tables, owners = [], []
        for number, table in enumerate(self.layout.vertices.values()):
            starts = self.piece.offsets([b for ours, b in table.items() if ours != "particle"])
            owner = np.repeat(np.arange(self.piece.events), np.diff(starts))
            tables.append(self._one_collection(table, first=number == 0))
            owners.append(owner)
            for particle, vertex in self._members(table, owner, starts):
                place[particle] = vertex + before[self.event[particle]]
            before += np.diff(starts)
        if not tables:
            return _no_vertices(), np.zeros(self.piece.events + 1, dtype=np.int64), place.astype(np.int16)
        owner = np.concatenate(owners)
        order = np.argsort(owner, kind="stable")
        shared = set.intersection(*(set(table) for table in tables))
        vertices = {
            name: np.concatenate([t[name] for t in tables])[order] for name in tables[0] if name in shared
        }
        offsets = np.concatenate([[0], np.cumsum(before)])
        member = (place >= 0) & (charge != 0)
        row = place[member] + offsets[self.event[member]]
        vertices["n_tracks"] = np.bincount(row, minlength=len(owner)).astype(np.int16)
        self.tally.keep("particles that belong to no vertex", place < 0)
        return (
            vertices,
            offsets,
            narrowed(place, np.int16, "places of vertices", self.piece.where).astype(np.int16),
        )

    def _one_collection(self, table: Mapping[str, str], *, first: bool) -> dict[str, NDArray[Any]]:
        number = len(self._get(table, "x"))
        columns: dict[str, NDArray[Any]] = {name: self._get(table, name) / MM_PER_CM for name in "xyz"}
        if "cov" in table:
            covariance = self._get(table, "cov").reshape(number, -1) / MM_PER_CM**2
            if covariance.shape[1] == len(_VERTEX_COVARIANCE):
                columns |= dict(zip(_VERTEX_COVARIANCE, covariance.T, strict=True))
        columns["chi2"] = self._get(table, "chi2")
        columns = {name: column.astype(np.float32) for name, column in columns.items()}
        finite = masked_numbers(columns)
        self.tally.mask("vertices with position, errors or χ² no numbers", ~finite)
        variances = [columns[name] for name in _VARIANCES if name in columns]
        impossible = {
            "vertices of negative variances": np.any([one < 0 for one in variances], axis=0),
            "vertices of negative χ²": columns["chi2"] < 0,
            "vertices beyond 10 km": beyond(columns[name] for name in "xyz"),
        }
        columns["is_valid"] = finite.copy()
        for what, which in impossible.items():
            self.tally.mask(what, finite & which)
            columns["is_valid"] &= ~which
        if "ndf" in table:
            columns["ndf"] = narrowed(self._get(table, "ndf"), np.int16, "ndf", self.piece.where)
        if "primary" in table:
            primary = self._get(table, "primary") != 0
        elif "type" in table:
            primary = (self._get(table, "type") & _PRIMARY_BIT) != 0
        else:
            primary = np.full(number, first)
        columns["kind"] = np.where(primary, VertexKind.PRIMARY, VertexKind.DISPLACED).astype(np.int8)
        return columns

    def _members(self, table: Mapping[str, str], owner: Ints, starts: Ints) -> Iterator[tuple[Ints, Ints]]:
        """Places of particles in all events, and of their vertices within the event and collection."""
        particles = self.layout.particles
        if {"begin", "end", "particle"} <= set(table):
            begin = self._get(table, "begin")
            count = np.maximum(self._get(table, "end") - begin, 0)
            vertex = np.repeat(np.arange(len(owner)), count)
            step = places(count)
            relation, there = self._row(begin[vertex] + step, owner[vertex], self._starts(table, "particle"))
            index = self._picked(table, "particle", relation)
            row, good = self._row(index, owner[vertex], self.offsets)
            good &= there
            self.tally.mask("members of vertices that are not there", ~good)
            yield row[good], (vertex - starts[owner[vertex]])[good]
        elif "vertex" in particles and len(self.layout.vertices) == 1:
            index = self._get(particles, "vertex")
            row, good = self._row(index, self.event, starts)
            self.tally.mask("particles whose vertex is not in their event", (index >= 0) & ~good)
            yield np.flatnonzero(good), (row - starts[self.event])[good]


def _by_mass(pdg: Ints, charge: Ints, mass: NDArray[Any]) -> Ints:
    """Leptons and photons that have no type: fast simulation writes their masses alone."""
    untyped = pdg == 0
    for own, code in ((M_E, 11), (M_MU, 13)):
        pdg = np.where(untyped & (charge != 0) & (np.abs(mass - own) < 0.01 * own), code, pdg)
    return np.where(untyped & (charge == 0) & (np.abs(mass) < _LIGHTEST_HADRON), 22, pdg)


def _no_vertices() -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {
        name: np.zeros(0, dtype=np.float32) for name in (*"xyz", *_VERTEX_COVARIANCE, "chi2")
    }
    columns |= {"is_valid": np.zeros(0, dtype=bool), "kind": np.zeros(0, dtype=np.int8)}
    return {**columns, "n_tracks": np.zeros(0, dtype=np.int16)}
