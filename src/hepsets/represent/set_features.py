"""Sets of particles with the features that a network sees of each, out of events with a B candidate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.select.event_shape import thrust

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SetSpec:
    """A set of each event: what belongs to it, and what is seen of that.

    Parameters
    ----------
    name
        What the set is called in figures and files.
    features
        Names of :data:`FEATURES` and of particle columns; for a set of the candidate alone,
        of :data:`CANDIDATE_FEATURES` and of event columns.
    members
        Conditions that a particle must fulfil, all of them: names of :data:`CONDITIONS` and of
        boolean particle columns. ``("candidate",)`` is the set that holds the B candidate itself.
    cap
        Of more particles than this, those of the largest momenta are kept, daughters of the
        candidate before all others; ``None`` keeps all.

    Raises
    ------
    InputError
        For no feature or one that is named twice, a cap below 1, and ``"candidate"`` with other
        conditions.
    """

    name: str
    features: tuple[str, ...]
    members: tuple[str, ...] = ()
    cap: int | None = None

    __pydantic_config__ = ConfigDict(extra="forbid")

    def __post_init__(self) -> None:
        if not self.features or len(set(self.features)) < len(self.features):
            raise InputError(f"features {list(self.features)} of the set {self.name!r}", "names, each once")
        if self.cap is not None and self.cap < 1:
            raise InputError(f"cap {self.cap} of the set {self.name!r}", "at least 1, or none")
        if "candidate" in self.members and (len(self.members) > 1 or self.cap is not None):
            raise InputError(
                f"members {list(self.members)} with cap {self.cap} of the set {self.name!r}",
                "'candidate' alone, or conditions on particles",
            )

    @property
    def of_candidate(self) -> bool:
        """Whether the set holds the B candidate itself and no particles."""
        return self.members == ("candidate",)


class CandidateEvents:
    """What is derived of events with a candidate, each quantity worked out once.

    Parameters
    ----------
    sets
        Particle columns ``px py pz`` [GeV, centre-of-mass frame], ``charge`` and
        ``from_candidate``, and whatever else the features ask for.
    """

    def __init__(self, sets: ParticleSets) -> None:
        self.sets = sets
        self.event_of_particle = sets.event_of_particle

    def particle(self, name: str) -> Array:
        """A particle column, float64, shape ``(n_particles,)``."""
        if name not in self.sets.particles:
            raise InputError(
                f"no particle column {name!r} in {list(self.sets.particles)}",
                f"such a column, or one of the features {list(FEATURES)}",
            )
        return np.asarray(self.sets.particles[name], dtype=np.float64)

    def event(self, name: str) -> Array:
        """An event column, float64, shape ``(n_events,)``."""
        if name not in self.sets.columns:
            raise InputError(
                f"no event column {name!r} in {list(self.sets.columns)}",
                "such a column",
                "add it with with_columns()",
            )
        return np.asarray(self.sets.columns[name], dtype=np.float64)

    @cached_property
    def from_candidate(self) -> NDArray[np.bool_]:
        """Whether a particle is a daughter of the candidate, shape ``(n_particles,)``."""
        return np.asarray(self.particle("from_candidate") != 0)

    @cached_property
    def momenta(self) -> Array:
        """Momenta [GeV], shape ``(n_particles, 3)``."""
        return np.stack([self.particle(name) for name in ("px", "py", "pz")], axis=1)

    @cached_property
    def momentum(self) -> Array:
        """Sizes of the momenta [GeV], shape ``(n_particles,)``."""
        return np.asarray(np.linalg.norm(self.momenta, axis=1))

    @cached_property
    def directions(self) -> Array:
        """Unit vectors, shape ``(n_particles, 3)``; the null vector for a particle at rest."""
        return _unit(self.momenta)

    @cached_property
    def p_scale(self) -> Array:
        """Momentum over the largest one of the candidate's daughters, shape ``(n_particles,)``.

        It tells nothing of the candidate's mass and energy. For particles that do not belong to
        the candidate it is 0: their momenta in this unit would give it away.
        """
        own = self.from_candidate
        largest = np.zeros(len(self.sets))
        np.maximum.at(largest, self.event_of_particle[own], self.momentum[own])
        scale = np.where(largest > 0, largest, 1.0)[self.event_of_particle]
        return np.asarray(np.where(own, self.momentum / scale, 0.0))

    @cached_property
    def thrust_axis(self) -> Array:
        """Thrust axis of the candidate's daughters, shape ``(n_events, 3)``, with z ≥ 0."""
        own = self.sets.select_particles(self.from_candidate)
        return thrust(self.momenta[self.from_candidate], own.offsets).axis

    @cached_property
    def frame(self) -> Array:
        """Axes of the candidate's own frame as rows, shape ``(n_events, 3, 3)``.

        The third is the thrust axis, the first lies in the plane of it and the beam (z), on the
        side of the beam. Without a thrust axis, or along the beam, x and y take their places.
        """
        third = self.thrust_axis.copy()
        third[(third == 0).all(axis=1)] = (0.0, 0.0, 1.0)
        first = np.array([0.0, 0.0, 1.0]) - third * third[:, 2:]
        first[np.linalg.norm(first, axis=1) < 1e-9] = (1.0, 0.0, 0.0)
        first = _unit(first)
        return np.stack([first, np.cross(third, first), third], axis=1)

    @cached_property
    def frame_directions(self) -> Array:
        """:attr:`directions` in the candidate's own frame, shape ``(n_particles, 3)``."""
        axes = self.frame[self.event_of_particle]
        return np.asarray(np.einsum("nij,nj->ni", axes, self.directions))

    @cached_property
    def candidate_direction(self) -> Array:
        """Unit vectors of the candidates' momenta, shape ``(n_events, 3)``."""
        return _unit(np.stack([self.event(f"candidate_{name}") for name in ("px", "py", "pz")], axis=1))

    @cached_property
    def candidate_frame_direction(self) -> Array:
        """:attr:`candidate_direction` in the candidate's own frame, shape ``(n_events, 3)``."""
        return np.asarray(np.einsum("nij,nj->ni", self.frame, self.candidate_direction))

    @cached_property
    def flavour(self) -> Array:
        r"""Sign that says which B the candidate is, as far as its daughters tell; shape ``(n_events,)``.

        The candidate's charge; for a neutral one the sign of :math:`\sum q P_K` (kaons of
        b → c → s); where that is 0, the charge of the fastest charged daughter; 0 without any.
        """
        charged = self.from_candidate & (self.particle("charge") != 0)
        event, charge = self.event_of_particle[charged], self.particle("charge")[charged]
        kaons = np.bincount(event, charge * self.particle("kaon")[charged], minlength=len(self.sets))
        fastest = np.zeros(len(self.sets))
        order = np.argsort(self.momentum[charged], kind="stable")
        fastest[event[order]] = charge[order]  # the last one, which is the fastest, stays
        sign: Array = np.sign(self.event("candidate_charge"))
        sign = np.where(sign != 0, sign, np.sign(kaons))
        return np.asarray(np.where(sign != 0, sign, np.sign(fastest)))


def _unit(vectors: Array) -> Array:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0))


def _log_momentum(events: CandidateEvents) -> Array:
    candidate = np.log(np.maximum(events.p_scale, 1e-3))
    rest = np.log(np.maximum(events.momentum, 1e-3))
    return np.asarray(np.where(events.from_candidate, candidate, rest))


def _signed_log(events: CandidateEvents, name: str, unit: float) -> Array:
    values = events.particle(name)
    return np.asarray(np.sign(values) * np.log1p(np.abs(values) / unit))


def _component(events: CandidateEvents, vectors: str, axis: int) -> Array:
    result: Array = getattr(events, vectors)[:, axis]
    return result


FEATURES: Mapping[str, Callable[[CandidateEvents], Array]] = {
    "direction_x": partial(_component, vectors="directions", axis=0),
    "direction_y": partial(_component, vectors="directions", axis=1),
    "direction_z": partial(_component, vectors="directions", axis=2),
    "p_scale": lambda events: events.p_scale,
    "momentum": lambda events: events.momentum,
    "log_momentum": _log_momentum,
    "frame_1": partial(_component, vectors="frame_directions", axis=0),
    "frame_2": partial(_component, vectors="frame_directions", axis=1),
    "frame_3": partial(_component, vectors="frame_directions", axis=2),
    "frame_px": lambda events: events.momentum * events.frame_directions[:, 0],
    "frame_py": lambda events: events.momentum * events.frame_directions[:, 1],
    "frame_pz": lambda events: events.momentum * events.frame_directions[:, 2],
    "flavour_charge": lambda events: events.particle("charge") * events.flavour[events.event_of_particle],
    "log_dr": partial(_signed_log, name="dr", unit=2e-3),
    "log_dz": partial(_signed_log, name="dz", unit=2e-3),
}
"""Features that are worked out from particle columns.

``direction_*`` is the momentum's unit vector; ``frame_1`` to ``frame_3`` are the same, and ``frame_p*`` the
momentum itself, in the candidate's own frame (:attr:`CandidateEvents.frame`). ``momentum`` is in GeV,
``p_scale`` in units of the candidate's fastest daughter; ``log_momentum`` is the logarithm of the latter
for the candidate's daughters and of the former [GeV] for all others; ``flavour_charge`` is the charge
times :attr:`CandidateEvents.flavour`; ``log_dr`` and ``log_dz`` are sign(d) ln(1 + |d| / 20 µm)."""

CANDIDATE_FEATURES: Mapping[str, Callable[[CandidateEvents], Array]] = {
    "direction_x": partial(_component, vectors="candidate_direction", axis=0),
    "direction_y": partial(_component, vectors="candidate_direction", axis=1),
    "direction_z": partial(_component, vectors="candidate_direction", axis=2),
    "thrust_x": partial(_component, vectors="thrust_axis", axis=0),
    "thrust_y": partial(_component, vectors="thrust_axis", axis=1),
    "thrust_z": partial(_component, vectors="thrust_axis", axis=2),
    "frame_1": partial(_component, vectors="candidate_frame_direction", axis=0),
    "frame_2": partial(_component, vectors="candidate_frame_direction", axis=1),
    "frame_3": partial(_component, vectors="candidate_frame_direction", axis=2),
}
"""Features of the candidate itself: the direction of its momentum, its daughters' thrust axis, and the
former in the candidate's own frame."""

CONDITIONS: Mapping[str, Callable[[CandidateEvents], NDArray[np.bool_]]] = {
    "track": lambda events: events.particle("charge") != 0,
    "photon": lambda events: events.particle("charge") == 0,
    "signal": lambda events: events.from_candidate,
    "rest": lambda events: ~events.from_candidate,
}
"""Conditions on particles. Signal is what belongs to the candidate, the rest of event is what does not."""

IDENTIFICATION = ("electron", "muon", "pion", "kaon", "proton")
DIRECTION = ("direction_x", "direction_y", "direction_z")

FIVE_SETS: tuple[SetSpec, ...] = (
    SetSpec(
        "rest_tracks",
        ("px", "py", "pz", "charge", *IDENTIFICATION, "log_dr", "log_dz"),
        ("rest", "track"),
        cap=10,
    ),
    SetSpec("rest_photons", ("px", "py", "pz"), ("rest", "photon"), cap=20),
    SetSpec(
        "signal_tracks",
        (*DIRECTION, "charge", *IDENTIFICATION, "log_dr", "log_dz", "p_scale"),
        ("signal", "track"),
        cap=10,
    ),
    SetSpec("signal_photons", (*DIRECTION, "p_scale"), ("signal", "photon"), cap=20),
    SetSpec("candidate", (*DIRECTION, "thrust_x", "thrust_y", "thrust_z"), ("candidate",)),
)
"""The five sets of MultiDeepSets: the momenta of the rest of event, but directions and relative momenta
of the candidate's daughters, so that nothing can be learnt about its mass and energy."""

FRAME = ("frame_1", "frame_2", "frame_3")
FRAME_MOMENTUM = ("frame_px", "frame_py", "frame_pz")

FIVE_SETS_IN_FRAME: tuple[SetSpec, ...] = (
    *(
        SetSpec(
            spec.name,
            tuple(
                dict(zip((*DIRECTION, "px", "py", "pz"), (*FRAME, *FRAME_MOMENTUM), strict=True)).get(
                    name, name
                )
                for name in spec.features
            ),
            spec.members,
            spec.cap,
        )
        for spec in FIVE_SETS[:4]
    ),
    SetSpec("candidate", (*FIVE_SETS[4].features, *FRAME), ("candidate",)),
)
"""The same, with all vectors but the candidate's own in the frame of its thrust axis and the beam: what a
network would have to find out first, how the rest of event lies to the candidate, is a coordinate."""

ALL_PARTICLES: tuple[SetSpec, ...] = (
    SetSpec(
        "particles",
        (*DIRECTION, "log_momentum", "from_candidate", "charge", *IDENTIFICATION, "log_dr", "log_dz"),
    ),
)
"""One set of all particles, with the same restraint."""


@dataclass(frozen=True, eq=False)
class SetTable:
    """The members of one set, event by event: daughters of the candidate first, by falling momentum.

    Parameters
    ----------
    features
        Float32, shape ``(n_members, n_features)``.
    offsets
        Int64, shape ``(n_events + 1,)``: event ``i`` owns members ``offsets[i]:offsets[i + 1]``.
    """

    features: NDArray[np.float32]
    offsets: NDArray[np.int64]


def set_tables(sets: ParticleSets, specs: Iterable[SetSpec]) -> list[SetTable]:
    """The sets of each event.

    Parameters
    ----------
    sets
        Events with a candidate, see :class:`CandidateEvents`.
    specs
        Which sets.

    Raises
    ------
    InputError
        For a feature or condition that is neither known nor a column.
    """
    events = CandidateEvents(sets)
    return [_table(events, spec) for spec in specs]


def _table(events: CandidateEvents, spec: SetSpec) -> SetTable:
    if spec.of_candidate:
        columns = [_derived(CANDIDATE_FEATURES, events.event, events, name) for name in spec.features]
        return SetTable(_matrix(columns), np.arange(len(events.sets) + 1, dtype=np.int64))
    chosen = np.ones(len(events.event_of_particle), dtype=bool)
    for name in spec.members:
        chosen &= CONDITIONS[name](events) if name in CONDITIONS else events.particle(name) != 0
    members = np.flatnonzero(chosen)
    event = events.event_of_particle[members]
    # the candidate's daughters first: their place must not depend on how fast it is
    order = np.lexsort((-events.momentum[members], ~events.from_candidate[members], event))
    members, event = members[order], event[order]
    counts = np.bincount(event, minlength=len(events.sets))
    if spec.cap is not None:
        begin = np.cumsum(counts) - counts
        members = members[np.arange(len(members)) - begin[event] < spec.cap]
        counts = np.minimum(counts, spec.cap)
    columns = [_derived(FEATURES, events.particle, events, name)[members] for name in spec.features]
    return SetTable(_matrix(columns), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))


def _derived(
    known: Mapping[str, Callable[[CandidateEvents], Array]],
    column: Callable[[str], Array],
    events: CandidateEvents,
    name: str,
) -> Array:
    return known[name](events) if name in known else column(name)


def _matrix(columns: list[Array]) -> NDArray[np.float32]:
    return np.stack(columns, axis=1).astype(np.float32)
