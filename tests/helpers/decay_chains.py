"""Hand-made events for detector tests: particle guns and exclusive decay chains."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from particle import Particle

from hepsets.core.events import Events
from hepsets.core.lorentz import boosted
from hepsets.core.units import SPEED_OF_LIGHT
from hepsets.generate.beams import BeamConfig, draw_b_pairs

Chain: TypeAlias = "int | tuple[int, Sequence[Chain]]"
"""A final particle, or a particle with the chains of its daughters."""

FLIGHT = {511: 0.0455, 521: 0.0491, 411: 0.0310, 421: 0.0123, 431: 0.0151, 310: 2.684, 3122: 7.89}
"""c tau [cm]; all others decay where they are made."""


@cache
def mass(pdg: int) -> float:
    """Mass [GeV]."""
    return (Particle.from_pdgid(pdg).mass or 0.0) / 1000.0


def conjugate(chain: Chain) -> Chain:
    """The chain of the antiparticles."""
    if isinstance(chain, tuple):
        return _anti(chain[0]), [conjugate(daughter) for daughter in chain[1]]
    return _anti(chain)


def _anti(pdg: int) -> int:
    return pdg if pdg in (22, 111, 113, 130, 310, 443, 300553) else -pdg


def gun(pdg: int, momentum: NDArray[np.float64], position: Sequence[float] = (0, 0, 0)) -> Events:
    """One particle per event; ``momentum`` [GeV] has shape ``(n, 3)``."""
    n = len(momentum)
    energy = np.sqrt((momentum**2).sum(axis=1) + mass(pdg) ** 2)
    columns = dict(zip(("px", "py", "pz"), momentum.T, strict=True))
    columns |= {name: np.full(n, value) for name, value in zip("xyz", position, strict=True)}
    columns |= {"pdg": np.full(n, pdg), "index": np.zeros(n), "mother_index": np.zeros(n)}
    return Events({**columns, "energy": energy, "prod_time": np.zeros(n)}, np.arange(n + 1))


def directions(
    rng: np.random.Generator, n: int, low: float = 40.0, high: float = 120.0
) -> NDArray[np.float64]:
    """Unit vectors, isotropic between two polar angles [deg], shape ``(n, 3)``."""
    cosine = rng.uniform(*np.cos(np.radians([high, low])), n)
    phi = rng.uniform(-np.pi, np.pi, n)
    sine = np.sqrt(1 - cosine**2)
    return np.column_stack([sine * np.cos(phi), sine * np.sin(phi), cosine])


def upsilon_events(chains: Sequence[Chain], n: int, seed: int = 0) -> Events:
    """Events Υ(4S) → B B̄ in which each B decays by its chain (a bare B id: it decays to neutrinos)."""
    rng = np.random.default_rng(seed)
    root = chains[0][0] if isinstance(chains[0], tuple) else chains[0]
    pairs = draw_b_pairs(rng, BeamConfig(), n, pdg=abs(root), mass=mass(abs(root)), mean_life=1.5e-3)
    builder = _Builder(rng)
    for event in range(n):
        builder.begin()
        builder.add(300553, 0, pairs.momentum[event].sum(axis=0), np.zeros(4))
        for side, chain in enumerate(chains):
            if not isinstance(chain, tuple):
                chain = (chain, [14, -14])
            builder.chain(chain, 0, pairs.momentum[event, side], np.zeros(4))
    return builder.events()


def continuum_events(chains: Sequence[Chain], n: int, seed: int = 0) -> Events:
    """Events e⁺e⁻ → γ* → the chains, from the first one on with flat masses of the rest."""
    rng = np.random.default_rng(seed)
    total = BeamConfig().collisions(rng, n).sum(axis=1)
    builder = _Builder(rng)
    for event in range(n):
        builder.begin()
        builder.add(10022, 0, total[event], np.zeros(4))
        masses = [mass(chain[0] if isinstance(chain, tuple) else chain) for chain in chains]
        for chain, momentum in zip(chains, builder.split(total[event], masses), strict=True):
            builder.chain(chain, 0, momentum, np.zeros(4))
    return builder.events()


class _Builder:
    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.rows: list[tuple[float, ...]] = []
        self.offsets = [0]
        self.first = 0

    def begin(self) -> None:
        if len(self.rows) > self.first:
            self.offsets.append(len(self.rows))
        self.first = len(self.rows)

    def add(self, pdg: int, mother: int, p: NDArray[np.float64], at: NDArray[np.float64]) -> int:
        index = len(self.rows) - self.first
        self.rows.append((pdg, index, mother, at[3], *at[:3], *p))
        return index

    def chain(self, chain: Chain, mother: int, p: NDArray[np.float64], at: NDArray[np.float64]) -> None:
        if not isinstance(chain, tuple):
            self.add(chain, mother, p, at)
            return
        pdg, daughters = chain
        index = self.add(pdg, mother, p, at)
        life = FLIGHT.get(abs(pdg), 0.0) / SPEED_OF_LIGHT / mass(pdg) * self.rng.exponential()
        end = at + life * np.array([*(p[:3] * SPEED_OF_LIGHT), p[3]])
        masses = [mass(d[0] if isinstance(d, tuple) else d) for d in daughters]
        for daughter, momentum in zip(daughters, self.split(p, masses), strict=True):
            self.chain(daughter, index, momentum, end)

    def split(self, p: NDArray[np.float64], masses: Sequence[float]) -> list[NDArray[np.float64]]:
        """Decay into bodies of given masses, two at a time with flat intermediate masses."""
        total = np.sqrt(max(p[3] ** 2 - p[:3] @ p[:3], 0.0))
        if len(masses) == 1:
            return [p]
        rest = sum(masses[1:])
        other = rest if len(masses) == 2 else self.rng.uniform(rest, total - masses[0])
        momentum = np.sqrt(
            max((total**2 - (masses[0] + other) ** 2) * (total**2 - (masses[0] - other) ** 2), 0.0)
        ) / (2 * total)
        axis = momentum * directions(self.rng, 1, 0.0, 180.0)[0]
        first = np.array([*axis, np.hypot(momentum, masses[0])])
        second = np.array([*-axis, np.hypot(momentum, other)])
        first, second = (boosted(q[None], p[None])[0] for q in (first, second))
        return [first, *self.split(second, masses[1:])]

    def events(self) -> Events:
        self.offsets.append(len(self.rows))
        names = ("pdg", "index", "mother_index", "prod_time", "x", "y", "z", "px", "py", "pz", "energy")
        columns = np.array(self.rows).T
        return Events(dict(zip(names, columns, strict=True)), np.array(self.offsets))
