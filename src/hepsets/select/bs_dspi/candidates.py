"""B_s → D_sπ candidates of what LHCb sees: a table of one row each, with the tracks around them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.masses import M_BS, M_DS, M_K, M_PI
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.units import SPEED_OF_LIGHT
from hepsets.select.bs_dspi.combine import TrackLists, find_bs, find_ds
from hepsets.select.bs_dspi.cuts import CandidateCuts
from hepsets.select.bs_dspi.hypotheses import masses_by_hypothesis
from hepsets.select.bs_dspi.isolation import Around, chi2_with_one_more, cone_asymmetry, tracks_around
from hepsets.select.bs_dspi.lines import (
    Lines,
    Vertex,
    closest_distance,
    composite,
    directions_at,
    fit_vertex,
    impact,
    impact_chi2,
    momenta,
    moved,
    stacked,
)
from hepsets.select.bs_dspi.mass_constraint import constrain, mass_error
from hepsets.select.bs_dspi.truth import CATEGORY, Category, is_forced, is_true_ds
from hepsets.simulate.forward import IDENTIFICATION, TrackTriggerConfig
from hepsets.simulate.lhcb import TRIGGER

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Columns = dict[str, NDArray[Any]]

DAUGHTERS = ("kaon_os", "kaon_ss", "ds_pion", "bachelor")
"""The tracks of a candidate: the kaon of unlike charge to the pion of the D_s, that of like charge (which a
pion of a D⁺ or a proton of a Λ_c would have), that pion, and the pion beside the D_s."""

AROUND = ("pt", "charge", "delta_eta", "delta_phi", "ip_chi2", "vertex_chi2")
"""Columns of the tracks around a candidate."""

_MASSES = np.array([M_K, M_K, M_PI, M_PI])
_CM_PER_PS = SPEED_OF_LIGHT / 1e3


def find_candidates(
    seen: ParticleSets,
    *,
    sample: str,
    cuts: CandidateCuts | None = None,
    trigger: TrackTriggerConfig | None = None,
    mixed: bool = False,
) -> ParticleSets:
    """Find B_s → D_sπ candidates.

    Parameters
    ----------
    seen
        What a forward spectrometer saw, :func:`hepsets.simulate.forward.see_lhc_events`.
    sample
        What was generated, one of :data:`~hepsets.select.bs_dspi.truth.CATEGORY`: it says what ``category``
        forced decays have.
    cuts, trigger
        The selection; the usual one and LHCb's by default.
    mixed
        Take the pion beside the D_s from any other event instead of the same, moved along with its
        collision: combinations of tracks that have nothing in common, many more than events have. The sum of
        their weights is the number expected in these events; all of them are one ``underlying_event``.

    Returns
    -------
    ParticleSets
        Its "events" are candidates, its particles the other tracks (:data:`AROUND`). Event columns, masses
        and momenta in GeV, lengths in cm: ``bs_mass`` with the D_s mass constrained and ``bs_mass_err``,
        ``bs_mass_free`` without, ``ds_mass``; ``ds_mode``; ``decay_time`` and ``decay_time_err`` [ps];
        kinematics, vertices, flights, isolation, ``{daughter}_{quantity}`` (:data:`DAUGHTERS`); truth
        ``category``, ``is_true_ds``, ``true_…``; ``event_number``, ``underlying_event``, ``weight``.

    Raises
    ------
    InputError
        For an unknown sample, and for mixed events if there are less than two.
    """
    if sample not in CATEGORY:
        raise InputError(f"sample {sample!r}", f"one of {', '.join(CATEGORY)}")
    if mixed and len(seen) < 2:
        raise InputError(f"{len(seen)} events to mix", "two or more")
    cuts, trigger = cuts or CandidateCuts(), trigger or TRIGGER
    lines, primary = Lines.of(seen.particles), _primary(seen)
    event_of = seen.event_of_particle
    ip_chi2 = impact_chi2(lines, primary.point[event_of], primary.covariance[event_of])
    lists = _track_lists(seen, lines, ip_chi2, cuts)

    ds, ds_vertex = _fitted_ds(find_ds(lists, cuts.ds_mass), lines, primary, cuts)
    pairs = find_bs(lists, ds, cuts.bs_mass, mixed=mixed)
    pairs, tracks = _near(pairs, ds, ds_vertex, lines, _moves(seen, pairs, ds) if mixed else None, cuts)
    events, members = ds[pairs[:, 0], 0], np.column_stack([ds[pairs[:, 0], 1:], pairs[:, 1]])
    at, ds_vertex = _chosen(primary, events), _chosen(ds_vertex, pairs[:, 0])

    columns, bs_vertex, momentum = _measured(tracks, ds_vertex, at)
    columns |= _of_daughters(members, seen.particles, tracks, at)
    kept = _selected(columns, cuts) & _triggers(columns, trigger)
    columns = {name: column[kept] for name, column in columns.items()}
    events, members = events[kept], members[kept]
    columns |= _truth(seen, sample, events, members)
    if mixed:
        columns["category"][:] = Category.COMBINATORIAL
        columns["underlying_event"] = np.full(len(events), seen.columns["underlying_event"].min())
        columns["weight"] = np.full(len(events), 1 / (len(seen) - 1))
    around = tracks_around(events, members, seen.offsets, lines, momentum[kept], _chosen(bs_vertex, kept))
    return _with_tracks_around(seen, lines, ip_chi2, around, momentum[kept], columns)


def _primary(seen: ParticleSets) -> Vertex:
    c = seen.columns
    point = np.column_stack([c[f"primary_{axis}"] for axis in "xyz"]).astype(np.float64)
    covariance = np.zeros((len(seen), 3, 3))
    covariance[:, 0, 0] = covariance[:, 1, 1] = c["primary_xy_err"] ** 2
    covariance[:, 2, 2] = c["primary_z_err"] ** 2
    return Vertex(point, covariance, np.zeros(len(seen)))


def _chosen(vertex: Vertex, which: NDArray[Any]) -> Vertex:
    return Vertex(vertex.point[which], vertex.covariance[which], vertex.chi2[which])


def _track_lists(seen: ParticleSets, lines: Lines, ip_chi2: Floats, cuts: CandidateCuts) -> TrackLists:
    p = seen.particles
    momentum = momenta(lines)
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    away = (ip_chi2 > cuts.min_track_ip_chi2) & (lines.momentum < cuts.max_track_momentum)
    daughter = away & (lines.momentum > cuts.min_track_momentum) & (pt > cuts.min_track_pt)
    pion = p["prob_nn_pi"] > cuts.min_pion_id
    fast = (lines.momentum > cuts.min_bachelor_momentum) & (pt > cuts.min_bachelor_pt)
    return TrackLists(
        momentum,
        p["charge"],
        daughter & (p["prob_nn_k"] > cuts.min_kaon_id),
        daughter & pion,
        away & fast & pion,
        seen.offsets,
    )


def _fitted_ds(ds: Integers, lines: Lines, primary: Vertex, cuts: CandidateCuts) -> tuple[Integers, Vertex]:
    """Those K K π that make a vertex away from the primary one."""
    tracks = lines[ds[:, 1:]]
    doca = _greatest_distance(tracks)
    near = doca < cuts.max_ds_doca
    ds, tracks = ds[near], tracks[near]
    start = primary.point[ds[:, 0]]
    vertex = fit_vertex(tracks, start)
    flight = vertex.point - start
    chi2 = _squared_significance(flight, vertex.covariance + primary.covariance[ds[:, 0]])
    good = (vertex.chi2 < 3 * cuts.max_ds_chi2_per_ndf) & (chi2 > cuts.min_ds_fd_chi2)
    return ds[good], _chosen(vertex, good)


def _greatest_distance(tracks: Lines) -> Floats:
    pairs = ((0, 1), (0, 2), (1, 2))
    return np.asarray(np.max([closest_distance(tracks[:, a], tracks[:, b]) for a, b in pairs], axis=0))


def _squared_significance(flight: Floats, covariance: Floats) -> Floats:
    chi2: Floats = (flight * np.linalg.solve(covariance, flight[..., None])[..., 0]).sum(axis=-1)
    return chi2


def _moves(seen: ParticleSets, pairs: Integers, ds: Integers) -> Floats:
    """From the collision of each pair's pion to that of its D_s [cm], shape ``(n_pairs, 3)``."""
    collision = np.column_stack([seen.columns[f"pv_{axis}"] for axis in "xyz"]).astype(np.float64)
    return np.asarray(collision[ds[pairs[:, 0], 0]] - collision[seen.event_of_particle[pairs[:, 1]]])


def _near(
    pairs: Integers,
    ds: Integers,
    ds_vertex: Vertex,
    lines: Lines,
    moves: Floats | None,
    cuts: CandidateCuts,
) -> tuple[Integers, Lines]:
    """Pairs whose pion passes close to the D_s, and their four tracks."""
    charm, pion = lines[ds[:, 1:]], lines[pairs[:, 1]]
    if moves is not None:
        pion = moved(pion, moves)
    line = composite(momenta(charm).sum(axis=1), ds_vertex)[pairs[:, 0]]
    near = closest_distance(line, pion) < cuts.max_bs_doca
    kept = charm[pairs[near, 0]]
    return pairs[near], stacked(*(kept[:, k] for k in range(3)), pion[near])


def _triggers(c: Columns, trigger: TrackTriggerConfig) -> NDArray[np.bool_]:
    one, total = np.zeros(len(c["bs_mass"]), dtype=bool), np.zeros(len(c["bs_mass"]))
    for name in DAUGHTERS:
        fast = (c[f"{name}_pt"] > trigger.min_pt) & (c[f"{name}_p"] > trigger.min_momentum)
        one |= fast & (c[f"{name}_ip"] > trigger.min_ip) & (c[f"{name}_ip_chi2"] > trigger.min_ip_chi2)
        total += c[f"{name}_pt"]
    return np.asarray(one & (total > trigger.min_sum_pt))


def _measured(tracks: Lines, ds_vertex: Vertex, primary: Vertex) -> tuple[Columns, Vertex, Floats]:
    """All columns of candidates that do not tell tracks apart, their vertices and momenta."""
    turned, covariance = directions_at(tracks[:, :3], ds_vertex)
    charm = constrain(momenta(turned), covariance, _MASSES[:3], M_DS)
    ds_momentum = charm.momentum.sum(axis=1)
    ds_line = composite(ds_momentum, ds_vertex)
    both = stacked(ds_line, tracks[:, 3])
    vertex = fit_vertex(both, ds_vertex.point)
    bachelor, bachelor_covariance = directions_at(both[:, 1:], vertex)
    pion = momenta(bachelor)
    spread = np.concatenate([covariance, bachelor_covariance], axis=1)
    mass, mass_err = mass_error(np.concatenate([charm.momentum, pion], axis=1), spread, _MASSES, charm)
    free, _ = mass_error(np.concatenate([momenta(turned), pion], axis=1), spread, _MASSES)
    ds_mass, ds_mass_err = mass_error(momenta(turned), covariance, _MASSES[:3])
    momentum = ds_momentum + pion[:, 0]
    columns = {
        "bs_mass": mass,
        "bs_mass_err": mass_err,
        "bs_mass_free": free,
        "ds_mass": ds_mass,
        "ds_mass_err": ds_mass_err,
        **masses_by_hypothesis(momenta(turned), pion),
        **_kinematics("bs", momentum),
        **_kinematics("ds", ds_momentum),
        **_flights(ds_vertex, vertex, primary, momentum, ds_momentum),
        **_decay_time(vertex, primary, momentum, spread),
        "ds_doca": _greatest_distance(tracks[:, :3]),
        "bs_doca": closest_distance(ds_line, tracks[:, 3]),
        "ds_ip_chi2": impact_chi2(ds_line, primary.point, primary.covariance),
    }
    return columns, vertex, momentum


def _kinematics(name: str, momentum: Floats) -> Columns:
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    return {
        f"{name}_p": np.linalg.norm(momentum, axis=1),
        f"{name}_pt": pt,
        f"{name}_eta": np.arcsinh(momentum[:, 2] / pt),
        **{f"{name}_p{axis}": momentum[:, place] for place, axis in enumerate("xyz")},
    }


def _flights(
    ds_vertex: Vertex, vertex: Vertex, primary: Vertex, momentum: Floats, ds_momentum: Floats
) -> Columns:
    flight, covariance = vertex.point - primary.point, vertex.covariance + primary.covariance
    length = np.linalg.norm(flight, axis=1)
    ds_flight = ds_vertex.point - vertex.point
    ds_along = (ds_flight * ds_momentum).sum(axis=1) / np.linalg.norm(ds_momentum, axis=1)
    ds_chi2 = _squared_significance(ds_flight, ds_vertex.covariance + vertex.covariance)
    from_primary = ds_vertex.point - primary.point
    line = composite(momentum, vertex)
    return {
        **{f"bs_vertex_{axis}": vertex.point[:, place] for place, axis in enumerate("xyz")},
        **{f"bs_vertex_{axis}_err": np.sqrt(vertex.covariance[:, k, k]) for k, axis in enumerate("xyz")},
        "bs_vertex_chi2": vertex.chi2,
        "ds_vertex_chi2": ds_vertex.chi2,
        **{f"ds_vertex_{axis}": ds_vertex.point[:, place] for place, axis in enumerate("xyz")},
        **{f"ds_vertex_{axis}_err": np.sqrt(ds_vertex.covariance[:, k, k]) for k, axis in enumerate("xyz")},
        "bs_flight_distance": length,
        "bs_flight_chi2": _squared_significance(flight, covariance),
        "bs_dira": (flight * momentum).sum(axis=1) / length / np.linalg.norm(momentum, axis=1),
        "bs_ip": impact(line, primary.point),
        "bs_ip_chi2": impact_chi2(line, primary.point, primary.covariance),
        "ds_flight_distance": ds_along,
        "ds_flight_chi2": ds_chi2,
        "ds_flight_chi2_primary": _squared_significance(
            from_primary, ds_vertex.covariance + primary.covariance
        ),
    }


def _decay_time(vertex: Vertex, primary: Vertex, momentum: Floats, spread: Floats) -> Columns:
    """Decay time [ps] from the flight along the momentum, with the errors of both."""
    p = np.linalg.norm(momentum, axis=1)
    unit = momentum / p[:, None]
    flight = ((vertex.point - primary.point) * unit).sum(axis=1)
    covariance = vertex.covariance + primary.covariance
    along = np.einsum("ni,nij,nj->n", unit, covariance, unit)
    momentum_err2 = np.einsum("ni,nkij,nj->n", unit, spread, unit)
    scale = M_BS / p / _CM_PER_PS
    time = flight * scale
    return {
        "decay_time": time,
        "decay_time_err": np.sqrt(along * scale**2 + time**2 * momentum_err2 / p**2),
    }


def _selected(c: Columns, cuts: CandidateCuts) -> NDArray[np.bool_]:
    kept = (c["bs_mass"] > cuts.bs_mass[0]) & (c["bs_mass"] < cuts.bs_mass[1])
    kept &= (c["ds_mass"] > cuts.ds_mass[0]) & (c["ds_mass"] < cuts.ds_mass[1])
    kept &= (c["bs_vertex_chi2"] < cuts.max_bs_chi2) & (c["bs_flight_chi2"] > cuts.min_bs_fd_chi2)
    kept &= c["bachelor_ip_chi2"] > cuts.min_track_ip_chi2
    kept &= (c["bs_ip_chi2"] < cuts.max_bs_ip_chi2) & (c["bs_dira"] > cuts.min_dira)
    return np.asarray(kept & (c["decay_time"] > cuts.min_decay_time))


def _of_daughters(members: Integers, particles: Any, tracks: Lines, primary: Vertex) -> Columns:
    columns: Columns = {}
    ip_chi2 = impact_chi2(tracks, primary.point[:, None], primary.covariance[:, None])
    ip = impact(tracks, primary.point[:, None])
    for place, name in enumerate(DAUGHTERS):
        which = members[:, place]
        columns[f"{name}_p"] = tracks.momentum[:, place]
        columns[f"{name}_pt"] = tracks.momentum[:, place] / np.sqrt(1 + tracks.tan_lambda[:, place] ** 2)
        columns[f"{name}_ip"], columns[f"{name}_ip_chi2"] = ip[:, place], ip_chi2[:, place]
        for column in ("chi2_per_ndf", *IDENTIFICATION):
            columns[f"{name}_{column}"] = particles[column][which].astype(np.float64)
        columns[f"{name}_true_pdg"] = particles["true_pdg"][which]
    columns["bachelor_charge"] = particles["charge"][members[:, 3]]
    columns["min_ip_chi2"] = ip_chi2.min(axis=1) if len(ip_chi2) else np.zeros(0)
    return columns


def _truth(seen: ParticleSets, sample: str, events: Integers, members: Integers) -> Columns:
    c = seen.columns
    forced = is_forced(seen.particles, members, c["signal"][events].astype(np.int64))
    copied = ("event_number", "underlying_event", "decay_mode", "flavour_produced", "flavour_decayed")
    return {
        "category": np.where(forced, CATEGORY[sample], Category.COMBINATORIAL).astype(np.int8),
        "is_true_ds": is_true_ds(seen.particles, members),
        **{name: c[name][events] for name in copied},
        "true_decay_time": c["decay_time_true"][events],
        **{f"true_primary_{axis}": c[f"pv_{axis}"][events] for axis in "xyz"},
        "n_tracks": seen.multiplicity[events],
        "weight": np.ones(len(events)),
    }


def _with_tracks_around(
    seen: ParticleSets, lines: Lines, ip_chi2: Floats, around: Around, momentum: Floats, columns: Columns
) -> ParticleSets:
    all_momenta, n = momenta(lines), len(momentum)
    columns["cone_asymmetry"] = cone_asymmetry(around, all_momenta, momentum)
    columns["chi2_with_one_more"] = chi2_with_one_more(around, n)
    pt = np.hypot(all_momenta[:, 0], all_momenta[:, 1])
    values = (
        pt[around.track],
        seen.particles["charge"][around.track],
        around.delta_eta,
        around.delta_phi,
        ip_chi2[around.track],
        around.vertex_chi2,
    )
    particles = {name: value.astype(np.float32) for name, value in zip(AROUND, values, strict=True)}
    offsets = np.concatenate([[0], np.cumsum(np.bincount(around.candidate, minlength=n))])
    return ParticleSets(particles, offsets, columns, seen.purpose)
