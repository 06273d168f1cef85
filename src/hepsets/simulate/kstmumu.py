"""B⁰ → K*⁰(K⁺π⁻)μ⁺μ⁻ in the Belle II detector: decays in, candidates with their measured variables out.

Each decay gets a Υ(4S) of its own, with the beams' spread, crossing angle and boost, a B⁰ along sin²θ that
flies, a K*⁰ of finite width, and four tracks that the tracker and the identification of
:mod:`hepsets.simulate` measure. Everything a candidate has is computed from these tracks, by the function
that also serves the candidates of generic events. The other B of the event is not made: it takes no part
in the signal candidate.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.kernel import Record, as_record, kernel
from hepsets.core.lorentz_kernels import boost_from
from hepsets.core.masses import FLIGHT_B0, M_B0, M_K, M_MU, M_PI
from hepsets.core.random_stream import Stream, exponential, normal, start, uniform
from hepsets.generate.beams import BeamConfig
from hepsets.generate.kstmumu.kinematics import KAON as K_ROW
from hepsets.generate.kstmumu.kinematics import (
    MU_MINUS,
    MU_PLUS,
    decay_momenta,
    decay_variables,
    kstar_lineshape,
)
from hepsets.generate.kstmumu.kinematics import PION as PI_ROW
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import PARTICLE, DetectorConfig
from hepsets.simulate.particle_id import KAON, MUON, PION, identify
from hepsets.simulate.tracker import KINKED, LOST, TRACK, measure_track
from hepsets.simulate.vertexing import add_to_vertex, vertex_chi2

Floats = NDArray[np.float64]

TRACKS = ("k", "pi", "mu_plus", "mu_minus")
"""What the columns of the four tracks end in."""

MEASURED = ("q_squared", "costheta_mu", "costheta_K", "chi")
"""The variables of the decay; a candidate has them measured and, as ``truth_…``, generated."""

TRACK_COLUMNS = ("dr", "dz", "costheta", "momentum", "identification")
"""What a candidate tells of each track: distance from the axis and height [cm] of its point closest to the
axis, cosine of the polar angle, momentum [GeV], both in the laboratory, and the probability of its species:
K/(K+π) and π/(K+π) for the hadrons, among all five species for the muons."""

CANDIDATE_COLUMNS = (
    "mbc",
    "delta_e",
    "m_kpi",
    "vertex_chi2",
    *(f"{what}_{track}" for track in TRACKS for what in TRACK_COLUMNS),
)
"""What a candidate has besides the variables: Mbc, ΔE, m(Kπ) [GeV], χ² of the vertex of the four tracks per
degree of freedom, and :data:`TRACK_COLUMNS` of each track."""

CANDIDATE = np.dtype(
    [(name, np.float64) for name in MEASURED]
    + [("flavour", np.int8)]
    + [(name, np.float32) for name in CANDIDATE_COLUMNS]
)
"""One candidate."""

_TRIAL = 0xDE7
"""Keeps the detector's random numbers apart from those of the generator."""

HEAVIEST_KPI = 1.2
"""m(Kπ) [GeV] up to which the K*(892)⁰ is drawn, as Pythia does: other resonances rule beyond."""


@kernel
def _track(track: Record) -> tuple[float, float, float, float]:
    """The first of :data:`TRACK_COLUMNS` of a track."""
    momentum = math.sqrt(track.px**2 + track.py**2 + track.pz**2)
    return abs(track.d0), track.z0, track.pz / momentum, momentum


@kernel
def fill_candidate(
    kaon: Record,
    pion: Record,
    mu_plus: Record,
    mu_minus: Record,
    collision: Floats,
    work: Floats,
    candidate: Record,
) -> None:
    """Compute everything about the candidate of four tracks.

    Parameters
    ----------
    kaon, pion, mu_plus, mu_minus
        Records :data:`~hepsets.simulate.tracker.TRACK`; the charge of the kaon tells the flavour.
    collision
        Nominal four-momentum [GeV] of the beams, shape (4,).
    work
        Scratch space, shape (14, 4).
    candidate
        The record :data:`CANDIDATE` to fill.
    """
    momenta, variables, b = work[:4], work[4:11], work[11]
    equations = work[11:14].reshape(12)[:10]
    for row, track, mass in (
        (K_ROW, kaon, M_K),
        (PI_ROW, pion, M_PI),
        (MU_PLUS, mu_plus, M_MU),
        (MU_MINUS, mu_minus, M_MU),
    ):
        momenta[row, 0], momenta[row, 1], momenta[row, 2] = track.px, track.py, track.pz
        squared = track.px**2 + track.py**2 + track.pz**2
        momenta[row, 3] = math.sqrt(squared + mass * mass)
    q_squared, costheta_mu, costheta_K, chi, m_kpi = decay_variables(momenta, kaon.charge, variables)
    candidate.q_squared, candidate.costheta_mu = q_squared, costheta_mu
    candidate.costheta_K, candidate.chi = costheta_K, chi
    candidate.m_kpi = m_kpi
    candidate.flavour = kaon.charge

    equations[:] = 0.0
    add_to_vertex(kaon, equations)
    add_to_vertex(pion, equations)
    add_to_vertex(mu_plus, equations)
    add_to_vertex(mu_minus, equations)
    candidate.vertex_chi2 = vertex_chi2(equations) / 5.0

    for j in range(4):
        b[j] = momenta[0, j] + momenta[1, j] + momenta[2, j] + momenta[3, j]
    boost_from(b, collision, -1.0)
    half = 0.5 * math.sqrt(collision[3] ** 2 - collision[0] ** 2 - collision[1] ** 2 - collision[2] ** 2)
    squared = half * half - b[0] ** 2 - b[1] ** 2 - b[2] ** 2
    candidate.mbc = math.sqrt(max(squared, 0.0))
    candidate.delta_e = b[3] - half

    candidate.dr_k, candidate.dz_k, candidate.costheta_k, candidate.momentum_k = _track(kaon)
    candidate.identification_k = kaon.kaon / max(kaon.kaon + kaon.pion, 1.0e-30)
    candidate.dr_pi, candidate.dz_pi, candidate.costheta_pi, candidate.momentum_pi = _track(pion)
    candidate.identification_pi = pion.pion / max(pion.kaon + pion.pion, 1.0e-30)
    dr, dz, costheta, momentum = _track(mu_plus)
    candidate.dr_mu_plus, candidate.dz_mu_plus = dr, dz
    candidate.costheta_mu_plus, candidate.momentum_mu_plus = costheta, momentum
    candidate.identification_mu_plus = mu_plus.muon
    dr, dz, costheta, momentum = _track(mu_minus)
    candidate.dr_mu_minus, candidate.dz_mu_minus = dr, dz
    candidate.costheta_mu_minus, candidate.momentum_mu_minus = costheta, momentum
    candidate.identification_mu_minus = mu_minus.muon


@kernel
def _produce(stream: Stream, beams: Record, b: Floats, collision: Floats, work: Floats) -> None:
    """Draw the lab momentum of a B⁰ from an Υ(4S) into ``b``; ``collision`` is scratch space."""
    sine, cosine = math.sin(beams.half_crossing_angle), math.cos(beams.half_crossing_angle)
    energy = 0.0
    while energy <= M_B0:
        electron = beams.electron_energy + beams.electron_spread * normal(stream)
        positron = beams.positron_energy + beams.positron_spread * normal(stream)
        energy = math.sqrt(max(electron * positron, 0.0)) * cosine  # of either B, beams without mass
    collision[0], collision[1] = (electron + positron) * sine, 0.0
    collision[2], collision[3] = (electron - positron) * cosine, electron + positron
    work[0], work[1], work[2], work[3] = electron * sine, 0.0, electron * cosine, electron
    boost_from(work, collision, -1.0)
    zx, zz = work[0] / work[3], work[2] / work[3]  # the electron's direction; it stays in the x-z plane
    # the inverse of the cumulative distribution (3c - c^3)/2 of cos theta, by Viète's formula
    along = 2.0 * math.sin(math.asin(2.0 * uniform(stream) - 1.0) / 3.0)
    across = math.sqrt(1.0 - along * along)
    azimuth = 2.0 * math.pi * uniform(stream)
    momentum = math.sqrt(energy * energy - M_B0 * M_B0)
    b[0] = momentum * (along * zx + across * math.cos(azimuth) * zz)
    b[1] = momentum * across * math.sin(azimuth)
    b[2] = momentum * (along * zz - across * math.cos(azimuth) * zx)
    b[3] = energy
    boost_from(b, collision, 1.0)


@kernel
def _turn(stream: Stream, momenta: Floats) -> None:
    """Turn all momenta by one random rotation: about z, then z to anywhere on the sphere."""
    spin = 2.0 * math.pi * uniform(stream)
    cosine = 2.0 * uniform(stream) - 1.0
    phi = 2.0 * math.pi * uniform(stream)
    sine = math.sqrt(1.0 - cosine * cosine)
    cs, ss, cp, sp = math.cos(spin), math.sin(spin), math.cos(phi), math.sin(phi)
    for i in range(4):
        x = cs * momenta[i, 0] - ss * momenta[i, 1]
        y = ss * momenta[i, 0] + cs * momenta[i, 1]
        z = momenta[i, 2]
        across = cosine * x + sine * z
        momenta[i, 0], momenta[i, 1] = cp * across - sp * y, sp * across + cp * y
        momenta[i, 2] = cosine * z - sine * x


class _Decays(NamedTuple):
    """What is seen: variables, shape ``(n, 4)``, flavours, seed and number of the first."""

    variables: Floats
    flavour: NDArray[np.int64]
    seed: int
    first_event: int


class _Making(NamedTuple):
    """How decays are made: masses of Kπ and their cumulative distribution, beams, spot, mean collision."""

    masses: Floats
    cumulative: Floats
    beams: Record
    spot: Floats
    nominal: Floats


class _Scratch(NamedTuple):
    """Room to work in."""

    momenta: Floats
    collision: Floats
    b: Floats
    work: Floats
    likelihood: Floats


@kernel
def _make(
    stream: Stream, variables: Floats, flavour: int, making: _Making, scratch: _Scratch, particle: Record
) -> None:
    """Draw a decay into ``scratch.momenta``, in the rest frame of the B, and where ``particle`` begins."""
    b = scratch.b
    most = np.interp(M_B0 - math.sqrt(variables[0]), making.masses, making.cumulative)
    m_kpi = np.interp(uniform(stream) * most, making.cumulative, making.masses)
    _produce(stream, making.beams, b, scratch.collision, scratch.work[0])
    decay_momenta(variables[0], variables[1], variables[2], variables[3], flavour, m_kpi, scratch.momenta)
    _turn(stream, scratch.momenta)
    flight = exponential(stream) * FLIGHT_B0 / M_B0
    particle.x = making.spot[0] * normal(stream) + flight * b[0]
    particle.y = making.spot[1] * normal(stream) + flight * b[1]
    particle.z = making.spot[2] * normal(stream) + flight * b[2]


@kernel
def _measure(
    stream: Stream,
    flavour: int,
    tracker: Record,
    particle_id: Record,
    scratch: _Scratch,
    particle: Record,
    tracks: NDArray[np.void],
) -> bool:
    """Boost the decay to the laboratory, measure and identify its tracks; tell whether all were found."""
    momenta, likelihood = scratch.momenta, scratch.likelihood
    kinked = 0
    for i in range(4):
        boost_from(momenta[i], scratch.b, 1.0)
        particle.px, particle.py = momenta[i, 0], momenta[i, 1]
        particle.pz, particle.energy = momenta[i, 2], momenta[i, 3]
        species = KAON if i == K_ROW else PION if i == PI_ROW else MUON
        charge = flavour if i == K_ROW else -flavour
        if i >= MU_PLUS:
            charge = 1 if i == MU_PLUS else -1
        fate = measure_track(stream, tracker, species, charge, particle, tracks[i])
        if fate == LOST:
            return False
        if fate == KINKED:
            kinked |= 1 << i
    for i in range(4):
        species = KAON if i == K_ROW else PION if i == PI_ROW else MUON
        if kinked & (1 << i):  # it reached the outer detectors as a muon
            species = MUON
        pt = math.hypot(momenta[i, 0], momenta[i, 1])
        theta = math.atan2(pt, momenta[i, 2])
        identify(stream, particle_id, species, math.hypot(pt, momenta[i, 2]), theta, likelihood)
        track = tracks[i]
        track.electron, track.muon, track.pion = likelihood[0], likelihood[1], likelihood[2]
        track.kaon, track.proton = likelihood[3], likelihood[4]
    return True


@kernel
def _see(
    decays: _Decays,
    making: _Making,
    tracker: Record,
    particle_id: Record,
    truth: NDArray[np.void],
    tracks: NDArray[np.void],
    candidates: NDArray[np.void],
    found: NDArray[np.bool_],
) -> None:
    stream = np.zeros(1, dtype=np.uint64)
    work = np.zeros((14, 4))
    scratch = _Scratch(np.zeros((4, 4)), np.zeros(4), np.zeros(4), work, np.zeros(5))
    particle = truth[0]
    for event in range(len(decays.variables)):
        start(stream, decays.seed, decays.first_event + event, _TRIAL)
        flavour = decays.flavour[event]
        _make(stream, decays.variables[event], flavour, making, scratch, particle)
        found[event] = _measure(stream, flavour, tracker, particle_id, scratch, particle, tracks)
        if found[event]:
            fill_candidate(
                tracks[0], tracks[1], tracks[2], tracks[3], making.nominal, work, candidates[event]
            )


@lru_cache(maxsize=1)
def _kstar_masses() -> tuple[Floats, Floats]:
    """Masses [GeV] of Kπ and the cumulative distribution of the K*⁰'s lineshape at them."""
    masses = np.linspace(M_K + M_PI, HEAVIEST_KPI, 4001)
    density = kstar_lineshape(masses)
    cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    return masses, cumulative / cumulative[-1]


def candidate_frame(candidates: NDArray[np.void]) -> EventFrame:
    """The columns of records :data:`CANDIDATE`, shape ``(n_candidates,)``."""
    return EventFrame({name: candidates[name] for name in candidates.dtype.names or ()})


def see_decays(
    frame: EventFrame, seed: int, *, first_event: int = 0, detector: DetectorConfig = BELLE2
) -> EventFrame:
    """Let the detector see the decays once; those with all four tracks found come back.

    The columns of the variables then hold what was measured and ``truth_…`` what was generated; the columns
    of a candidate (:data:`CANDIDATE_COLUMNS`) and ``is_signal`` are added, any others stay. Nothing is
    selected (see :mod:`hepsets.select.kstmumu.cuts`).

    Parameters
    ----------
    frame
        Decays with the columns ``q_squared`` [GeV²], ``costheta_mu``, ``costheta_K``, ``chi`` [rad] and
        ``flavour`` (1 or −1).
    seed, first_event
        The random numbers of decay ``i`` depend on ``(seed, first_event + i)`` and nothing else.
    detector
        The detector's numbers.

    Raises
    ------
    InputError
        If a column is missing or holds what no such decay can have.
    """
    decays = np.stack([np.asarray(frame[name], dtype=np.float64) for name in MEASURED], axis=1)
    flavour = np.asarray(frame["flavour"], dtype=np.int64)
    _check(decays, flavour)
    if seed < 0:
        raise InputError(f"seed {seed}", "a number from 0 up")
    beams = detector.beams
    candidates = np.empty(len(frame), dtype=CANDIDATE)
    found = np.empty(len(frame), dtype=np.bool_)
    spot = np.array(beams.spot_size)
    _see(
        _Decays(decays, flavour, seed, first_event),
        _Making(*_kstar_masses(), _beam_record(beams), spot, beams.momentum),
        as_record(detector.tracker),
        as_record(detector.particle_id),
        np.zeros(1, dtype=PARTICLE),
        np.zeros(4, dtype=TRACK),
        candidates,
        found,
    )
    kept: EventFrame = frame[found]
    truth = {f"truth_{name}": kept[name] for name in MEASURED}
    measured = candidate_frame(candidates[found])
    return kept.with_columns(**truth, **measured.columns, is_signal=np.ones(len(measured), dtype=bool))


def _check(decays: Floats, flavour: NDArray[np.int64]) -> None:
    most = (M_B0 - M_K - M_PI) ** 2
    q_squared, cosines = decays[:, 0], decays[:, 1:3]
    with np.errstate(invalid="ignore"):
        bad = {
            f"q_squared outside of {4 * M_MU**2:.3f} to {most:.2f} GeV²": ~(
                (q_squared > 4 * M_MU**2) & (q_squared < most)
            ),
            "a cosine outside of −1 to 1": ~(np.abs(cosines) <= 1).all(axis=1),
            "a chi that is not finite": ~np.isfinite(decays[:, 3]),
            "a flavour that is neither 1 nor −1": np.abs(flavour) != 1,
        }
    for came, where in bad.items():
        if where.any():
            raise InputError(f"{int(where.sum())} decays with {came}", "decays B⁰ → K⁺π⁻μ⁺μ⁻")


def _beam_record(beams: BeamConfig) -> Record:
    names = (
        "electron_energy",
        "positron_energy",
        "electron_spread",
        "positron_spread",
        "half_crossing_angle",
    )
    record = np.zeros(1, dtype=[(name, np.float64) for name in names])
    for name in names:
        record[name] = getattr(beams, name)
    return record[0]
