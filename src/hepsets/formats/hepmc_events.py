r"""The events of a HepMC3 ASCII stream as event tables.

How a record becomes a decay tree:

- beam particles (status 4) and their own copies before the collision are left out, so what they make
  together (an Υ(4S), a virtual photon) is a root;
- quarks, gluons, diquarks, strings and clusters are left out, and so is each particle that only turns
  into itself; their daughters become daughters of the nearest ancestor that stays;
- of several incoming particles of a vertex the first that is no beam particle is the mother;
- a particle is produced at its production vertex or, where this has no position, where its mother
  was produced, at last at the position of the event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute, csv

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.units import MM_PER_CM, SPEED_OF_LIGHT
from hepsets.formats.decay_forest import BEAM, Floats, Integers, decay_forest
from hepsets.formats.hepmc import LARGEST_EVENT, HepmcBlock

_TO_GEV = {b"GEV": 1.0, b"MEV": 1e-3}
_TO_CM = {b"MM": 1 / MM_PER_CM, b"CM": 1.0}
_FINAL = 1

_UNREADABLE = (ValueError, IndexError, OverflowError, pa.ArrowException)

_LINES = np.frombuffer(b"EUWAVP", dtype=np.uint8)
"""How the lines of an event begin."""

_UNUSED = ("P", "V", "at", "mass", "vertex_status")
"""Columns whose content is not looked at."""

_PARTICLE = {
    "P": pa.string(),
    "id": pa.int64(),
    "parent": pa.int64(),
    "pdg": pa.int64(),
    **dict.fromkeys(("px", "py", "pz", "energy", "mass"), pa.float64()),
    "status": pa.int64(),
}
_VERTEX = {"V": pa.string(), "id": pa.int64(), "vertex_status": pa.int64(), "incoming": pa.string()}
_POSITION = {"at": pa.string(), **dict.fromkeys(("x", "y", "z", "t"), pa.float64())}


def parse_hepmc(block: HepmcBlock, source: str) -> tuple[Events, Integers]:
    """The decay trees of a block, and the numbers of its events.

    Raises
    ------
    InputError
        If an event cannot be understood; its number is in the message.
    """
    try:
        return _parse(block.texts)
    except _UNREADABLE as error:
        if len(block.texts) == 1:
            number = block.texts[0].split(b"\n", 1)[0].decode("ascii", "replace")[:40]
            if isinstance(error, InputError):
                raise InputError(f"{source}, event '{number}': {error.came}", error.expected) from error
            raise InputError(
                f"{source}, event '{number}' cannot be read ({str(error).splitlines()[0]})",
                "HepMC3 ASCII as its WriterAscii makes it",
            ) from error
        for text in block.texts:  # find the one that is to blame
            parse_hepmc(HepmcBlock([text]), source)
        raise AssertionError("events that are readable alone only") from error


def _table(lines: Sequence[bytes], columns: dict[str, pa.DataType]) -> dict[str, Any]:
    """Lines of numbers between single spaces as columns."""
    if not lines:
        return {name: pa.array([], kind) for name, kind in columns.items()}
    used = [name for name in columns if name not in _UNUSED]
    text = b"\n".join(lines)
    table = csv.read_csv(
        pa.py_buffer(text),
        csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=list(columns)),
        csv.ParseOptions(delimiter=" ", quote_char=False),
        csv.ConvertOptions(column_types=columns, include_columns=used, null_values=[]),
    )
    return {name: table.column(name).combine_chunks() for name in used}


def _parse(texts: Sequence[bytes]) -> tuple[Events, Integers]:
    lines = b"".join(texts).split(b"\n")
    heads = b"".join([line[:2] if len(line) > 1 else b"  " for line in lines])
    kind, after = np.frombuffer(heads, dtype=np.uint8).reshape(-1, 2).T
    unknown = ~np.isin(kind, _LINES) | (after != ord(" "))
    if unknown[:-1].any() or lines[-1]:  # the last line of a text ends it
        line = lines[int(np.argmax(unknown))]
        raise InputError(f"a line {line[:40]!r}", "lines E, U, W, A, V and P")

    def of(letter: str) -> tuple[list[bytes], Integers]:
        at = np.flatnonzero(kind == ord(letter))
        return [lines[i] for i in at], event_of_line[at]

    event_of_line = np.cumsum(kind == ord("E")) - 1
    numbers, n_vertices, n_particles, spots = _event_lines(of("E")[0])
    gev, cm = _units(*of("U"), len(texts))
    _check_weights(*of("W"))
    short = [line for line in of("A")[0] if line.count(b" ") < 3]
    if short:
        raise InputError(f"a line {short[0][:40]!r}", "an attribute: A id name value")

    # particles, each in the place that its id says
    particle_lines, event = of("P")
    particle = _table(particle_lines, _PARTICLE)
    particle_offsets = np.concatenate([[0], np.cumsum(n_particles)])
    found = np.bincount(event, minlength=len(texts))
    if not np.array_equal(found, n_particles):
        wrong = int(np.argmax(found != n_particles))
        raise InputError(f"{found[wrong]} particles", f"{n_particles[wrong]}, as its E line says")
    ids = _numpy(particle["id"])
    if ((ids < 1) | (ids > n_particles[event])).any():
        raise InputError("a particle whose id is out of range", "ids from 1 to the number of particles")
    place = particle_offsets[event] + ids - 1
    if len(place) and np.bincount(place).max() > 1:
        raise InputError("a particle id that stands twice", "ids that are unique within the event")
    order = np.argsort(place)
    column = {name: _numpy(values)[order] for name, values in particle.items()}
    event = event[order]
    momentum = np.stack([column[name] for name in ("px", "py", "pz", "energy")]) * gev[event]
    _check_finite(momentum)

    mother, vertex = _mothers(column, event, particle_offsets, n_vertices, *of("V"))
    position = _positions(vertex, mother, event, spots) * cm[event]
    position[3] /= SPEED_OF_LIGHT
    _check_finite(position)
    events = decay_forest(column["pdg"], momentum, position, mother, column["status"], particle_offsets)
    return events, numbers


def _event_lines(lines: Sequence[bytes]) -> tuple[Integers, Integers, Integers, Floats]:
    """Numbers of events, of their vertices and particles; positions (x, y, z, t), shape ``(4, n)``."""
    counts = np.zeros((len(lines), 3), dtype=np.int64)
    spots = np.zeros((len(lines), 4))
    for i, line in enumerate(lines):
        fields = line.split()
        if len(fields) not in (4, 9) or (len(fields) == 9 and fields[4] != b"@"):
            raise InputError(f"an E line of {len(fields)} fields", "E number vertices particles [@ x y z t]")
        counts[i] = [int(value) for value in fields[1:4]]
        if len(fields) == 9:
            spots[i] = [float(value) for value in fields[5:]]
    if (counts[:, 1:] < 0).any() or (counts[:, 1:] > LARGEST_EVENT).any():
        raise InputError("an impossible number of particles or vertices", "as many as there are")
    return counts[:, 0], counts[:, 1], counts[:, 2], spots.T


def _units(lines: Sequence[bytes], event: Integers, events: int) -> tuple[Floats, Floats]:
    """Factors to GeV and cm for each event."""
    if not np.array_equal(event, np.arange(events)):
        raise InputError("no units, or units twice", "one line 'U GEV MM' (or MEV, CM) in each event")
    factors = {}
    for line in set(lines):
        fields = line.split()
        if len(fields) != 3 or fields[1] not in _TO_GEV or fields[2] not in _TO_CM:
            raise InputError(f"units {line[:40]!r}", "U with GEV or MEV, and MM or CM")
        factors[line] = _TO_GEV[fields[1]], _TO_CM[fields[2]]
    both = np.array([factors[line] for line in lines]).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def _check_weights(lines: Sequence[bytes], event: Integers) -> None:
    """At most one line of weights in an event, and in it finite numbers."""
    if (np.diff(event) == 0).any():
        raise InputError("weights twice", "one line W in each event")
    for line in lines:
        values = [float(value) for value in line.split()[1:]]
        if not values:
            raise InputError("a line W without weights", "a number, or no such line")
        if not np.isfinite(values).all():
            raise InputError(f"weights {line[2:40]!r}", "finite numbers")


@dataclass(frozen=True, eq=False)
class _Vertices:
    """Position (x, y, z, t) of the production vertex of each particle; ``known`` where it has one."""

    known: NDArray[np.bool_]
    position: Floats


@dataclass(frozen=True, eq=False)
class _VertexLines:
    """The lines of vertices, those with a position first.

    ``position`` is (x, y, z, t), shape ``(4, n)``; ``incoming`` are places of particles that go into the
    vertices of lines ``row``; ``line_of`` is the line of each vertex of all events, -1 without one, and
    event ``i`` owns the vertices from ``offsets[i]``.
    """

    position: Floats
    incoming: Integers
    row: Integers
    line_of: Integers
    offsets: Integers


def _vertex_lines(
    lines: Sequence[bytes],
    event_of_vertex: Integers,
    particle_offsets: Integers,
    n_vertices: Integers,
    parent: Integers,
    event: Integers,
) -> _VertexLines:
    """The vertices that have lines; all ids are checked."""
    has_position = np.array([b"@" in line for line in lines], dtype=bool)
    rows = np.argsort(~has_position, kind="stable")
    n_with = int(has_position.sum())
    with_position = _table([lines[i] for i in rows[:n_with]], _VERTEX | _POSITION)
    without = _table([lines[i] for i in rows[n_with:]], _VERTEX)
    event_of_vertex = event_of_vertex[rows]
    ids = -np.concatenate([_numpy(with_position["id"]), _numpy(without["id"])])
    position = np.zeros((4, len(rows)))
    position[:, :n_with] = [_numpy(with_position[name]) for name in ("x", "y", "z", "t")]
    incoming, row = _incoming([with_position["incoming"], without["incoming"]])
    many = particle_offsets[event_of_vertex + 1] - particle_offsets[event_of_vertex]
    if (incoming > many[row]).any() or (incoming < 1).any():
        raise InputError("a vertex with an incoming particle that is not there", "ids of its particles")
    incoming = particle_offsets[event_of_vertex][row] + incoming - 1
    _check_counts(parent, event, particle_offsets, incoming, event_of_vertex, n_vertices)
    if ((ids < 1) | (ids > n_vertices[event_of_vertex])).any():
        raise InputError("a vertex whose id is out of range", "ids from -1 down to the number of vertices")
    vertex_offsets = np.concatenate([[0], np.cumsum(n_vertices)])
    line_of = np.full(vertex_offsets[-1], -1)
    place = vertex_offsets[event_of_vertex] + ids - 1
    if len(place) and np.bincount(place).max() > 1:
        raise InputError("a vertex id that stands twice", "ids that are unique within the event")
    line_of[place] = np.arange(len(rows))
    return _VertexLines(position, incoming, row, line_of, vertex_offsets)


def _mothers(
    column: dict[str, NDArray[Any]],
    event: Integers,
    particle_offsets: Integers,
    n_vertices: Integers,
    lines: Sequence[bytes],
    event_of_vertex: Integers,
) -> tuple[Integers, _Vertices]:
    """Place of each particle's mother (its own for roots), beams left aside, and production vertices."""
    parent, own = column["parent"], np.arange(len(event))
    vertices = _vertex_lines(lines, event_of_vertex, particle_offsets, n_vertices, parent, event)
    incoming, row = vertices.incoming, vertices.row
    size = particle_offsets[event + 1] - particle_offsets[event]
    if ((parent > size) | (-parent > n_vertices[event])).any():
        raise InputError(
            "a particle whose parent is not there", "the id of a vertex or particle of its event"
        )
    made_at = np.full(len(own), -1)
    explicit = parent < 0
    made_at[explicit] = vertices.line_of[vertices.offsets[event[explicit]] - parent[explicit] - 1]
    if (made_at[explicit] < 0).any():
        raise InputError("a particle from a vertex that is not there", "the vertex of every parent")
    from_particle = np.where(parent > 0, particle_offsets[event] + parent - 1, own)

    beam = column["status"] == BEAM
    while True:
        first = np.full(len(lines), -1)
        # the last one written stays: of those that are no beam, the first
        for chosen in (beam[incoming], ~beam[incoming]):
            first[row[chosen][::-1]] = incoming[chosen][::-1]
        mother = np.where(made_at >= 0, first[made_at] if len(first) else -1, from_particle)
        mother = np.where(mother >= 0, mother, own)
        # a beam particle that has radiated is still one
        again = beam[mother] & ~beam & (column["pdg"] == column["pdg"][mother]) & (column["status"] != _FINAL)
        if not again.any():
            break
        beam |= again
    known = np.zeros(len(own), dtype=bool)
    where = np.zeros((4, len(own)))
    where[:, explicit] = vertices.position[:, made_at[explicit]]
    known[explicit] = (where[:, explicit] != 0).any(axis=0)
    column["status"] = np.where(beam, BEAM, column["status"])
    return mother, _Vertices(known, where)


def _check_counts(
    parent: Integers,
    event: Integers,
    particle_offsets: Integers,
    incoming: Integers,
    event_of_vertex: Integers,
    n_vertices: Integers,
) -> None:
    """As many vertices as the E lines say: those with a line, and those that only particles' parents tell."""
    size = particle_offsets[event + 1] - particle_offsets[event]
    implicit = (parent > 0) & (parent <= size)
    decays = np.zeros(len(parent), dtype=bool)
    decays[particle_offsets[event[implicit]] + parent[implicit] - 1] = True
    decays[incoming] = False
    decayed = np.flatnonzero(decays)
    found = np.bincount(event_of_vertex, minlength=len(n_vertices))
    found += np.bincount(event[decayed], minlength=len(n_vertices))
    if not np.array_equal(found, n_vertices):
        wrong = int(np.argmax(found != n_vertices))
        raise InputError(f"{found[wrong]} vertices", f"{n_vertices[wrong]}, as its E line says")


def _incoming(columns: Sequence[pa.Array]) -> tuple[Integers, Integers]:
    """Ids of the incoming particles of all vertices, and the row of the vertex of each."""
    text = pa.concat_arrays(columns)
    if not len(text):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    if not compute.all(compute.match_substring_regex(text, r"^\[[0-9,]*\]$")).as_py():
        raise InputError("a vertex without a list of incoming particles", "V id status [id,id,…]")
    lists = compute.split_pattern(compute.utf8_trim(text, "[]"), ",")
    ids, rows = lists.flatten(), np.repeat(np.arange(len(text)), np.diff(_numpy(lists.offsets)))
    there = _numpy(compute.not_equal(ids, ""))
    ids = _numpy(ids.filter(pa.array(there)).cast(pa.int64()))
    rows = rows[there]
    return ids[ids > 0], rows[ids > 0]


def _positions(vertices: _Vertices, mother: Integers, event: Integers, spots: Floats) -> Floats:
    """Production points (x, y, z, t), shape ``(4, n)``: of the nearest ancestor that has one."""
    own = np.arange(len(mother))
    source = np.where(vertices.known, own, mother)
    for _ in range(len(own).bit_length()):
        further = source[source]
        if np.array_equal(further, source):
            break
        source = further
    return np.where(vertices.known[source], vertices.position[:, source], spots[:, event])


def _check_finite(values: Floats) -> None:
    # what is finite in double precision must be so in the event table's single one
    if not (np.abs(values) < np.finfo(np.float32).max).all():
        raise InputError("a number that is not finite", "finite numbers")


def _numpy(column: Any) -> NDArray[Any]:
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values
