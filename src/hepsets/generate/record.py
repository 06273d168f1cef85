"""Pythia's event record, in batches, to event tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.events import Events
from hepsets.core.units import MM_PER_CM, SPEED_OF_LIGHT
from hepsets.generate.decay_table import ALIAS_BASE, belle2_decay_table, is_parton
from hepsets.generate.rho_rho_decays import RHO_RHO_ALIAS_BASE, rho_rho_decays
from hepsets.generate.tag_decays import TAG_ALIAS_BASE, tag_decays

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_LEAST_PHOTON_ENERGY = 1e-6
"""Pythia's beam remnants hold photons of no energy; below 1 keV they are left out [GeV]."""

_VIRTUAL_BOSON = 23
_TAU = 15

STABLE = (11, 12, 13, 14, 16, 22, 130, 211, 321, 2112, 2212)
"""What the generator leaves to the detector simulation to decay, or does not decay at all (absolute ids)."""

_IS_STABLE = np.zeros(max(STABLE) + 2, dtype=bool)
_IS_STABLE[list(STABLE)] = True


@dataclass(frozen=True)
class Record:
    """Pythia's record of several events, in flat columns; entries count from 0 over all events.

    Parameters
    ----------
    offsets
        Event ``i`` owns the entries ``offsets[i]:offsets[i + 1]``, shape ``(n_events + 1,)``.
    pdg, status, mother
        One per entry; ``mother`` is the position of Pythia's first mother.
    momentum
        (px, py, pz, E) [GeV], shape ``(4, n)``.
    vertex
        Where and when the entry was produced, (x, y, z [cm], t [ns]), shape ``(4, n)``.
    """

    offsets: Integers
    pdg: Integers
    status: Integers
    mother: Integers
    momentum: Floats
    vertex: Floats

    @staticmethod
    def read(batch: Any) -> tuple[Record, NDArray[np.bool_]]:
        """The record of what ``pythia.nextBatch(n, "none")`` returned, and which events succeeded.

        The latter has shape ``(n,)``.
        """
        layout = batch.layout
        succeeded = np.ones(len(batch), dtype=bool)
        if layout.is_option:
            succeeded = np.asarray(layout.index.data) >= 0
            layout = layout.content
        lists = layout["prt"]
        offsets = np.asarray(lists.offsets.data, dtype=np.int64)
        entries = lists.content

        def column(name: str) -> Integers:
            return np.asarray(entries[name].data, dtype=np.int64)

        start = np.repeat(offsets[:-1], np.diff(offsets))
        momentum = np.stack([np.asarray(entries["p"][name].data) for name in ("px", "py", "pz", "e")])
        produced = entries["vProd"]  # missing where it is the origin
        index = np.asarray(produced.index.data)
        vertex = np.zeros_like(momentum)
        there = index >= 0
        for row, name in enumerate(("px", "py", "pz", "e") if there.any() else ()):
            vertex[row, there] = np.asarray(produced.content[name].data)[index[there]]
        vertex /= MM_PER_CM
        vertex[3] /= SPEED_OF_LIGHT
        record = Record(offsets, column("id"), column("status"), column("mother1") + start, momentum, vertex)
        return record, succeeded

    def transformed(self, matrices: Floats) -> Record:
        """The record in another frame of reference.

        Parameters
        ----------
        matrices
            One Lorentz transformation per event, shape ``(n_events, 4, 4)``.
        """
        matrix = np.repeat(matrices, np.diff(self.offsets), axis=0)
        units = np.array([1, 1, 1, SPEED_OF_LIGHT])[:, None]
        return replace(
            self,
            momentum=np.einsum("nij,jn->in", matrix, self.momentum),
            vertex=np.einsum("nij,jn->in", matrix, self.vertex * units) / units,
        )


def to_events(record: Record, spots: Floats, upsilon: int = 0, flights: Floats | None = None) -> Events:
    """The tree of generated particles of each event, without Pythia's partons and copies.

    Pythia's entry 0 (the whole collision) becomes the root: the Υ(4S), or the virtual photon of a
    continuum event. Hadrons from strings become daughters of what made their partons, photons from
    the initial state are roots of their own, aliases of the decay table get their namesakes' ids.

    Parameters
    ----------
    record
        Pythia's events.
    spots
        Collision points [cm], shape ``(n_events, 3)``.
    upsilon
        PDG id of the root of B B̄ events; 0 for continuum events.
    flights
        For B B̄ events the way of each B to its decay, (x, y, z [cm], t [ns]), shape
        ``(n_events, 2, 4)``; in the record the B decay where they are made.
    """
    roots = record.offsets[:-1]
    pdg, momentum = record.pdg.copy(), record.momentum.copy()
    size = np.abs(pdg)
    bosons = np.flatnonzero(pdg == _VIRTUAL_BOSON)
    incoming = (size == 11) & _is_incoming(record.status)
    faint = (pdg == 22) & ((record.status < 0) | (momentum[3] < _LEAST_PHOTON_ENERGY))
    radiating = np.isin(size, (11, 13)) & (record.status < 0) & ~incoming  # goes on as a copy of itself
    dropped = incoming | radiating | _radiating_taus(pdg, record.mother) | faint | is_parton(pdg)
    dropped[bosons] = True

    mother = record.mother.copy()
    mother[incoming] = np.flatnonzero(incoming)
    if flights is None:
        mother[bosons] = np.repeat(roots, np.diff(record.offsets))[bosons]
        last = bosons[np.searchsorted(bosons, record.offsets[1:]) - 1]
        pdg[roots], momentum[:, roots] = _VIRTUAL_BOSON, momentum[:, last]
    else:
        mesons = np.flatnonzero(record.status == -23).reshape(-1, 2)
        mother[mesons] = roots[:, None]
        pdg[roots], momentum[:, roots] = upsilon, momentum[:, mesons].sum(axis=2)
    dropped[roots] = False
    mother[roots] = roots

    mother = _past_dropped(mother, dropped, incoming)
    vertex = record.vertex if flights is None else _after_flight(record.vertex, mother, mesons, flights)

    kept = np.flatnonzero(~dropped)
    new = np.cumsum(~dropped) - 1
    offsets = np.searchsorted(kept, record.offsets)
    counts = np.diff(offsets)
    start = np.repeat(offsets[:-1], counts)
    vertex = vertex[:, kept]
    vertex[:3] += np.repeat(spots.T, counts, axis=1)
    momentum = momentum[:, kept]
    return Events(
        {
            "pdg": _without_aliases(pdg[kept]),
            "index": np.arange(len(kept)) - start,
            "mother_index": new[mother[kept]] - start,
            "prod_time": vertex[3],
            **dict(zip("xyz", vertex[:3], strict=True)),
            **dict(zip(("px", "py", "pz", "energy"), momentum, strict=True)),
        },
        offsets,
    )


def _is_incoming(status: Integers) -> NDArray[np.bool_]:
    """Whether Pythia's status codes are those of beams and of what they turn into before they collide.

    Negative codes alone do not tell: an electron of a decay that radiates gets one, too; what comes of
    it are daughters of what made the electron.
    """
    code = -status
    return np.asarray(((code > 10) & (code < 50)) | (code == 53) | (code == 54) | ((code > 60) & (code < 70)))


def _radiating_taus(pdg: Integers, mother: Integers) -> NDArray[np.bool_]:
    """Which τ go on as copies of themselves: those with a daughter of their own kind."""
    copies = np.flatnonzero((np.abs(pdg) == _TAU) & (pdg[mother] == pdg))
    radiating = np.zeros(len(pdg), dtype=bool)
    radiating[mother[copies]] = True
    return radiating


def _past_dropped(mother: Integers, dropped: NDArray[np.bool_], incoming: NDArray[np.bool_]) -> Integers:
    """The nearest ancestor that is kept; what comes from a beam particle is its own."""
    mother = mother.copy()
    low = np.flatnonzero(dropped[mother] & ~dropped & ~incoming[mother])
    while len(low):
        mother[low] = mother[mother[low]]
        low = low[dropped[mother[low]] & ~incoming[mother[low]]]
    from_beam = np.flatnonzero(incoming[mother])
    mother[from_beam] = from_beam
    return mother


def _after_flight(vertex: Floats, mother: Integers, mesons: Integers, flights: Floats) -> Floats:
    """Production vertices with the descendants of each B moved by the flight of that B."""
    ancestor = mother.copy()
    ancestor[mesons] = mesons
    while not np.array_equal(ancestor, further := ancestor[ancestor]):
        ancestor = further
    shift = np.zeros_like(vertex)
    shift[:, mesons] = flights.transpose(2, 0, 1)
    moved = vertex + shift[:, ancestor]
    moved[:, mesons] = vertex[:, mesons]
    return moved


def is_decayed_to_the_end(events: Events) -> NDArray[np.bool_]:
    """Whether all that is left of an event is stable, shape ``(n_events,)``.

    Pythia leaves a particle alone for which the table has no decays (two high K* resonances) or
    that came out too light for any (about one event in 50 000).
    """
    leaf = np.ones(events.n_particles, dtype=bool)
    leaf[events.mothers[events.particles["mother_index"] != events.particles["index"]]] = False
    size = np.minimum(np.abs(events.particles["pdg"]), len(_IS_STABLE) - 1)
    left = np.flatnonzero(leaf & ~_IS_STABLE[size])
    whole = np.ones(len(events), dtype=bool)
    whole[events.event_of_particle[left]] = False
    return whole


def _without_aliases(pdg: Integers) -> Integers:
    aliased = np.abs(pdg) >= ALIAS_BASE
    if aliased.any():
        ids, where = np.unique(np.abs(pdg[aliased]), return_inverse=True)
        table = belle2_decay_table()
        if ids[-1] >= TAG_ALIAS_BASE:  # a batch holds forced decays of one kind
            table = (rho_rho_decays() if ids[-1] >= RHO_RHO_ALIAS_BASE else tag_decays()).table
        namesakes = table.aliases
        pdg = pdg.copy()
        pdg[aliased] = np.sign(pdg[aliased]) * np.array([namesakes.get(int(i), i) for i in ids])[where]
    return pdg
