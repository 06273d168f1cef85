"""What the true decay of a B⁰ tells of its flavour: votes of leptons, kaons, slow pions, hadrons and Λ.

The votes are those of categories of flavour taggers, of particles as generated, whether the detector saw
them or not. Each is 1 for a B⁰, −1 for a B̄⁰ and 0 where there is no such particle or their signs cancel.
They err where the physics does: a kaon of the wrong sign is a wrong vote. Further votes are of those of these
particles that the detector could see, did see, and took for what they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from hepsets.core.events import Events
from hepsets.select.whole_events.descent import is_below
from hepsets.select.whole_events.particles import true_species
from hepsets.simulate.detector import Reconstructed
from hepsets.simulate.particle_id import SPECIES_NAMES

VOTES: Mapping[str, str] = MappingProxyType(
    {
        "true_lepton": "e or μ of the B itself (b → c ℓ ν)",
        "true_kaon": "K± out of charm (b → c → s)",
        "true_slow_pion": "π± of a D*±",
        "true_fast_hadron": "π± or K± above 1 GeV not from charm (b → c W)",
        "true_secondary_lepton": "e or μ of charm (b → c → s ℓ ν)",
        "true_lambda": "Λ out of charm (b → c → s)",
    }
)
"""Event columns, int8, in the order of how well each tells; and what votes."""

STAGES: Mapping[str, str] = MappingProxyType(
    {
        "accepted": "in the polar acceptance of the tracker",
        "found": "found as a track",
        "identified": "found, and its true species is the most probable one",
    }
)
"""How far a voting particle came, each stage within the one before; of a Λ, how far its proton came. Event
columns, int8: ``accepted_lepton`` and so on, as :data:`VOTES`."""

FAST = 1.0
"""Momentum in the rest frame of the B from which a hadron is fast [GeV]."""

_D_STAR = 413


def true_votes(events: Events, tags: NDArray[np.int64]) -> dict[str, NDArray[np.int8]]:
    """Votes for each tag, by the names of :data:`VOTES`, each of shape ``(n_events,)``.

    Parameters
    ----------
    events
        Generated events.
    tags
        Flat position of the B of each event, shape ``(n_events,)``.
    """
    everything = np.ones(events.n_particles, dtype=bool)
    return _votes(events, _signs(events, tags), everything, "true")


def seen_votes(seen: Reconstructed, tags: NDArray[np.int64]) -> dict[str, NDArray[np.int8]]:
    """Votes of the particles that came as far as each of :data:`STAGES`, each of shape ``(n_events,)``.

    Parameters
    ----------
    seen
        What the detector saw.
    tags
        Flat position of the B of each event, shape ``(n_events,)``.
    """
    events, tracker = seen.events, seen.detector.tracker
    p = {name: events.particles[name].astype(np.float64) for name in ("px", "py", "pz")}
    angle = np.degrees(np.arctan2(np.hypot(p["px"], p["py"]), p["pz"]))
    species = true_species(events.particles["pdg"])
    came = {"accepted": (species >= 0) & (angle >= tracker.theta_min) & (angle <= tracker.theta_max)}
    found, right = np.zeros((2, events.n_particles), dtype=bool)
    of = seen.tracks["particle"]
    probable = np.column_stack([seen.tracks[name] for name in SPECIES_NAMES]).argmax(axis=1)
    found[of] = True
    right[of[probable == species[of]]] = True
    came["found"] = came["accepted"] & found
    came["identified"] = came["found"] & right
    signs = _signs(events, tags)
    votes: dict[str, NDArray[np.int8]] = {}
    is_proton = np.abs(events.particles["pdg"]) == 2212
    for stage, reached in came.items():
        reached = reached.copy()
        reached[events.mothers[is_proton]] |= reached[is_proton]  # what a Λ is seen by
        votes |= _votes(events, signs, reached, stage)
    return votes


def _votes(
    events: Events, signs: Mapping[str, NDArray[np.int64]], reached: NDArray[np.bool_], stage: str
) -> dict[str, NDArray[np.int8]]:
    """The net sign of the particles that came so far, by event and category."""
    votes = {}
    for name, sign in signs.items():
        net = np.bincount(events.event_of_particle, sign * reached, minlength=len(events))
        votes[name.replace("true", stage, 1)] = np.sign(net).astype(np.int8)
    return votes


def _signs(events: Events, tags: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """The vote of each particle, by category, each of shape ``(n_particles,)``; 0 of most."""
    pdg, mothers = events.particles["pdg"].astype(np.int64), events.mothers
    is_tag = np.zeros(len(pdg), dtype=bool)
    is_tag[tags] = True
    of_tag, of_charm = _below(mothers, is_tag), _below(mothers, _is_charmed(pdg))
    size, mother_size = np.abs(pdg), np.abs(pdg[mothers])
    lepton, kaon, pion = np.isin(size, (11, 13)), size == 321, size == 211
    fast = _momentum_in(events, tags) > FAST
    signs = {
        "true_lepton": -pdg * (lepton & is_tag[mothers]),
        "true_kaon": pdg * (kaon & of_charm),
        "true_slow_pion": -pdg * (pion & (mother_size == _D_STAR)),
        "true_fast_hadron": pdg * ((pion | kaon) & ~of_charm & fast),
        "true_secondary_lepton": pdg * (lepton & _is_charmed(pdg)[mothers]),
        "true_lambda": -pdg * ((size == 3122) & of_charm),
    }
    return {name: np.sign(sign) * of_tag for name, sign in signs.items()}


def _is_charmed(pdg: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether particles hold one c quark, so whether they are charmed and no charmonium."""
    size = np.abs(pdg)
    quarks = [size // 10**place % 10 for place in (1, 2, 3)]
    charm = sum((quark == 4).astype(np.int64) for quark in quarks)
    beauty = np.any([quark == 5 for quark in quarks], axis=0)
    return np.asarray((size > 100) & (charm == 1) & ~beauty)


def _below(mothers: NDArray[np.int64], of: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which particles descend from a marked one; one that does not is not counted itself."""
    found = is_below(mothers, np.flatnonzero(of))[mothers] & (mothers != np.arange(len(mothers)))
    return np.asarray(found)


def _momentum_in(events: Events, tags: NDArray[np.int64]) -> NDArray[np.float64]:
    """Momentum [GeV] of every particle in the rest frame of its event's tag, shape ``(n_particles,)``."""
    p = {name: events.particles[name].astype(np.float64) for name in ("px", "py", "pz", "energy")}
    b = {name: column[tags] for name, column in p.items()}
    mass2 = b["energy"] ** 2 - b["px"] ** 2 - b["py"] ** 2 - b["pz"] ** 2
    own = events.event_of_particle
    energy = p["energy"] * b["energy"][own] - sum(p[k] * b[k][own] for k in ("px", "py", "pz"))
    energy = energy / np.sqrt(mass2)[own]
    particle_mass2 = p["energy"] ** 2 - p["px"] ** 2 - p["py"] ** 2 - p["pz"] ** 2
    return np.sqrt(np.maximum(energy**2 - np.maximum(particle_mass2, 0), 0))
