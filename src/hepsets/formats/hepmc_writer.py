"""Write generated events as HepMC3 ASCII, plain or compressed, as other generators do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import IO

import numpy as np

from hepsets.core.compression import compressed
from hepsets.core.events import Events
from hepsets.core.units import MM_PER_CM, SPEED_OF_LIGHT
from hepsets.core.whole_file import whole_file

_BEGIN = b"HepMC::Version 3.02.07\nHepMC::Asciiv3-START_EVENT_LISTING\nW nominal\n"
_END = b"HepMC::Asciiv3-END_EVENT_LISTING\n\n"


class HepmcWriter:
    """Appends events to an open listing; made by :func:`hepmc_writer`.

    Parameters
    ----------
    file
        Where the listing stands.
    beams
        Whether electron and positron stand before the roots of each event.
    """

    def __init__(self, file: IO[bytes], *, beams: bool) -> None:
        self._file, self._beams = file, beams
        self._written = 0

    def write(self, events: Events) -> None:
        """Append events, which are numbered 0, 1, … in the listing."""
        texts = [event_text(events[i : i + 1], self._written + i, self._beams) for i in range(len(events))]
        self._written += len(events)
        self._file.write("".join(texts).encode())


@contextmanager
def hepmc_writer(path: str | os.PathLike[str], *, beams: bool = True) -> Iterator[HepmcWriter]:
    """A writer of HepMC3 ASCII; the file appears whole or not at all.

    Units are GeV and mm; every decay is a vertex. What makes the roots (an Υ(4S), say) are two massless beam
    particles along the events' total momentum: the record asks for some, and the events know no others.

    Parameters
    ----------
    path
        The file; ``.gz``, ``.xz``, ``.bz2`` or ``.zst`` at its end compresses it.
    beams
        Write them; without, as for hadron colliders, roots have no production vertex.

    Raises
    ------
    InputError
        If nothing can be written there.
    """
    path = Path(path)
    with whole_file(path) as partial, partial.open("wb") as raw, compressed(raw, path.suffix) as file:
        file.write(_BEGIN + rf"T hepsets\|{version('hepsets')}\|generated decay trees".encode() + b"\n")
        yield HepmcWriter(file, beams=beams)
        file.write(_END)


def event_text(event: Events, number: int, beams: bool) -> str:
    """A single event, from its E line to its last particle."""
    column, mothers = event.particles, event.mothers
    n = event.n_particles
    own = np.arange(n)
    decayed = np.zeros(n, dtype=bool)
    decayed[mothers[mothers != own]] = True
    momenta = np.stack([column[name] for name in ("px", "py", "pz", "energy")], axis=1).astype(np.float64)
    places = np.stack([column[name] for name in ("x", "y", "z", "prod_time")], axis=1).astype(np.float64)
    places[:, 3] *= SPEED_OF_LIGHT
    lines = _beams(momenta[mothers == own].sum(axis=0)) if beams else []
    shift, vertices = len(lines), 0
    vertex_of: dict[int, int] = {}
    for i in range(n):
        mother = -1 if mothers[i] == i else int(mothers[i])
        if mother not in vertex_of and (mother >= 0 or beams):
            vertices += 1
            vertex_of[mother] = -vertices
            incoming = "1,2" if mother < 0 else mother + 1 + shift
            place = " ".join(f"{value * MM_PER_CM:.9e}" for value in places[i])
            lines.append(f"V {-vertices} 0 [{incoming}] @ {place}")
        numbers = " ".join(f"{value:.9e}" for value in (*momenta[i], _mass(momenta[i])))
        status = 2 if decayed[i] else 1
        lines.append(f"P {i + 1 + shift} {vertex_of.get(mother, 0)} {column['pdg'][i]} {numbers} {status}")
    head = [f"E {number} {vertices} {n + shift}", "U GEV MM", "W 1"]
    return "\n".join([*head, *lines]) + "\n"


def _beams(total: np.ndarray) -> list[str]:
    """Electron and positron, massless, that have this momentum and energy together."""
    size = float(np.linalg.norm(total[:3]))
    along = total[:3] / size if size > 0 else np.array([0.0, 0.0, 1.0])
    energies = (total[3] + size) / 2, (total[3] - size) / 2
    beams = []
    for place, (pdg, energy, sign) in enumerate(zip((11, -11), energies, (1, -1), strict=True), 1):
        momentum = " ".join(f"{value:.9e}" for value in (*(sign * energy * along), energy, 0.0))
        beams.append(f"P {place} 0 {pdg} {momentum} 4")
    return beams


def _mass(momentum: np.ndarray) -> float:
    return float(np.sqrt(max(momentum[3] ** 2 - (momentum[:3] ** 2).sum(), 0.0)))
