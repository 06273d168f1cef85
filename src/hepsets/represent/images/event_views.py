"""Events seen along the beam: as images of the transverse plane, and as sets in cylindrical coordinates.

A turn about the beam changes no cross-section of unpolarised beams that meet head on. Images know of it what
their pixels let them, four turns; sets whose angles are counted from a direction of the event itself have
all of it. Beams that cross at an angle, as SuperKEKB's do, give every event the same small transverse
momentum, which breaks the symmetry in the laboratory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.images import Images
from hepsets.core.particle_sets import ParticleSets

CHARGED = (11, 13, 211, 321, 2212)
"""|PDG ids| of charged particles that reach a detector."""

PHOTON = 22

CYLINDRICAL = ("log_pt", "cosine", "sine", "charged")
"""What a network sees of a particle: ln of its transverse momentum [GeV], cosine and sine of the azimuth
counted from the particle of the largest transverse momentum, whether it is charged."""


@dataclass(frozen=True)
class View:
    r"""How an event becomes an image of the transverse plane.

    A particle stands in the direction of its transverse momentum, at a distance from the middle that grows
    with the logarithm: :math:`r = \ln(1 + p_T / p_0) / \ln(1 + p_{max} / p_0)` of half the image; what lies
    beyond is on the rim.

    Parameters
    ----------
    pixels
        Per side.
    soft, hard
        The momenta :math:`p_0` and :math:`p_{max}` [GeV].
    """

    pixels: int
    soft: float
    hard: float


def visible(
    events: Events, *, least: float = 0.05, theta: tuple[float, float] = (17.0, 150.0)
) -> ParticleSets:
    """Charged particles and photons at the ends of decays that point into a detector.

    Parameters
    ----------
    events
        Generated events.
    least
        Least transverse momentum [GeV].
    theta
        Polar angles [°] that are covered.

    Returns
    -------
    ParticleSets
        With ``px``, ``py`` [GeV] and ``charged`` of each particle; an event may be empty.
    """
    one = events.particles
    ends = np.ones(events.n_particles, dtype=bool)
    own = np.arange(events.n_particles)
    ends[events.mothers[events.mothers != own]] = False
    kind = np.abs(one["pdg"])
    charged = np.isin(kind, CHARGED)
    pt = np.hypot(one["px"], one["py"])
    angle = np.degrees(np.arctan2(pt, one["pz"]))
    seen = ends & (charged | (kind == PHOTON)) & (pt > least) & (angle > theta[0]) & (angle < theta[1])
    counts = np.bincount(events.event_of_particle[seen], minlength=len(events))
    columns = {"px": one["px"][seen], "py": one["py"][seen], "charged": charged[seen]}
    return ParticleSets(columns, np.concatenate([[0], np.cumsum(counts)]))


def turn_events(particles: ParticleSets, degrees: NDArray[np.float64] | float) -> ParticleSets:
    """Each event turned about the beam, counter-clockwise.

    Parameters
    ----------
    particles
        With ``px`` and ``py``.
    degrees
        Shape ``(n_events,)``, or one angle for all.
    """
    angle = np.radians(np.broadcast_to(degrees, len(particles)))[particles.event_of_particle]
    px, py = particles.particles["px"], particles.particles["py"]
    cosine, sine = np.cos(angle), np.sin(angle)
    moved = {"px": cosine * px - sine * py, "py": sine * px + cosine * py}
    return ParticleSets({**particles.particles, **moved}, particles.offsets, particles.columns)


def transverse_images(particles: ParticleSets, labels: NDArray[np.int64], view: View) -> Images:
    """Images of the transverse plane: sums of transverse momenta [GeV] of charged particles, and of photons.

    Parameters
    ----------
    particles
        With ``px``, ``py`` and ``charged``, see :func:`visible`.
    labels
        Shape ``(n_events,)``.
    view
        How.

    Returns
    -------
    Images
        Of two channels; the first row of pixels is that of the largest ``py``.
    """
    px, py = (particles.particles[name].astype(np.float64) for name in ("px", "py"))
    pt = np.hypot(px, py)
    radius = np.minimum(np.log1p(pt / view.soft) / np.log1p(view.hard / view.soft), 1 - 1e-9)
    with np.errstate(invalid="ignore"):
        across, up = (np.where(pt > 0, radius * part / pt, 0.0) for part in (px, py))
    half, last = view.pixels / 2, view.pixels - 1
    column = np.clip(np.floor(half * (1 + across)).astype(np.int64), 0, last)
    row = np.clip(np.floor(half * (1 - up)).astype(np.int64), 0, last)
    channel = np.where(particles.particles["charged"], 0, 1)
    place = ((particles.event_of_particle * 2 + channel) * view.pixels + row) * view.pixels + column
    shape = (len(particles), 2, view.pixels, view.pixels)
    filled = np.bincount(place, weights=pt, minlength=int(np.prod(shape)))
    pixels = filled.reshape(shape).astype(np.float32)
    return Images(pixels, labels, np.arange(len(particles)))


def cylindrical(particles: ParticleSets) -> ParticleSets:
    """The same particles with the columns :data:`CYLINDRICAL`, which no turn about the beam changes.

    Columns that networks on sets ask for besides are counted from the hardest particle, too.

    Raises
    ------
    InputError
        For a particle without transverse momentum.
    """
    px, py = (particles.particles[name].astype(np.float64) for name in ("px", "py"))
    pt = np.hypot(px, py)
    if not (pt > 0).all():
        raise InputError("a particle along the beam", "particles with transverse momentum")
    event = particles.event_of_particle
    order = np.lexsort((-pt, event))  # of each event the hardest first
    some = particles.multiplicity > 0
    hardest = np.zeros(len(particles), dtype=np.int64)
    hardest[some] = order[particles.offsets[:-1][some]]
    along, across = px[hardest][event], py[hardest][event]
    size = pt * pt[hardest][event]
    cosine, sine = (px * along + py * across) / size, (py * along - px * across) / size
    return ParticleSets(
        {
            "log_pt": np.log(pt),
            "cosine": cosine,
            "sine": sine,
            "charged": particles.particles["charged"].astype(np.float64),
            # as seen from the hardest, for the order of the particles; there is no candidate
            "px": pt * cosine,
            "py": pt * sine,
            "pz": np.zeros(len(pt)),
            "from_candidate": np.zeros(len(pt), dtype=bool),
        },
        particles.offsets,
        particles.columns,
    )
