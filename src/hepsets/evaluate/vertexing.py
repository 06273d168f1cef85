r"""How good vertices are: found where b hadrons decay, not found where nothing does, and at the right place.

A vertex's truth is where most of its tracks come from (``origin``). Hemispheres are those of the thrust
axis, a vertex is in that to which it lies from the primary one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.particle_kinds import VertexKind
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.reconstructed import FROM_B, FROM_C, FROM_C_OF_B, FROM_PRIMARY
from hepsets.core.vertexed_events import NO_VERTEX, VertexedEvents

Array = NDArray[np.float64]

UM_PER_CM = 1e4
CORE = 0.683
"""The core of a distribution: as many of its entries, those in its middle."""
MAX_TAIL = 30.0
"""What is farther out, in widths of the core, belongs to no distribution."""
MAX_STEPS = 1000


def positions(events: VertexedEvents) -> Array:
    """Positions of all vertices [cm], shape ``(n_vertices, 3)``."""
    return np.stack([events.vertices.particles[name] for name in "xyz"], axis=1).astype(np.float64)


def flights(events: VertexedEvents) -> Array:
    """From the primary vertex of its event, the first one, to each vertex [cm], shape ``(n_vertices, 3)``."""
    at = positions(events)
    return at - at[events.vertices.offsets[:-1]][events.vertices.event_of_particle]


def has_vertex(events: VertexedEvents, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each hemisphere has one of the wanted vertices: shape ``(n_events, 2)``, along the axis
    second.
    """
    axis = np.stack([events.columns[f"thrust_{name}"] for name in "xyz"], axis=1)
    event = events.vertices.event_of_particle
    along = np.einsum("ij,ij->i", flights(events), axis[event]) > 0
    found = np.zeros((len(events), 2), dtype=bool)
    found[event[wanted], along[wanted].astype(int)] = True
    return found


def b_efficiency(events: VertexedEvents) -> Measured:
    """Share of the hemispheres of b b̄ events with a displaced vertex of the b hadron or of its c hadron.

    Raises
    ------
    InputError
        Without b b̄ events.
    """
    of_b = _of_flavour(events, 5)
    vertices = of_b.vertices.particles
    chain = np.isin(vertices["origin"], (FROM_B, FROM_C_OF_B))
    found = has_vertex(of_b, chain & (vertices["kind"] == VertexKind.DISPLACED))
    return Measured.proportion(int(found.sum()), found.size)


def fake_rate(events: VertexedEvents) -> Measured:
    """Share of s s̄ events with a displaced vertex that is none: most of its tracks come from elsewhere.

    K_S and hyperons that the search for V0s has missed, heavy quarks out of gluons, and material are no
    fakes.

    Raises
    ------
    InputError
        Without s s̄ events.
    """
    of_s = _of_flavour(events, 3)
    vertices = of_s.vertices.particles
    fake = (vertices["kind"] == VertexKind.DISPLACED) & (vertices["origin"] == -1)
    return Measured.proportion(len(np.unique(of_s.vertices.event_of_particle[fake])), len(of_s))


def chi2_probabilities(events: VertexedEvents) -> Array:
    """Probability of a larger χ² of every vertex that has degrees of freedom; flat for true vertices."""
    vertices = events.vertices.particles
    free = vertices["ndf"] > 0
    return np.asarray(stats.chi2.sf(vertices["chi2"][free], vertices["ndf"][free]))


def chi2_flatness(events: VertexedEvents) -> float:
    """p-value of the Kolmogorov–Smirnov test that χ² probabilities are flat.

    Of seeded vertices, whose tracks do come from one point; a finder prefers small χ².
    """
    return float(stats.kstest(chi2_probabilities(events), "uniform").pvalue)


@dataclass(frozen=True)
class MatchedVertices:
    """Displaced vertices of b and c hadrons beside the truth.

    Parameters
    ----------
    flight_residual
        Measured less true distance [cm] from the primary vertex, along the measured flight; the true vertex
        is that where most of the tracks were produced; shape ``(n_matched,)``.
    pulls
        Measured less true coordinates in units of their errors, shape ``(n_matched, 3)``.
    is_pure
        Whether all tracks come from one point, shape ``(n_matched,)``.
    """

    flight_residual: Array
    pulls: Array
    is_pure: NDArray[np.bool_]


def match(events: VertexedEvents, seen: ParticleSets) -> MatchedVertices:
    """Hold displaced vertices of heavy hadrons against where they are in truth.

    Parameters
    ----------
    events
        Made of ``seen`` by :func:`hepsets.select.vertices.event.vertexed`.
    seen
        With the true production points of its particles.
    """
    truth = np.stack([seen.particles[f"true_{name}"] for name in "xyz"], axis=1)
    origin, vertices = seen.particles["origin"], events.vertices.particles
    row, event = events.vertex_row, events.vertices.event_of_particle
    prompt = np.flatnonzero((origin == FROM_PRIMARY) & seen.particles["is_track"].astype(bool))
    begin = np.full((len(events), 3), np.nan)
    begin[seen.event_of_particle[prompt]] = truth[prompt]
    heavy = np.isin(vertices["origin"], (FROM_B, FROM_C_OF_B, FROM_C)) & (
        vertices["kind"] == VertexKind.DISPLACED
    )
    heavy &= np.isfinite(begin[event, 0]) & (vertices["n_tracks"] > 1)
    members = np.flatnonzero((row != NO_VERTEX) & heavy[np.maximum(row, 0)])
    members = members[np.argsort(row[members], kind="stable")]
    which, first, counts = np.unique(row[members], return_index=True, return_counts=True)
    true, is_pure = np.empty((len(which), 3)), np.empty(len(which), dtype=bool)
    for place, (start, count) in enumerate(zip(first, counts, strict=True)):
        points, votes = np.unique(truth[members[start : start + count]], axis=0, return_counts=True)
        true[place], is_pure[place] = points[np.argmax(votes)], len(votes) == 1
    at, flight = positions(events)[which], flights(events)[which]
    length = np.linalg.norm(flight, axis=1)
    true_length = np.einsum("ij,ij->i", true - begin[event[which]], flight) / length
    errors = np.sqrt(np.stack([vertices[f"cov_{name}_{name}"][which] for name in "xyz"], axis=1))
    return MatchedVertices(length - true_length, (at - true) / errors, is_pure)


def core_width(values: Array) -> Measured:
    """Half the width of the core of a distribution of values, shape ``(n,)``, which is σ for a normal one.

    Raises
    ------
    InputError
        For fewer than ten values.
    """
    if len(values) < 10:
        raise InputError(f"{len(values)} values", "at least ten for a width", "take more events")
    low, high = np.quantile(values, [0.5 - CORE / 2, 0.5 + CORE / 2])
    width = 0.5 * float(high - low)
    # error of a quantile of a normal distribution: √(q (1 - q) / n) / density, and both are correlated
    return Measured(width, 0.95 * width / np.sqrt(len(values)))


def narrow_width(values: Array) -> Measured:
    """The narrow one of two normal distributions about 0 that together describe values best.

    The usual meaning of the core of a resolution: what poorly measured vertices add does not count, and
    :func:`core_width` beside it tells how many these are. The error holds that share and width of
    the other distribution are free, and that values may be distributed otherwise.

    Parameters
    ----------
    values
        Shape ``(n,)``.

    Raises
    ------
    InputError
        For fewer than ten values.
    """
    half = core_width(values).value
    squares = values[np.abs(values) < MAX_TAIL * half] ** 2
    share, variances = 0.7, np.array([0.5 * half, 4.0 * half]) ** 2
    membership = np.ones((2, len(squares)))
    for _ in range(MAX_STEPS):
        weight = np.array([share, 1.0 - share]) / np.sqrt(variances)
        density = weight[:, None] * np.exp(-0.5 * squares / variances[:, None])
        membership = density / density.sum(axis=0)
        before, share = share, float(membership[0].mean())
        variances = (membership * squares).sum(axis=1) / membership.sum(axis=1)
        if abs(share - before) < 1e-6:
            break
    narrow = int(np.argmin(variances))
    width, relative = float(np.sqrt(variances[narrow])), _errors(squares, share, variances, membership)
    return Measured(width, width * float(relative[narrow]))


def _errors(squares: Array, share: float, variances: Array, membership: Array) -> Array:
    """Errors of the logarithms of both widths and of the share's logit, whatever values are distributed as.

    (H⁻¹ S H⁻¹) with the second derivatives H of the logarithm of the likelihood and the sum S of squares of
    the first ones: H. White, Econometrica 50 (1982) 1.
    """
    ratios, nought = squares / variances[:, None], np.zeros(len(squares))
    of_each = np.array(
        [[ratios[0] - 1, nought, nought + 1 - share], [nought, ratios[1] - 1, nought - share]]
    )  # first derivatives if each value were known to be of one distribution
    first = np.einsum("kn,kin->in", membership, of_each)
    own = [*(2 * (membership * ratios).sum(axis=1)), len(squares) * share * (1 - share)]
    second = np.einsum("kn,kin,kjn->ij", membership, of_each, of_each) - first @ first.T - np.diag(own)
    inverse = np.linalg.pinv(second)
    return np.asarray(np.sqrt(np.diag(inverse @ (first @ first.T) @ inverse)))


@dataclass(frozen=True)
class VertexingQuality:
    """How good a vertex finder is on simulated events.

    Parameters
    ----------
    b_efficiency
        See :func:`b_efficiency`.
    fake_rate
        See :func:`fake_rate`.
    chi2_probability_ks_p
        See :func:`chi2_flatness`.
    flight_resolution_um
        Width of the flight length's core [µm], see :func:`narrow_width`, of matched vertices whose tracks
        come from one point.
    flight_width_um
        Half the width [µm] of the middle 68 % of the same, see :func:`core_width`.
    mixed_flight_width_um
        That of all matched vertices, those that hold tracks of b and c hadron included.
    pull_width
        Core widths of the pulls of x, y, z of the former.
    """

    b_efficiency: Measured
    fake_rate: Measured
    chi2_probability_ks_p: float
    flight_resolution_um: Measured
    flight_width_um: Measured
    mixed_flight_width_um: Measured
    pull_width: tuple[Measured, Measured, Measured]


def vertexing_quality(found: VertexedEvents, seeded: VertexedEvents, seen: ParticleSets) -> VertexingQuality:
    """Measure a vertex finder on events of several flavours, b b̄ and s s̄ among them.

    Parameters
    ----------
    found, seeded
        The same events with vertices found and seeded.
    seen
        What both were made of, with true production points.

    Raises
    ------
    InputError
        Without b b̄ or s s̄ events, or with too few vertices.
    """
    matched = match(found, seen)
    pure, pulls = matched.flight_residual[matched.is_pure], matched.pulls[matched.is_pure]
    return VertexingQuality(
        b_efficiency(found),
        fake_rate(found),
        chi2_flatness(seeded),
        _in_um(narrow_width(pure)),
        _in_um(core_width(pure)),
        _in_um(core_width(matched.flight_residual)),
        (core_width(pulls[:, 0]), core_width(pulls[:, 1]), core_width(pulls[:, 2])),
    )


def _in_um(width: Measured) -> Measured:
    return Measured(UM_PER_CM * width.value, UM_PER_CM * width.se)


def _of_flavour(events: VertexedEvents, flavour: int) -> VertexedEvents:
    chosen = np.flatnonzero(events.columns["flavour"] == flavour)
    if len(chosen) == 0:
        raise InputError(f"no events of flavour {flavour}", "some", "generate them")
    return events[chosen]
