"""The tag side of B⁰B̄⁰ events: what the detector saw without one B, which truth takes out.

The signal B is taken as perfectly reconstructed: every track and cluster that any of its descendants left is
taken out, whatever it decays to, and nothing else is. What is left are the other B, whose flavour is asked
for, and clusters of beam background. Either B of an event can be the signal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.particle_sets import ParticleSets
from hepsets.select.whole_events.descent import is_below
from hepsets.select.whole_events.particles import whole_events
from hepsets.select.whole_events.tag_truth import seen_votes, true_votes
from hepsets.simulate.detector import Reconstructed

_B0 = 511
_PS_PER_NS = 1000.0

Q = "q"
"""Event column: 1 where the tag is a B⁰ at its decay, −1 where it is a B̄⁰; the label."""


def b_mesons(events: Events) -> NDArray[np.int64]:
    """Flat positions of both neutral B that each Υ(4S) decays to, shape ``(n_events, 2)``.

    Raises
    ------
    InputError
        For an event without exactly two.
    """
    first = (events.mothers != np.arange(events.n_particles)) & (
        np.abs(events.particles["pdg"][events.mothers]) != _B0
    )
    found = np.flatnonzero(first & (np.abs(events.particles["pdg"]) == _B0))
    if len(found) != 2 * len(events) or (np.bincount(events.event_of_particle[found]) != 2).any():
        raise InputError("events without two neutral B", "B⁰B̄⁰ events, such as the sample mixed")
    return found.reshape(-1, 2)


def decay_times(events: Events, mesons: NDArray[np.int64]) -> NDArray[np.float64]:
    """Proper times [ps] after which particles decay, from where they and their daughters begin.

    Parameters
    ----------
    events
        The events.
    mesons
        Flat positions, of any shape; that of the result.
    """
    p = events.particles
    daughter = np.zeros(events.n_particles, dtype=np.int64)
    daughter[events.mothers[::-1]] = np.arange(events.n_particles)[::-1]  # the first one
    energy = p["energy"][mesons].astype(np.float64)
    momentum2 = sum(p[name][mesons].astype(np.float64) ** 2 for name in ("px", "py", "pz"))
    flight = p["prod_time"][daughter[mesons]].astype(np.float64) - p["prod_time"][mesons]
    return np.asarray(_PS_PER_NS * flight * np.sqrt(energy**2 - momentum2) / energy)


def tag_sides(seen: Reconstructed, event_numbers: NDArray[np.int64], signal: int) -> ParticleSets:
    """The set of each event without one B.

    Parameters
    ----------
    seen
        What the detector saw of B⁰B̄⁰ events.
    event_numbers
        Shape ``(n_events,)``; kept as an event column.
    signal
        Which B is the signal: 0 or 1, the first or the second of the Υ(4S).

    Returns
    -------
    ParticleSets
        As of :func:`~hepsets.select.whole_events.particles.whole_events`. Event columns: ``q`` (:data:`Q`),
        ``q_signal`` the same of the signal, ``delta_t``, proper decay time of the tag minus that of the
        signal [ps], ``event_number``, and the votes ``true_*``, ``accepted_*``, ``found_*`` and
        ``identified_*`` of :mod:`hepsets.select.whole_events.tag_truth`.

    Raises
    ------
    InputError
        For events without two neutral B.
    """
    events = seen.events
    pair = b_mesons(events)
    tag, other = pair[:, 1 - signal], pair[:, signal]
    gone = is_below(events.mothers, other)
    particle = seen.clusters["particle"]
    of_signal = np.zeros(len(particle), dtype=bool)
    of_signal[particle >= 0] = gone[particle[particle >= 0]]
    times = decay_times(events, pair)
    return whole_events(
        seen,
        ~gone[seen.tracks["particle"]],
        ~of_signal,
        q=np.sign(events.particles["pdg"][tag]).astype(np.int8),
        q_signal=np.sign(events.particles["pdg"][other]).astype(np.int8),
        delta_t=(times[:, 1 - signal] - times[:, signal]).astype(np.float32),
        event_number=np.asarray(event_numbers, dtype=np.int64),
        **true_votes(events, tag),
        **seen_votes(seen, tag),
    )
