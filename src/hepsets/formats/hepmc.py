r"""HepMC3 ASCII streams: events for the network, text that passes through unchanged.

The text of an event is never written anew. It is read for what the network needs, and if the event
is kept the same bytes go out again, with further numbers on its ``W`` line; their names are appended
to the ``W`` line of the run information. So every vertex, particle, attribute, unit and digit of the
input survives. The format is that of Buckley et al., Comput. Phys. Commun. 260 (2021) 107310,
as HepMC3's own ``WriterAscii`` and ``ReaderAscii`` have it.

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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute, csv

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.units import MM_PER_CM, SPEED_OF_LIGHT

BLOCK_BYTES = 4 << 20
"""How much of a stream is in memory at once, apart from one event."""

_LARGEST_EVENT = 64 << 20
_VERSION = b"HepMC::Version"
_START = b"HepMC::Asciiv3-START_EVENT_LISTING"
_END = b"HepMC::Asciiv3-END_EVENT_LISTING"
_HEPMC2 = b"HepMC::IO_GenEvent"
_CONVERT = "convert it with HepMC3's convert_example -i hepmc2 -o hepmc3 OLD NEW"

_TO_GEV = {b"GEV": 1.0, b"MEV": 1e-3}
_TO_CM = {b"MM": 1 / MM_PER_CM, b"CM": 1.0}
BEAM = 4
"""Status of beam particles."""

_FINAL = 1

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Header:
    """What stands before, between or after events: run information, listing marks.

    Parameters
    ----------
    text
        As it came.
    names
        Names of the weights of the events that follow; none if the text begins no listing, or the
        listing does not name its weights.
    """

    text: bytes
    names: tuple[str, ...] = ()

    @property
    def begins(self) -> bool:
        """Whether a listing of events begins here."""
        return self.text.startswith(_START)


@dataclass(frozen=True, eq=False)
class HepmcBlock:
    """Some events.

    Parameters
    ----------
    texts
        As they came, one entry per event.
    """

    texts: list[bytes]


def read_hepmc(stream: IO[bytes], source: str) -> Iterator[Header | HepmcBlock]:
    """The parts of a HepMC3 ASCII stream, in order, some hundred events at a time.

    Parameters
    ----------
    stream
        Plain text.
    source
        Its name, for errors.

    Raises
    ------
    InputError
        If the stream is no HepMC3 ASCII, or ends before its listing does.
    """
    rest = b""
    listing = started = False
    while True:
        block = stream.read(BLOCK_BYTES)
        text = rest + block
        if not started and (len(text) >= len(_VERSION) or not block):
            _check_beginning(text, source)
            started = True
        cuts = _boundaries(text)
        if not block and not (cuts and text[cuts[-1] :].startswith(_END)):
            raise InputError(
                f"{source} ends within a listing of events",
                f"{_END.decode()} at its end",
                "check that the generator and the copy were complete",
            )
        # what follows the last boundary may go on in the next block
        complete = cuts if not block else cuts[:-1]
        ends = [*cuts[1:], len(text)]
        events: list[bytes] = []
        for begin, end in zip(complete, ends, strict=False):
            part = text[begin:end]
            if part.startswith(b"E "):
                if not listing:
                    raise InputError(f"{source} has an event outside a listing", f"{_START.decode()} first")
                events.append(part)
                continue
            if events:
                yield HepmcBlock(events)
                events = []
            listing = _follow(part, listing, source)
            yield Header(part, _names(part))
        if events:
            yield HepmcBlock(events)
        if not block:
            break
        rest = text[cuts[-1] :] if cuts else text
        if len(rest) > _LARGEST_EVENT:
            raise InputError(f"{source} has an event of more than 64 MB", "HepMC3 ASCII events")


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


def count_weights(text: bytes) -> int:
    """How many weights an event has."""
    return len(_weight_line(text).split())


def read_weights(text: bytes) -> list[float]:
    """The weights of an event that :func:`parse_hepmc` has read."""
    return [float(weight) for weight in _weight_line(text).split()]


def replace_weights(text: bytes, weights: Mapping[int, float]) -> bytes:
    """The text of an event with some of its weights replaced, by their places."""
    line = _weight_line(text)
    numbers = line.split()
    for place, weight in weights.items():
        numbers[place] = b"%.17g" % weight
    at = text.index(b"\nW ") + len(b"\nW ")
    return text[:at] + b" ".join(numbers) + text[at + len(line.rstrip()) :]


def add_weights(text: bytes, weights: Sequence[float]) -> bytes:
    """The text of an event with further weights; an event without any gets 1 as its first."""
    numbers = b" ".join(b"%.17g" % weight for weight in weights)
    line = _weight_line(text)
    if line:
        at = text.index(b"\nW ") + len(b"\nW ") + len(line.rstrip())
        return text[:at] + b" " + numbers + text[at:]
    at = text.index(b"\n", text.index(b"\nU ") + 1)
    return text[:at] + b"\nW 1 " + numbers + text[at:]


def add_weight_names(header: Header, names: Sequence[str], weights: int) -> bytes:
    """The text of a header with further names of weights.

    Parameters
    ----------
    header
        The beginning of a listing.
    names
        The further names.
    weights
        How many weights the events have already. If they have no names, the first is called
        ``Default`` and the others by their numbers.

    Raises
    ------
    InputError
        If a name is there already.
    """
    known = header.names or ("Default", *(str(i) for i in range(1, weights)))
    twice = [name for name in names if name in known]
    if twice:
        raise InputError(
            f"events that have a weight {twice[0]} already", "events that were not filtered for this skim"
        )
    line = b"W " + r"\|".join((*known, *names)).encode("utf-8", "surrogateescape")
    lines = [entry for entry in header.text.split(b"\n") if not entry.startswith(b"W ")]
    return b"\n".join([lines[0], line, *lines[1:]])


# -- the stream --------------------------------------------------------------------------------------


def _boundaries(text: bytes) -> list[int]:
    """Where lines begin that begin an event, or mark a listing."""
    cuts = []
    for mark in (b"\nE ", b"\nHepMC::"):
        at = text.find(mark)
        while at >= 0:
            cuts.append(at + 1)
            at = text.find(mark, at + 1)
    if text.startswith((b"E ", b"HepMC::")):
        cuts.append(0)
    return sorted(cuts)


def _check_beginning(text: bytes, source: str) -> None:
    if text.lstrip(b"\r\n").startswith(_VERSION):
        return
    remedy = _CONVERT if text.startswith(b"HepMC::") else ""
    raise InputError(f"{source} begins with {text[:24]!r}", f"HepMC3 ASCII ({_VERSION.decode()} …)", remedy)


def _follow(part: bytes, listing: bool, source: str) -> bool:
    """Whether a listing is open after a line of marks and what follows it, if it was before."""
    line, *rest = (entry.rstrip() for entry in part.split(b"\n"))
    if line == _START:
        if listing:
            raise InputError(f"{source} begins a listing within a listing", f"{_END.decode()} first")
        _check_run_information([entry for entry in rest if entry], source)
        return True
    if line.startswith(_HEPMC2):
        raise InputError(
            f"{source} is HepMC2 ASCII ({line.decode('ascii', 'replace')[:60]})", "HepMC3", _CONVERT
        )
    if line != _END and (listing or not line.startswith(_VERSION)):
        raise InputError(f"{source} has a line {line[:60]!r}", "HepMC3 ASCII events (Asciiv3)")
    junk = next((entry for entry in rest if entry), None)
    if junk is not None:
        raise InputError(
            f"{source} has a line {junk[:60]!r} outside a listing of events",
            "nothing there",
            "check how the file was made, and that the copy was complete",
        )
    return False


def _check_run_information(lines: Sequence[bytes], source: str) -> None:
    """Refuse what HepMC3 would misread or skip between the beginning of a listing and its first event."""
    for line in lines:
        # names of weights, tools, attributes
        if line[:1] not in (b"W", b"T", b"A") or line.count(b" ") < (2 if line[:1] == b"A" else 1):
            raise InputError(
                f"{source} has a line {line[:60]!r} of run information", "lines W, T or A with content"
            )
    if sum(line.startswith(b"W") for line in lines) > 1:
        raise InputError(
            f"{source} names its weights twice", "one line 'W NAMES' after the beginning of a listing"
        )
    names = _names(b"\n".join(lines))
    if len(set(names)) < len(names):
        raise InputError(f"{source} has two weights of one name ({', '.join(names)[:100]})", "distinct names")


def _names(part: bytes) -> tuple[str, ...]:
    for line in part.split(b"\n"):
        if line.startswith(b"W "):
            # whatever the bytes are: they go out again as they came
            return tuple(line[2:].replace(rb"\|", b" ").decode("utf-8", "surrogateescape").split())
    return ()


def _weight_line(text: bytes) -> bytes:
    at = text.find(b"\nW ")
    return b"" if at < 0 else text[at + 3 : text.index(b"\n", at + 1)]


# -- one block ---------------------------------------------------------------------------------------

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
    if (counts[:, 1:] < 0).any() or (counts[:, 1:] > _LARGEST_EVENT).any():
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


def _mothers(
    column: dict[str, NDArray[Any]],
    event: Integers,
    particle_offsets: Integers,
    n_vertices: Integers,
    lines: Sequence[bytes],
    event_of_vertex: Integers,
) -> tuple[Integers, _Vertices]:
    """Place of each particle's mother (its own for roots), beams left aside, and production vertices."""
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
    _check_counts(column["parent"], event, particle_offsets, incoming, event_of_vertex, n_vertices)
    if ((ids < 1) | (ids > n_vertices[event_of_vertex])).any():
        raise InputError("a vertex whose id is out of range", "ids from -1 down to the number of vertices")
    vertex_offsets = np.concatenate([[0], np.cumsum(n_vertices)])
    row_of_vertex = np.full(vertex_offsets[-1], -1)
    place = vertex_offsets[event_of_vertex] + ids - 1
    if len(place) and np.bincount(place).max() > 1:
        raise InputError("a vertex id that stands twice", "ids that are unique within the event")
    row_of_vertex[place] = np.arange(len(rows))

    # where each particle comes from
    own = np.arange(len(event))
    parent = column["parent"]
    size = particle_offsets[event + 1] - particle_offsets[event]
    if ((parent > size) | (-parent > n_vertices[event])).any():
        raise InputError(
            "a particle whose parent is not there", "the id of a vertex or particle of its event"
        )
    made_at = np.full(len(own), -1)
    explicit = parent < 0
    made_at[explicit] = row_of_vertex[vertex_offsets[event[explicit]] - parent[explicit] - 1]
    if (made_at[explicit] < 0).any():
        raise InputError("a particle from a vertex that is not there", "the vertex of every parent")
    from_particle = np.where(parent > 0, particle_offsets[event] + parent - 1, own)

    beam = column["status"] == BEAM
    while True:
        first = np.full(len(rows), -1)
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
    where[:, explicit] = position[:, made_at[explicit]]
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
    """Whether ids are quarks, gluons, diquarks, or the generators' own strings and clusters (81–100)."""
    size = np.abs(pdg)
    diquark = (size > 1000) & (size < 10_000) & (size // 10 % 10 == 0)
    return np.asarray(((size >= 1) & (size <= 8)) | (size == 21) | diquark | ((size > 80) & (size <= 100)))


def _check_finite(values: Floats) -> None:
    # what is finite in double precision must be so in the event table's single one
    if not (np.abs(values) < np.finfo(np.float32).max).all():
        raise InputError("a number that is not finite", "finite numbers")


def _numpy(column: Any) -> NDArray[Any]:
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values
