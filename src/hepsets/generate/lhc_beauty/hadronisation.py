"""Pythia's p p → b b̄ at 13 TeV: parton events, and each of them hadronised several times.

A parton event costs several times more than its hadronisation. So each is kept as it is before hadrons form,
and made into hadrons again and again. The beams are alike: where a b quark flies backwards the event is
turned by half a turn about the x axis, so that it flies forwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepsets.core.masses import M_B0, M_BS, M_LB
from hepsets.core.units import MM_PER_CM, SPEED_OF_LIGHT
from hepsets.generate.blocks import import_pythia, initialised, new_pythia

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FORWARD = (2.0, 5.0)
"""Pseudorapidities of b hadrons that samples are made of, and yields are counted by."""

_QUARK_FORWARD = (1.6, 5.6)
"""A b hadron flies within this of its quark, as far as it matters."""

_SEEN_FORWARD = (1.5, 5.5)
"""Charged particles beyond are left out of events."""

_NUMBERS = ("px", "py", "pz", "e", "xProd", "yProd", "zProd", "tProd")

_BEAUTY = (511, 521, 531, 5122, 5132, 5232, 5332, 541)
"""b hadrons that decay weakly."""


class Hadrons(NamedTuple):
    """What a hadronised event holds of interest: charged final particles forwards, and where they are from.

    ``pdg`` and ``mother`` (place in these arrays; itself for those from strings) have shape ``(n,)``,
    ``momentum`` (px, py, pz, E) [GeV] and ``vertex`` of production (x, y, z [cm], t [ns]) ``(n, 4)``. The
    b hadron that is to decay by force is at ``signal``, -1 without; ``beauty`` b hadrons are within
    :data:`FORWARD`.
    """

    pdg: Integers
    mother: Integers
    momentum: Floats
    vertex: Floats
    signal: int
    beauty: int


_HADRONS = {511: M_B0, 531: M_BS, 5122: M_LB}
"""b hadrons that decays are forced of, and their masses [GeV]."""


def lhc_pythia(hadron: int, energy: float) -> Any:
    """Pythia, ready for parton events, whose hadrons of one kind (0: none) do not decay.

    π⁰ do not either: no photon is looked at. With several parton interactions, as is Pythia's default.
    It is the same object for all hadrons, until it is asked for with another one.
    """
    pythia = _parton_pythia(energy)
    for pdg in _HADRONS:
        pythia.particleData.mayDecay(pdg, pdg != hadron)
    return pythia


@lru_cache(maxsize=2)
def _parton_pythia(energy: float) -> Any:
    pythia = new_pythia(
        (
            "PartonLevel:MPI = on",
            "Beams:idA = 2212",
            "Beams:idB = 2212",
            f"Beams:eCM = {energy!r}",
            "HardQCD:hardbbbar = on",
            "HadronLevel:all = off",
            "HadronLevel:Decay = off",
            "111:mayDecay = off",
        )
    )
    for pdg, mass in _HADRONS.items():
        pythia.readString(f"{pdg}:m0 = {mass!r}")
    return initialised(pythia)


def hadronised(
    pythia: Any, hadron: int, seed: int, times: int, rng: np.random.Generator
) -> Iterator[Hadrons]:
    """Hadronise one new parton event several times.

    Parameters
    ----------
    pythia
        Of :func:`lhc_pythia`.
    hadron
        Absolute PDG id of the b hadron that must be there, within :data:`FORWARD`; 0: none must.
    seed
        Of Pythia.
    times
        How often, for each of the two ways to turn the event that have a b quark forwards.
    rng
        Chooses the signal if there are two.
    """
    pythia.rndm.init(seed)
    if not pythia.next():
        return
    partons = import_pythia().Event(pythia.event)
    etas = _quarks(partons)
    for turned in (1, -1):
        if not any(_QUARK_FORWARD[0] < turned * eta < _QUARK_FORWARD[1] for eta in etas):
            continue
        for _ in range(times):
            pythia.event = partons
            if not pythia.forceHadronLevel(False):
                continue
            signal = _signal(pythia, partons.size(), hadron, turned, rng) if hadron else -1
            if hadron and signal < 0:
                continue
            pythia.moreDecays()
            yield _read(pythia.event, partons.size(), signal, turned)


def _quarks(partons: Any) -> list[float]:
    """Pseudorapidities of the b quarks at the end of the shower."""
    found = (partons[i] for i in range(partons.size() - 1, 0, -1))
    return [parton.eta() for parton in found if parton.idAbs() == 5 and parton.isFinal()]


def _signal(pythia: Any, first: int, hadron: int, turned: int, rng: np.random.Generator) -> int:
    """Place of a hadron of one kind within :data:`FORWARD`, or -1; others of the kind decay.

    Excited b hadrons decay strongly or by a photon before: those that they decay to count, too.
    """
    event = pythia.event
    beauty = [i for i in range(first, event.size()) if _has_beauty(event[i].idAbs()) and event[i].isFinal()]
    for i in beauty:
        if event[i].idAbs() not in _BEAUTY:
            pythia.moreDecays(i)
    beauty += range(beauty[-1] + 1 if beauty else first, event.size())
    kind = {i for i in beauty if event[i].idAbs() == hadron and event[i].isFinal()}
    found = sorted(i for i in kind if FORWARD[0] < turned * event[i].eta() < FORWARD[1])
    if not found:
        return -1
    signal = int(rng.choice(found)) if len(found) > 1 else found[0]
    if len(kind) > 1:
        pythia.particleData.mayDecay(hadron, True)
        for i in kind - {signal}:
            pythia.moreDecays(i)
        pythia.particleData.mayDecay(hadron, False)
    return signal


def _has_beauty(pdg: int) -> bool:
    return pdg > 500 and (pdg // 100 % 10 == 5 or pdg // 1000 % 10 == 5)


def _each(name: str, particles: Sequence[Any]) -> list[Any]:
    """What a method of Pythia's says of each particle; a third faster than asking one by one."""
    return list(map(getattr(type(particles[0]), name), particles)) if particles else []


def _read(event: Any, first: int, signal: int, turned: int) -> Hadrons:
    low, high = _SEEN_FORWARD
    born = event.particles()[first:]
    is_final = _each("isFinal", born)
    final = [i for i, ends in enumerate(is_final) if ends]
    decayed = [i for i, ends in enumerate(is_final) if not ends]
    etas = _each("eta", [born[i] for i in final])
    forwards = [i for i, eta in zip(final, etas, strict=True) if low < turned * eta < high]
    rows = {i for i in forwards if born[i].isCharged()}
    beauty = 0
    for i, pdg in zip(decayed, _each("idAbs", [born[i] for i in decayed]), strict=True):
        beauty += pdg in _BEAUTY and FORWARD[0] < turned * born[i].eta() < FORWARD[1]
    if signal >= 0:
        rows.add(signal - first)
        beauty += 1
    todo, mothers = list(rows), {}
    while todo:
        i = todo.pop()
        mother = mothers[i] = born[i].mother1() - first
        if mother >= 0 and mother not in rows and (born[mother].isHadron() or born[mother].isLepton()):
            rows.add(mother)
            todo.append(mother)
    order = sorted(rows)
    place = {i: row for row, i in enumerate(order)}
    chosen = [born[i] for i in order]
    numbers = np.array([_each(name, chosen) for name in _NUMBERS]).T
    numbers[:, 4:] /= MM_PER_CM
    numbers[:, 7] /= SPEED_OF_LIGHT
    numbers[:, [1, 2, 5, 6]] *= turned
    return Hadrons(
        np.array(_each("id", chosen), dtype=np.int64),
        np.array([place.get(mothers[i], place[i]) for i in order], dtype=np.int64),
        numbers[:, :4],
        numbers[:, 4:],
        place.get(signal - first, -1) if signal >= 0 else -1,
        beauty,
    )
