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
from hepsets.select.variables.event_shape import thrust
from hepsets.select.variables.own_frames import own_frame_momenta

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
        candidate before all others; ``None`` keeps all. Momenta are those of the own frames if any
        feature is (``own_*``, ``log_own_*``), else of the collision.

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

    @property
    def in_own_frames(self) -> bool:
        """Whether momenta are seen in the own frames of candidate and rest of event."""
        return any(name.startswith(("own_", "log_own_")) for name in self.features)


class CandidateEvents:
    """What is derived of events with a candidate, each quantity worked out once.

    Parameters
    ----------
    sets
        Particle columns ``px py pz`` [GeV, centre-of-mass frame], ``charge`` and
        ``from_candidate``, and whatever else the features ask for; those of the own frames ask for
        ``energy`` [GeV].
    """

    def __init__(self, sets: ParticleSets) -> None:
        self.sets = sets
        self.event_of_particle = sets.event_of_particle

    def particle(self, name: str) -> Array:
        """A particle column, float64, shape ``(n_particles,)``.

        Raises
        ------
        InputError
            If there is none.
        """
        if name not in self.sets.particles:
            raise InputError(
                f"no particle column {name!r} in {list(self.sets.particles)}",
                f"such a column, or one of the features {list(FEATURES)}",
            )
        return np.asarray(self.sets.particles[name], dtype=np.float64)

    def event(self, name: str) -> Array:
        """An event column, float64, shape ``(n_events,)``.

        Raises
        ------
        InputError
            If there is none.
        """
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

        0 for particles that do not belong to the candidate. Together with :attr:`directions` it tells
        the candidate's momentum, and so its mass: of the sum of the daughters' momenta over the sum of
        their sizes the unit drops out.
        """
        return np.where(self.from_candidate, self._over_fastest(self.momentum), 0.0)

    def _over_fastest(self, momentum: Array) -> Array:
        """Sizes of momenta in units of that of the candidate's fastest daughter."""
        own = self.from_candidate
        largest = np.zeros(len(self.sets))
        np.maximum.at(largest, self.event_of_particle[own], momentum[own])
        return np.asarray(momentum / np.where(largest > 0, largest, 1.0)[self.event_of_particle])

    @cached_property
    def own_momenta(self) -> Array:
        """Momenta in the own frames of candidate and rest of event [GeV], shape ``(n_particles, 3)``.

        See :mod:`hepsets.select.variables.own_frames`.
        """
        four = own_frame_momenta(
            self.momenta, self.particle("energy"), self.from_candidate, self.sets.offsets
        )
        return four[:, :3]

    @cached_property
    def own_directions(self) -> Array:
        """Unit vectors of :attr:`own_momenta`; the null vector for a particle at rest."""
        return _unit(self.own_momenta)

    @cached_property
    def own_momentum(self) -> Array:
        """Sizes of :attr:`own_momenta`, shape ``(n_particles,)``.

        In units of the fastest one for the candidate's daughters, so that they tell neither its
        momentum nor its energy; in GeV for all others.
        """
        size = np.linalg.norm(self.own_momenta, axis=1)
        return np.where(self.from_candidate, self._over_fastest(size), size)

    @cached_property
    def thrust_axis(self) -> Array:
        """Thrust axis of the candidate's daughters, shape ``(n_events, 3)``, with z ≥ 0."""
        return self._thrust_axis(self.momenta)

    @cached_property
    def own_thrust_axis(self) -> Array:
        """The same of their momenta in the candidate's rest frame; the direction of a single daughter."""
        axis = self._thrust_axis(self.own_momenta)
        at_rest = ~axis.any(axis=1)
        axis[at_rest] = self.thrust_axis[at_rest]
        return axis

    def _thrust_axis(self, momenta: Array) -> Array:
        own = self.sets.select_particles(self.from_candidate)
        return thrust(momenta[self.from_candidate], own.offsets).axis

    @cached_property
    def axes(self) -> Array:
        """The candidate's own axes as rows, shape ``(n_events, 3, 3)``.

        The third is the thrust axis of its daughters in its rest frame, the first lies in the plane of it
        and the beam (z), on the side of the beam. Without a thrust axis, or along the beam, x and y
        take their places. (With the thrust axis of the collision's frame the aberration of the
        daughters against it would tell how fast the candidate is.)
        """
        third = self.own_thrust_axis.copy()
        third[(third == 0).all(axis=1)] = (0.0, 0.0, 1.0)
        first = np.array([0.0, 0.0, 1.0]) - third * third[:, 2:]
        first[np.linalg.norm(first, axis=1) < 1e-9] = (1.0, 0.0, 0.0)
        first = _unit(first)
        return np.stack([first, np.cross(third, first), third], axis=1)

    @cached_property
    def axis_directions(self) -> Array:
        """:attr:`own_directions` along the candidate's own axes, shape ``(n_particles, 3)``."""
        return np.asarray(np.einsum("nij,nj->ni", self.axes[self.event_of_particle], self.own_directions))

    @cached_property
    def candidate_direction(self) -> Array:
        """Unit vectors of the candidates' momenta, shape ``(n_events, 3)``."""
        return _unit(np.stack([self.event(f"candidate_{name}") for name in ("px", "py", "pz")], axis=1))

    @cached_property
    def candidate_axis_direction(self) -> Array:
        """:attr:`candidate_direction` along the candidate's own axes, shape ``(n_events, 3)``."""
        return np.asarray(np.einsum("nij,nj->ni", self.axes, self.candidate_direction))

    @cached_property
    def flavour(self) -> Array:
        r"""Sign that says which B the candidate is, as far as its daughters tell; shape ``(n_events,)``.

        The candidate's charge; for a neutral one the sign of :math:`\sum q P_K` (kaons of
        b → c → s); where that is 0, the charge of the charged daughter that is fastest in the candidate's
        rest frame; 0 if there is none, or two of opposite charge are.
        """
        charged = self.from_candidate & (self.particle("charge") != 0)
        event, charge = self.event_of_particle[charged], self.particle("charge")[charged]
        kaons = np.bincount(event, charge * self.particle("kaon")[charged], minlength=len(self.sets))
        momentum, largest = self.own_momentum[charged], np.zeros(len(self.sets))
        np.maximum.at(largest, event, momentum)
        first = momentum >= (1 - 1e-6) * largest[event]  # two daughters are equally fast, but for rounding
        fastest = np.bincount(event[first], charge[first], minlength=len(self.sets))
        sign: Array = np.sign(self.event("candidate_charge"))
        sign = np.where(sign != 0, sign, np.sign(kaons))
        return np.asarray(np.where(sign != 0, sign, np.sign(fastest)))


def _unit(vectors: Array) -> Array:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0))


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
    "log_momentum": lambda events: np.log(np.maximum(events.momentum, 1e-3)),
    "own_x": partial(_component, vectors="own_directions", axis=0),
    "own_y": partial(_component, vectors="own_directions", axis=1),
    "own_z": partial(_component, vectors="own_directions", axis=2),
    "own_1": partial(_component, vectors="axis_directions", axis=0),
    "own_2": partial(_component, vectors="axis_directions", axis=1),
    "own_3": partial(_component, vectors="axis_directions", axis=2),
    "own_momentum": lambda events: events.own_momentum,
    "log_own_momentum": lambda events: np.log(np.maximum(events.own_momentum, 1e-3)),
    "own_p1": lambda events: events.own_momentum * events.axis_directions[:, 0],
    "own_p2": lambda events: events.own_momentum * events.axis_directions[:, 1],
    "own_p3": lambda events: events.own_momentum * events.axis_directions[:, 2],
    "flavour_charge": lambda events: events.particle("charge") * events.flavour[events.event_of_particle],
    "log_dr": partial(_signed_log, name="dr", unit=2e-3),
    "log_dz": partial(_signed_log, name="dz", unit=2e-3),
}
"""Features that are worked out from particle columns.

Of the collision's frame: ``direction_*`` is the momentum's unit vector, ``momentum`` its size [GeV],
``log_momentum`` its logarithm, ``p_scale`` in units of the candidate's fastest daughter. ``own_*`` are of
the own frames of candidate and rest of event (:mod:`hepsets.select.variables.own_frames`): unit vectors
along the collision's axes (``own_x own_y own_z``) and along the candidate's (``own_1 own_2 own_3``,
:attr:`CandidateEvents.axes`); ``own_momentum`` in units of the fastest one for the candidate's daughters
and in GeV for all others, its logarithm ``log_own_momentum``, and ``own_p*``, its components along the
candidate's axes. ``flavour_charge`` is the charge times :attr:`CandidateEvents.flavour`; ``log_dr`` and
``log_dz`` are sign(d) ln(1 + |d| / 20 µm)."""

CANDIDATE_FEATURES: Mapping[str, Callable[[CandidateEvents], Array]] = {
    "direction_x": partial(_component, vectors="candidate_direction", axis=0),
    "direction_y": partial(_component, vectors="candidate_direction", axis=1),
    "direction_z": partial(_component, vectors="candidate_direction", axis=2),
    "thrust_x": partial(_component, vectors="thrust_axis", axis=0),
    "thrust_y": partial(_component, vectors="thrust_axis", axis=1),
    "thrust_z": partial(_component, vectors="thrust_axis", axis=2),
    "own_thrust_x": partial(_component, vectors="own_thrust_axis", axis=0),
    "own_thrust_y": partial(_component, vectors="own_thrust_axis", axis=1),
    "own_thrust_z": partial(_component, vectors="own_thrust_axis", axis=2),
    "own_1": partial(_component, vectors="candidate_axis_direction", axis=0),
    "own_2": partial(_component, vectors="candidate_axis_direction", axis=1),
    "own_3": partial(_component, vectors="candidate_axis_direction", axis=2),
}
"""Features of the candidate itself: the direction of its momentum, its daughters' thrust axis in the
collision's frame and in its rest frame, and the direction along the candidate's own axes."""

CONDITIONS: Mapping[str, Callable[[CandidateEvents], NDArray[np.bool_]]] = {
    "track": lambda events: events.particle("charge") != 0,
    "photon": lambda events: events.particle("charge") == 0,
    "signal": lambda events: events.from_candidate,
    "rest": lambda events: ~events.from_candidate,
}
"""Conditions on particles. Signal is what belongs to the candidate, the rest of event is what does not."""

IDENTIFICATION = ("electron", "muon", "pion", "kaon", "proton")
DIRECTION = ("direction_x", "direction_y", "direction_z")

OWN = ("own_x", "own_y", "own_z")
OWN_AXES = ("own_1", "own_2", "own_3")
OWN_MOMENTUM = ("own_p1", "own_p2", "own_p3")
OWN_THRUST = ("own_thrust_x", "own_thrust_y", "own_thrust_z")

_TRACK = ("charge", *IDENTIFICATION, "log_dr", "log_dz")

FIVE_SETS_PUBLISHED: tuple[SetSpec, ...] = (
    SetSpec("rest_tracks", ("px", "py", "pz", *_TRACK), ("rest", "track"), cap=10),
    SetSpec("rest_photons", ("px", "py", "pz"), ("rest", "photon"), cap=20),
    SetSpec("signal_tracks", (*DIRECTION, *_TRACK, "p_scale"), ("signal", "track"), cap=10),
    SetSpec("signal_photons", (*DIRECTION, "p_scale"), ("signal", "photon"), cap=20),
    SetSpec("candidate", (*DIRECTION, "thrust_x", "thrust_y", "thrust_z"), ("candidate",)),
)
"""The five sets of MultiDeepSets as published, in the collision's frame. They tell the candidate's momentum,
and so Mbc: directions and relative momenta of its daughters do (:attr:`CandidateEvents.p_scale`)."""

FIVE_SETS: tuple[SetSpec, ...] = (
    SetSpec("rest_tracks", (*OWN_MOMENTUM, *_TRACK), ("rest", "track"), cap=10),
    SetSpec("rest_photons", OWN_MOMENTUM, ("rest", "photon"), cap=20),
    SetSpec("signal_tracks", (*OWN_AXES, *_TRACK, "own_momentum"), ("signal", "track"), cap=10),
    SetSpec("signal_photons", (*OWN_AXES, "own_momentum"), ("signal", "photon"), cap=20),
    SetSpec("candidate", (*DIRECTION, *OWN_THRUST, *OWN_AXES), ("candidate",)),
)
"""The five sets with candidate and rest of event in their own frames, so that Mbc is not in them, and along
the candidate's own axes: what a network would have to find out first, how the rest of event lies to
the candidate, is a coordinate."""

ALL_PARTICLES: tuple[SetSpec, ...] = (
    SetSpec("particles", (*OWN, "log_own_momentum", "from_candidate", *_TRACK)),
)
"""One set of all particles, in their own frames."""


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
    keys = [-events.momentum[members], ~events.from_candidate[members], event]
    if spec.in_own_frames:  # of two daughters that are equally fast but for rounding, the order is fixed, too
        keys.insert(1, -events.own_momentum[members].astype(np.float32))
    order = np.lexsort(keys)
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
