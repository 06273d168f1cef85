r"""The engine of a forward spectrometer: straight tracks, momentum, hadrons told apart.

A track is a line, given where it is closest to the z axis, with the covariance that its impact parameter and
its direction have together: the first measurement, a lever away from the beam, fixes a point, and what
scatters before turns the track about that point. With :math:`\sigma = a + b / p_T` the part b comes of
scattering.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from hepsets.core.events import Events
from hepsets.core.kernel import Record, as_record, kernel
from hepsets.core.masses import M_PI
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.random_stream import Stream, checked_event_numbers, normal, start, uniform
from hepsets.core.reconstructed import CHARGED_HADRON, COVARIANCE, ELECTRON, MUON, TRACK_PARAMETERS
from hepsets.simulate.origins import flying_ancestors, origins

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ForwardTrackerConfig:
    """Tracks.

    Parameters
    ----------
    min_eta, max_eta, min_pt, min_momentum
        Where tracks are found [GeV], with ``efficiency``, if they begin less than ``max_radius`` [cm] from
        the axis and before ``max_z`` [cm].
    impact_constant, impact_slope
        Resolution of the impact parameter, per projection: constant [cm] plus slope / p_T [cm GeV].
    lever
        Distance from the axis of the first measurement [cm].
    momenta, momentum_resolution
        σ(p)/p at some momenta [GeV], rising; interpolated between, the same beyond.
    chi2_ndf
        Degrees of freedom of a track's own fit.
    """

    min_eta: float
    max_eta: float
    min_pt: float
    min_momentum: float
    efficiency: float
    max_radius: float
    max_z: float
    impact_constant: float
    impact_slope: float
    lever: float
    momenta: tuple[float, ...]
    momentum_resolution: tuple[float, ...]
    chi2_ndf: int


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class HadronIdConfig:
    """Three outputs in (0, 1), one for each of K, π and p, drawn with the efficiencies of cuts on them.

    Each output is a logistic function of a normal number whose mean depends on species and momentum. Kaon
    and pion output are anticorrelated. Leptons are taken as pions.

    Parameters
    ----------
    edges
        Momenta [GeV] between bins, rising; n edges make n + 1 bins.
    kaon, proton
        For (π, K, p): the probability in each bin that the output is above ``loose``.
    pion
        For (π, K, p): the probability that the pion output is above 0.5, at any momentum.
    loose
        That cut.
    width
        Of the logit, which tells how fast efficiencies fall with the cut.
    correlation
        Of kaon and pion output of one particle.
    """

    edges: tuple[float, ...]
    kaon: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]
    proton: tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]
    pion: tuple[float, float, float]
    loose: float
    width: float
    correlation: float


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PrimaryVertexConfig:
    """The primary vertex: σ across and along the beam [cm] at ``n_tracks``, falling with the root of more."""

    sigma_xy: float
    sigma_z: float
    n_tracks: float
    least_tracks: float


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TrackTriggerConfig:
    """What a candidate's tracks must have: one above all of these limits [GeV, cm], and p_T in all [GeV]."""

    min_pt: float
    min_momentum: float
    min_ip: float
    min_ip_chi2: float
    min_sum_pt: float


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class ForwardConfig:
    """A forward spectrometer in numbers, part by part: all that :func:`see_lhc_events` knows of it.

    The trigger asks for a candidate, so it is applied where candidates are made.
    """

    tracker: ForwardTrackerConfig
    hadron_id: HadronIdConfig
    primary_vertex: PrimaryVertexConfig
    trigger: TrackTriggerConfig


IDENTIFICATION = ("prob_nn_k", "prob_nn_pi", "prob_nn_p")
"""Columns of the identification of a track."""

SEEN = np.dtype(
    [(name, np.float32) for name in ("px", "py", "pz", "energy")]
    + [("charge", np.int8), ("is_track", np.bool_), ("kind", np.int8)]
    + [(name, np.float32) for name in (*TRACK_PARAMETERS, *COVARIANCE)]
    + [("momentum_err", np.float32), ("chi2_per_ndf", np.float32)]
    + [(name, np.float32) for name in IDENTIFICATION]
    + [("true_pdg", np.int32), ("origin", np.int8)]
    + [("true_charm", np.int32), ("true_beauty", np.int32), ("particle", np.int64)]
)
"""A track: ``px py pz energy`` [GeV], the latter from the pion mass; ``charge``, ``is_track``, ``kind``; line
and covariance as those of a helix with ``omega`` 0; ``momentum_err`` [GeV] of the absolute momentum, which
does not depend on the direction; ``chi2_per_ndf`` of its own fit; identification. Truth: ``true_pdg``,
``origin`` (:mod:`hepsets.simulate.origins`), and the ``index`` in the event of the charm and the b hadron
that it comes from, -1 for none; ``particle``, the position among the generated ones."""

_CHARGES = {11: -1, 13: -1, 211: 1, 321: 1, 2212: 1, 3112: -1, 3222: 1, 3312: -1, 3334: -1}
_PION, _KAON, _PROTON = range(3)


class _Parts(NamedTuple):
    tracker: Record
    primary: Record
    momenta: Floats
    resolution: Floats
    edges: Floats
    means: Floats
    width: float
    correlation: float


def _parts(detector: ForwardConfig) -> _Parts:
    t, h = detector.tracker, detector.hadron_id
    quantile, loose = NormalDist().inv_cdf, math.log(h.loose / (1 - h.loose))
    n_bins = len(h.edges) + 1
    means = np.zeros((3, 3, n_bins))  # of the logit: output, species, bin
    for species in range(3):
        for place in range(n_bins):
            means[0, species, place] = loose + h.width * quantile(h.kaon[species][place])
            means[1, species, place] = h.width * quantile(h.pion[species])
            means[2, species, place] = loose + h.width * quantile(h.proton[species][place])
    return _Parts(
        as_record(t, without=("momenta", "momentum_resolution")),
        as_record(detector.primary_vertex),
        np.array(t.momenta),
        np.array(t.momentum_resolution),
        np.array(h.edges),
        means,
        h.width,
        h.correlation,
    )


@kernel
def _interpolate(x: float, at: Floats, values: Floats) -> float:
    if x <= at[0]:
        return float(values[0])
    for i in range(1, len(at)):
        if x <= at[i]:
            share = (x - at[i - 1]) / (at[i] - at[i - 1])
            return float(values[i - 1] + share * (values[i] - values[i - 1]))
    return float(values[-1])


@kernel
def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


@kernel
def _identify(stream: Stream, parts: _Parts, species: int, momentum: float, seen: Record) -> None:
    place = 0
    while place < len(parts.edges) and momentum >= parts.edges[place]:
        place += 1
    kaon = normal(stream)
    rest = math.sqrt(1.0 - parts.correlation * parts.correlation)
    pion = parts.correlation * kaon + rest * normal(stream)
    means = parts.means
    seen.prob_nn_k = _logistic(means[0, species, place] + parts.width * kaon)
    seen.prob_nn_pi = _logistic(means[1, species, place] + parts.width * pion)
    seen.prob_nn_p = _logistic(means[2, species, place] + parts.width * normal(stream))


@kernel
def _measure_track(
    stream: Stream,
    parts: _Parts,
    place: tuple[float, float, float],
    p: tuple[float, float, float],
    seen: Record,
) -> bool:
    """Measure one charged particle that begins at a place [cm] with a momentum [GeV]; tell if it is found."""
    tracker = parts.tracker
    x, y, z = place
    pt = math.hypot(p[0], p[1])
    momentum = math.hypot(pt, p[2])
    if pt < tracker.min_pt or momentum < tracker.min_momentum:
        return False
    eta = math.asinh(p[2] / pt)
    if (
        not tracker.min_eta < eta < tracker.max_eta
        or math.hypot(x, y) > tracker.max_radius
        or z > tracker.max_z
    ):
        return False
    if uniform(stream) >= tracker.efficiency:
        return False
    cosine, sine, tan_lambda, sin_theta = p[0] / pt, p[1] / pt, p[2] / pt, pt / momentum
    scattering = tracker.impact_slope / pt
    sigma = tracker.impact_constant + scattering
    at_point = math.sqrt(sigma * sigma - scattering * scattering)
    turn_phi, turn_lambda = scattering / tracker.lever, scattering / (tracker.lever * sin_theta)
    d_phi, d_lambda = turn_phi * normal(stream), turn_lambda * normal(stream)
    seen.d0 = y * cosine - x * sine + at_point * normal(stream) - tracker.lever * d_phi
    along = -(x * cosine + y * sine)
    seen.z0 = z + along * tan_lambda + at_point / sin_theta * normal(stream) - tracker.lever * d_lambda
    phi = math.atan2(p[1], p[0]) + d_phi
    slope = tan_lambda + d_lambda
    measured = momentum * (1.0 + _interpolate(momentum, parts.momenta, parts.resolution) * normal(stream))
    seen.momentum_err = measured * _interpolate(measured, parts.momenta, parts.resolution)
    seen_pt = measured / math.sqrt(1.0 + slope * slope)
    seen.px, seen.py, seen.pz = seen_pt * math.cos(phi), seen_pt * math.sin(phi), seen_pt * slope
    seen.energy = math.hypot(measured, M_PI)
    seen.phi, seen.omega, seen.tan_lambda = math.atan2(seen.py, seen.px), 0.0, slope
    seen.cov_d0_d0, seen.cov_z0_z0 = sigma * sigma, (sigma / sin_theta) ** 2
    seen.cov_phi_phi, seen.cov_d0_phi = turn_phi**2, -tracker.lever * turn_phi**2
    seen.cov_tan_lambda_tan_lambda = turn_lambda**2
    seen.cov_z0_tan_lambda = -tracker.lever * turn_lambda**2
    chi2, ndf = 0.0, int(tracker.chi2_ndf)
    for _ in range(ndf):
        chi2 += normal(stream) ** 2
    seen.chi2_per_ndf = chi2 / ndf
    seen.is_track = True
    return True


class _Generated(NamedTuple):
    pdg: Integers
    charge: Integers
    place: Floats
    momentum: Floats
    leaf: NDArray[np.bool_]
    origin: NDArray[np.int8]
    charm: Integers
    beauty: Integers
    offsets: Integers
    collision: Floats


@kernel
def _see_primary(stream: Stream, parts: _Parts, generated: _Generated, event: int, seen: Floats) -> None:
    """Fill the primary vertex: x, y, z and σ across and along the beam [cm]."""
    n = 0
    for i in range(generated.offsets[event], generated.offsets[event + 1]):
        if generated.leaf[i] and generated.charge[i] != 0 and generated.origin[i] == 0:
            n += 1
    scale = math.sqrt(parts.primary.n_tracks / max(parts.primary.least_tracks, float(n)))
    for k in range(3):
        sigma = scale * (parts.primary.sigma_z if k == 2 else parts.primary.sigma_xy)
        seen[k] = generated.collision[event, k] + sigma * normal(stream)
    seen[3], seen[4] = scale * parts.primary.sigma_xy, scale * parts.primary.sigma_z


@kernel
def _see(
    generated: _Generated,
    seed: int,
    event_numbers: Integers,
    trial: int,
    parts: _Parts,
    seen: NDArray[np.void],
    primary: Floats,
    seen_offsets: Integers,
) -> None:
    stream = np.zeros(1, dtype=np.uint64)
    n = 0
    for event in range(len(event_numbers)):
        start(stream, seed, event_numbers[event], trial)
        _see_primary(stream, parts, generated, event, primary[event])
        for i in range(generated.offsets[event], generated.offsets[event + 1]):
            if not generated.leaf[i] or generated.charge[i] == 0:
                continue
            x, p = generated.place[i], generated.momentum[i]
            track = seen[n]
            if not _measure_track(stream, parts, (x[0], x[1], x[2]), (p[0], p[1], p[2]), track):
                continue
            size = abs(generated.pdg[i])
            species = _KAON if size == 321 else _PROTON if size == 2212 else _PION
            _identify(stream, parts, species, math.sqrt(p[0] ** 2 + p[1] ** 2 + p[2] ** 2), track)
            track.charge = generated.charge[i]
            track.kind = ELECTRON if size == 11 else MUON if size == 13 else CHARGED_HADRON
            track.true_pdg, track.origin, track.particle = generated.pdg[i], generated.origin[i], i
            track.true_charm, track.true_beauty = generated.charm[i], generated.beauty[i]
            n += 1
        seen_offsets[event + 1] = n


def see_lhc_events(
    events: Events, *, seed: int, event_numbers: Integers, trial: int = 0, detector: ForwardConfig
) -> ParticleSets:
    """Let a forward spectrometer see the events once.

    Parameters
    ----------
    events
        Generated events; empty ones are allowed. ``pv_x``, ``pv_y``, ``pv_z`` [cm] say where the protons
        collided, without these the place of the first particle.
    seed, event_numbers, trial
        The random stream of an event is fixed by ``(seed, event_numbers[i], trial)`` and by nothing else.
        ``event_numbers`` has shape ``(n_events,)``.
    detector
        The detector's numbers.

    Returns
    -------
    ParticleSets
        Tracks with the columns of :data:`SEEN` except ``particle``; event columns as of ``events``,
        ``event_number``, and the primary vertex as measured: ``primary_x``, ``primary_y``, ``primary_z`` and
        its errors ``primary_xy_err``, ``primary_z_err`` [cm].

    Raises
    ------
    InputError
        If ``event_numbers`` does not have one number per event.
    """
    numbers = checked_event_numbers(event_numbers, events)
    primary = np.zeros((len(events), 5))
    # np.zeros reserves, it does not touch: the unused part of this upper bound costs nothing
    seen = np.zeros(events.n_particles + 1, dtype=SEEN)
    offsets = np.zeros(len(events) + 1, dtype=np.int64)
    _see(_generated(events), seed, numbers, trial, _parts(detector), seen, primary, offsets)
    seen = seen[: offsets[-1]]
    names = ("primary_x", "primary_y", "primary_z", "primary_xy_err", "primary_z_err")
    measured = {name: primary[:, place] for place, name in enumerate(names)}
    return ParticleSets(
        {name: np.ascontiguousarray(seen[name]) for name in SEEN.names or () if name != "particle"},
        offsets,
        {**events.columns, "event_number": numbers, **measured},
        events.purpose,
    )


def _generated(events: Events) -> _Generated:
    p = events.particles
    pdg = p["pdg"].astype(np.int64)
    charge = np.zeros(len(pdg), dtype=np.int64)
    for size, sign in _CHARGES.items():
        charge[pdg == size], charge[pdg == -size] = sign, -sign
    leaf = np.ones(len(pdg), dtype=np.bool_)
    leaf[events.mothers[events.mothers != np.arange(len(pdg))]] = False
    charm, beauty = flying_ancestors(events)
    return _Generated(
        pdg,
        charge,
        np.column_stack([p[name] for name in "xyz"]).astype(np.float64),
        np.column_stack([p[name] for name in ("px", "py", "pz")]).astype(np.float64),
        leaf,
        origins(events),
        charm,
        beauty,
        events.offsets,
        _collisions(events),
    )


def _collisions(events: Events) -> Floats:
    """Where protons collided [cm], shape ``(n_events, 3)``."""
    if "pv_x" in events.columns:
        return np.column_stack([events.columns[f"pv_{axis}"] for axis in "xyz"]).astype(np.float64)
    there = np.flatnonzero(events.multiplicity)
    place = np.zeros((len(events), 3))
    for k, axis in enumerate("xyz"):
        place[there, k] = events.particles[axis][events.offsets[there]]
    return place
