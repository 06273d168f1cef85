"""A user's B candidates with lists of particles, ROOT or parquet, as sets in the centre-of-mass frame.

What belongs to what says a :class:`~hepsets.formats.candidate_map.CandidateMap`. Files are read a piece at a
time; nothing is guessed: what is not there is told, what is no number is masked and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.lorentz import Frame, boosted
from hepsets.core.masses import M_E, M_K, M_MU, M_P, M_PI
from hepsets.core.parquet import open_parquet
from hepsets.core.particle_sets import ParticleSets
from hepsets.formats.added_columns import is_parquet
from hepsets.formats.candidate_map import (
    CANDIDATE,
    DISPLACEMENT,
    IDENTIFICATION,
    KNOWN,
    SETS,
    YOURS,
    CandidateMap,
)
from hepsets.formats.column_names import find_columns
from hepsets.formats.event_lists import Column, Piece, choose_tree, iter_pieces
from hepsets.formats.root_files import opened, split_tree, trees_of
from hepsets.formats.track_distances import refuse_other_lengths, unusual
from hepsets.formats.whole_event_files import LARGEST

Array = NDArray[np.float64]

WHAT = "a file of candidates with the lists of the map"
_REMEDY = "correct the map, or leave out of it what the file does not have"

MASSES = np.array([M_E, M_MU, M_PI, M_K, M_P])
"""Of the species in :data:`~hepsets.formats.candidate_map.IDENTIFICATION` [GeV]."""

CHECKED_CANDIDATES = 50
"""With fewer candidates units and frame are taken as the map says."""

MOST_ENERGY = 2.0
"""A median candidate whose particles have so many times the energy of the collision is not in GeV."""

BEYOND = 1e15
"""What is larger counts as no number: float32, in which models see it, cannot hold its square."""

_OF_TRACKS = (*IDENTIFICATION, *DISPLACEMENT)
_NAMES = {"event": "event_number"}


class Collision(NamedTuple):
    """The beams: velocity (x, z) of the centre of mass in the laboratory, c = 1, and its energy √s [GeV]."""

    velocity: tuple[float, float]
    energy: float


@dataclass(frozen=True)
class CandidateCounts:
    """What was read, and what of it was not as it should be.

    Parameters
    ----------
    candidates, particles
        How many were read.
    masked
        By its description, how many entries of particles count as unknown, or were left out of their set.
    incomplete
        By the reason, how many candidates cannot be trained on or scored; one may count under several.
    left_out
        How many these are.
    empty
        By set, how many candidates have none.
    warnings
        What may be in another unit, in sentences.
    """

    candidates: int = 0
    particles: int = 0
    masked: Mapping[str, int] = field(default_factory=dict)
    incomplete: Mapping[str, int] = field(default_factory=dict)
    left_out: int = 0
    empty: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __add__(self, other: CandidateCounts) -> CandidateCounts:
        return CandidateCounts(
            self.candidates + other.candidates,
            self.particles + other.particles,
            _sum(self.masked, other.masked),
            _sum(self.incomplete, other.incomplete),
            self.left_out + other.left_out,
            _sum(self.empty, other.empty),
            (*self.warnings, *other.warnings),
        )

    def lines(self) -> list[str]:
        """In words, a line for each."""
        told = [f"{self.candidates:,} candidates with {self.particles:,} particles"]
        told += [f"{number:,} candidates with an empty {name}" for name, number in self.empty.items()]
        told += [f"masked: {number:,} {what}" for what, number in self.masked.items()]
        if self.left_out:
            why = ", ".join(f"{reason} {number:,}" for reason, number in self.incomplete.items())
            told.append(f"{self.left_out:,} candidates not used ({why})")
        return [*told, *self.warnings]


@dataclass(frozen=True, eq=False)
class CandidatePiece:
    """Some candidates of a file.

    Parameters
    ----------
    sets
        All particles of each candidate: columns ``px py pz energy`` [GeV, centre of mass], ``charge``,
        ``from_candidate``, probabilities of species, ``dr dz`` [cm], and the user's own. Event columns:
        ``candidate_px … candidate_energy``, ``candidate_charge``, what the map and basf2's usual names tell,
        and the user's variables.
    complete
        Which candidates have all numbers, shape ``(n,)``.
    counts
        What was read.
    """

    sets: ParticleSets
    complete: NDArray[np.bool_]
    counts: CandidateCounts


def columns_there(path: Path, tree: str | None) -> tuple[str, ...]:
    """Names of the columns of a parquet file (``tree`` is ``None``) or of a tree."""
    if tree is None:
        with open_parquet(path) as file:
            return tuple(file.schema_arrow.names)
    with opened(path) as file:
        return tuple(trees_of(file)[tree].keys())


def tree_with(path: Path, tree: str | None, of_map: CandidateMap) -> str:
    """The tree of a ROOT file that holds the lists of a map; ``tree`` is what a user calls it."""
    with opened(path) as file:
        known_by = set(of_map.lists).issubset
        return choose_tree(path, trees_of(file), tree, what=WHAT, known_by=known_by)


def iter_candidates(
    source: str | Path,
    of_map: CandidateMap,
    collision: Collision,
    *,
    tree: str | None = None,
    usual: bool = True,
    optional: Collection[str] = (),
) -> Iterator[CandidatePiece]:
    """The candidates of a file, some at a time.

    Parameters
    ----------
    source
        ROOT (also ``FILE.root:TREE``) or parquet.
    of_map
        What the file calls what.
    collision
        Of the beams.
    tree
        The tree, where ``source`` does not name it.
    usual
        Whether numbers of a candidate that the map does not name are looked for by basf2's names.
    optional
        Those of our columns that the map may name and the file may still lack.

    Raises
    ------
    InputError
        For files that cannot be read, columns that are missing, hold texts, or lists where numbers are
        wanted or the other way round, lists of different lengths in a set, charges of tracks other than ±1,
        probabilities beyond 0 and 1, angles in degrees, momenta, an Mbc or a ΔE that are not in GeV or in
        another frame than the map says, and impact parameters that cannot be in cm.
    """
    path, own = split_tree(source)
    named = None if is_parquet(path) else tree_with(path, own or tree, of_map)
    there = columns_there(path, named)
    of_map = of_map.without(*(ours for ours in optional if of_map.columns.get(ours) not in there))
    found = found_columns(of_map, there) if usual else dict(of_map.columns)
    wanted = {name: Column(where) for name, where in of_map.lists.items()}
    wanted |= {name: Column("data.variables", lists=False) for name in of_map.variables}
    for ours, theirs in found.items():
        whole = ours in ("experiment", "run", "event_number", "production")
        needed = f"data.columns.{ours}" if ours in of_map.columns else ""
        wanted[theirs] = Column(needed, whole=whole, lists=False)
    checked = False
    known_by = set(of_map.lists).issubset
    for piece in iter_pieces(path, named, wanted, what=WHAT, known_by=known_by, remedy=_REMEDY):
        one = _candidates(piece, of_map, found, collision)
        if not checked and piece.events >= CHECKED_CANDIDATES:
            _check_units(one, of_map, collision, piece.where)
            warnings = _check_distances(one, of_map, piece.where)
            one = replace(one, counts=replace(one.counts, warnings=warnings))
            checked = True
        yield one


def found_columns(of_map: CandidateMap, there: tuple[str, ...]) -> dict[str, str]:
    """What a file calls our numbers of a candidate: as the map says, else by basf2's usual names."""
    usual = {_NAMES.get(name, name): theirs for name, theirs in find_columns(there).items()}
    lists = of_map.lists
    return {ours: theirs for ours, theirs in usual.items() if theirs not in lists} | dict(of_map.columns)


# -- candidates ------------------------------------------------------------------------------------


def _candidates(
    piece: Piece, of_map: CandidateMap, found: Mapping[str, str], collision: Collision
) -> CandidatePiece:
    masked: Counter[str] = Counter()
    incomplete: dict[str, NDArray[np.bool_]] = {}
    parts, empty = [], {}
    for name in of_map.sets:
        particles, event, lost = _members(piece, of_map, name, masked)
        incomplete |= lost
        parts.append((particles, event))
        bare = piece.events - len(np.unique(event))
        if bare:
            empty[name] = bare
    sets = _in_centre_of_mass(parts, piece.events, of_map, collision)
    columns, not_finite = _numbers_of(piece, of_map, found)
    incomplete |= not_finite
    sets = sets.with_columns(**{**columns, **_of_candidate(sets, columns, of_map, collision)})
    too_much = ~(sets.columns["candidate_energy"] < collision.energy)
    if too_much.any():
        incomplete["candidates with all the energy of the collision, or none that is known"] = too_much
    bad = np.zeros(piece.events, dtype=bool)
    for which in incomplete.values():
        bad |= which
    counts = CandidateCounts(
        piece.events,
        sets.n_particles,
        dict(masked),
        {reason: int(which.sum()) for reason, which in incomplete.items()},
        int(bad.sum()),
        empty,
    )
    return CandidatePiece(sets, ~bad, counts)


def _members(
    piece: Piece, of_map: CandidateMap, name: str, masked: Counter[str]
) -> tuple[dict[str, Array], NDArray[np.int64], dict[str, NDArray[np.bool_]]]:
    """Particles of one set in the file's frame, the event of each, and which candidates lost a daughter."""
    named, conditions = of_map.sets[name], SETS[name]
    offsets = piece.offsets(named.values())
    event = np.repeat(np.arange(piece.events), np.diff(offsets))
    given = {key: piece.values[theirs] for key, theirs in named.items()}
    for key, values in given.items():
        if values.shape != (len(event),):
            raise InputError(
                f"{piece.where}: {named[key]} holds lists of arrays", "one number for each particle of a list"
            )
    momenta = _momenta(given, of_map.way(name), f"{piece.where}: sets.{name}")
    track = "track" in conditions
    moving = (np.abs(momenta) <= LARGEST).all(axis=1)  # which NaN is not
    charged = ~np.isnan(given["charge"]) if track else np.ones(len(event), dtype=bool)
    lost: dict[str, NDArray[np.bool_]] = {}
    for lacking, what, told in (
        (~moving, "a momentum", f"particles of {name} without a momentum below {LARGEST:g} GeV, left out"),
        (moving & ~charged, "a charge", f"tracks of {name} without a charge, left out"),
    ):
        if lacking.any():
            masked[told] += int(lacking.sum())
            if "signal" in conditions:
                lost[f"{name} without {what}"] = np.bincount(event[lacking], minlength=piece.events) > 0
    good = moving & charged
    momenta, event = momenta[good], event[good]
    given = {key: values[good] for key, values in given.items()}
    particles: dict[str, Array] = dict(zip(("px", "py", "pz"), momenta.T, strict=True))
    particles["charge"] = _charges(given, name, piece.where) if track else np.zeros(len(event))
    particles["from_candidate"] = np.full(len(event), float("signal" in conditions))
    for key in _OF_TRACKS:
        known = track and key in given
        particles[key] = (
            _masked(given[key], key, name, piece.where, masked) if known else np.zeros(len(event))
        )
    particles["dr"] = np.abs(particles["dr"])
    for key, values in given.items():
        if key not in KNOWN:
            particles[YOURS + key] = _masked(values, key, name, piece.where, masked)
    particles["energy"] = _energies(particles, given.get("energy"), name, masked, track=track)
    return particles, event, lost


def _masked(values: Array, key: str, name: str, where: str, masked: Counter[str]) -> Array:
    """The values, 0 where there is no number, which is counted; probabilities have to be some."""
    bad = ~(np.abs(values) <= BEYOND)  # which NaN is not
    if key in IDENTIFICATION:
        odd = ~bad & ((values < 0) | (values > 1 + 1e-6))
        if odd.any():
            raise InputError(
                f"{where}: sets.{name}.{key} holds {values[odd][0]:g}",
                "probabilities, from 0 to 1",
                "divide percents by 100, give NaN where there is none",
            )
    if bad.any():
        masked[f"entries of {name}.{key} that are no numbers, taken as 0"] += int(bad.sum())
    return np.where(bad, 0.0, values)


def _charges(given: Mapping[str, Array], name: str, where: str) -> Array:
    charge = given["charge"]
    odd = ~np.isin(charge, (-1, 1))
    if odd.any():
        raise InputError(f"{where}: sets.{name}.charge holds {charge[odd][0]:g}", "-1 or 1 for every track")
    return charge


def _momenta(given: Mapping[str, Array], way: tuple[str, ...], where: str) -> Array:
    """Momenta [GeV], shape ``(n, 3)``, in the frame of the file."""
    if way == ("px", "py", "pz"):
        return np.stack([given[key] for key in way], axis=1)
    phi = _angle(given["phi"], 2 * np.pi, f"{where}.phi")
    if "theta" in way:
        theta = _angle(given["theta"], np.pi, f"{where}.theta")
        cosine, sine = np.cos(theta), np.sin(theta)
    elif "cos_theta" in way:
        cosine = given["cos_theta"]
        beyond = np.abs(cosine) > 1 + 1e-6
        if beyond.any():
            raise InputError(f"{where}.cos_theta holds {cosine[beyond][0]:g}", "cosines, from -1 to 1")
        sine = np.sqrt(np.maximum(1 - cosine**2, 0))
    if way == ("pt", "phi", "pz"):
        across, along = given["pt"], given["pz"]
    elif "pt" in way:
        across = given["pt"]
        along = across * np.divide(cosine, sine, out=np.full_like(sine, np.nan), where=sine > 0)
    else:
        size = given["p"] if "p" in way else given["energy"]
        across, along = size * sine, size * cosine
    return np.stack([across * np.cos(phi), across * np.sin(phi), along], axis=1)


def _angle(values: Array, most: float, where: str) -> Array:
    beyond = np.abs(values) > most + 1e-6
    if beyond.any():
        raise InputError(f"{where} holds {values[beyond][0]:g}", "angles in radians", "convert degrees")
    return values


def _energies(
    particles: Mapping[str, Array], given: Array | None, name: str, masked: Counter[str], *, track: bool
) -> Array:
    """Energies [GeV]: those given, else with the mass of the most probable species, of a pion if none is."""
    momentum = np.sqrt(particles["px"] ** 2 + particles["py"] ** 2 + particles["pz"] ** 2)
    mass = np.zeros(len(momentum))
    if track:
        probable = np.stack([particles[key] for key in IDENTIFICATION])
        if probable.any() and not particles["pion"].any():  # not in the map: what the others leave
            probable[IDENTIFICATION.index("pion")] = 1.0 - probable.sum(axis=0)
        known = probable.any(axis=0)
        mass = np.where(known, MASSES[probable.argmax(axis=0)], M_PI)
    worked_out = np.hypot(momentum, mass)
    if given is None:
        return worked_out
    bad = ~((given >= 0) & (given <= LARGEST))  # which NaN is not
    if bad.any():
        what = f"entries of {name}.energy that are no energies below {LARGEST:g} GeV, worked out from momenta"
        masked[what] += int(bad.sum())
    return np.maximum(np.where(bad, worked_out, given), momentum)


# -- frames ----------------------------------------------------------------------------------------


def _in_centre_of_mass(
    parts: list[tuple[dict[str, Array], NDArray[np.int64]]],
    events: int,
    of_map: CandidateMap,
    collision: Collision,
) -> ParticleSets:
    """All sets as one, in the centre-of-mass frame."""
    event = np.concatenate([which for _, which in parts])
    order = np.argsort(event, kind="stable")
    names = dict.fromkeys(name for particles, _ in parts for name in particles)
    joined = {
        name: np.concatenate([one.get(name, np.zeros(len(which))) for one, which in parts])[order]
        for name in names
    }
    momenta = np.stack([joined[name] for name in ("px", "py", "pz", "energy")], axis=1)
    moved = to_centre_of_mass(momenta, collision) if of_map.frame == "laboratory" else momenta
    joined |= dict(zip(("px", "py", "pz", "energy"), moved.T, strict=True))
    kinds: dict[str, type[np.generic]] = {"charge": np.int8, "from_candidate": np.bool_}
    particles = {name: column.astype(kinds.get(name, np.float32)) for name, column in joined.items()}
    return ParticleSets(particles, np.concatenate([[0], np.cumsum(np.bincount(event, minlength=events))]))


def to_centre_of_mass(vectors: Array, collision: Collision) -> Array:
    """Four-momenta (px, py, pz, E) [GeV] of the laboratory, shape ``(n, 4)``, in the centre of mass."""
    moving = Frame.moving(*collision.velocity)
    return boosted(vectors, moving.gamma * np.array([[-moving.bx, 0.0, -moving.bz, 1.0]]))


def _of_candidate(
    sets: ParticleSets, columns: Mapping[str, NDArray[Any]], of_map: CandidateMap, collision: Collision
) -> dict[str, Array]:
    """Momentum, energy and charge of the candidate in the centre of mass: as given, or its daughters' sum."""
    own, events = sets.particles["from_candidate"], len(sets)
    event = sets.event_of_particle[own]

    def summed(name: str) -> Array:
        daughters = sets.particles[name][own].astype(np.float64)
        return np.asarray(np.bincount(event, daughters, minlength=events), dtype=np.float64)

    if CANDIDATE[0] in of_map.columns:
        vectors = np.stack([columns[name] for name in CANDIDATE], axis=1)
        if of_map.frame == "laboratory":
            vectors = to_centre_of_mass(vectors, collision)
    else:
        vectors = np.stack([summed(name) for name in ("px", "py", "pz", "energy")], axis=1)
    found = dict(zip(CANDIDATE, vectors.T, strict=True))
    return {**found, "candidate_charge": columns.get("candidate_charge", summed("charge"))}


def _numbers_of(
    piece: Piece, of_map: CandidateMap, found: Mapping[str, str]
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[np.bool_]]]:
    """Event columns by our names, and which of them are no numbers where they have to be."""
    columns = {ours: piece.values[theirs] for ours, theirs in found.items()}
    own = dict(zip(of_map.own_variables, of_map.variables, strict=True))
    columns |= {ours: piece.values[theirs] for ours, theirs in own.items()}
    needed = {*own, "mbc", "delta_e", *CANDIDATE, "candidate_charge"}
    bad = {}
    for name, values in columns.items():
        if values.shape != (piece.events,):
            theirs = own.get(name) or found[name]
            raise InputError(f"{piece.where}: {theirs} holds arrays", "one number per candidate")
        sound = np.abs(values) <= BEYOND  # which NaN is not
        if name in needed and not sound.all():
            bad[f"{own.get(name, name)} not finite"] = ~sound
    return columns, bad


def _check_units(one: CandidatePiece, of_map: CandidateMap, collision: Collision, where: str) -> None:
    """Refuse momenta that cannot be what the map says: together at rest, and no more than there is."""
    sets = one.sets
    energy = np.bincount(sets.event_of_particle, sets.particles["energy"], minlength=len(sets))
    median = float(np.median(energy))
    if median > MOST_ENERGY * collision.energy:
        raise InputError(
            f"{where}: the particles of a median candidate have {median:.3g} GeV",
            f"momenta in GeV; a collision has {collision.energy:.4g}",
            "convert MeV to GeV",
        )
    for name in ("mbc", "delta_e", "candidate_energy"):
        size = float(np.median(np.abs(sets.columns[name]))) if name in sets.columns else 0.0
        if size > collision.energy:
            raise InputError(
                f"{where}: {of_map.columns.get(name, name)} of a median candidate is {size:.3g} GeV",
                f"less than a collision has, {collision.energy:.4g}",
                "convert MeV to GeV",
            )
    if energy.sum() <= 0:
        return
    along = float(np.sum(sets.particles["pz"], dtype=np.float64) / energy.sum())
    if abs(along) > collision.velocity[1] / 2:
        other = "centre_of_mass" if of_map.frame == "laboratory" else "laboratory"
        raise InputError(
            f"{where}: read as momenta in the {of_map.frame.replace('_', ' of ')}, particles move with "
            f"{along:+.2f} c along the beam, in the centre of mass",
            "about 0",
            f"set data.frame = {other!r} if the momenta are so",
        )


def _check_distances(one: CandidatePiece, of_map: CandidateMap, where: str) -> tuple[str, ...]:
    """Refuse impact parameters that cannot be in cm; what is to be told of those that may not be."""
    particles, told = one.sets.particles, []
    for name, named in of_map.sets.items():
        own = "signal" in SETS[name]
        chosen = (particles["from_candidate"] == own) & (particles["charge"] != 0)
        for key in (key for key in DISPLACEMENT if key in named and "track" in SETS[name]):
            values, place = particles[key][chosen], f"{where}: sets.{name}.{key} ({named[key]})"
            refuse_other_lengths(values, place)
            if key == "dr" and not own:  # a candidate may be of K_S alone, and beams are long
                told.append(unusual(values, place))
    return tuple(filter(None, told))


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return dict(Counter(one) + Counter(other))
