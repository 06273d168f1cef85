"""The filter as a library: which generated events go on to the simulation, and with which weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.event_content import event_keys
from hepsets.core.event_random import uniforms
from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.core.screen import on_screen
from hepsets.deploy.filter.card import (
    MOMENTUM,
    FilterCard,
    SkimCard,
    largest,
    places_of_roots,
    reaches,
    total_momentum,
)
from hepsets.deploy.filter.shipped import SHIPPED, filter_file
from hepsets.deploy.onnx.runtime import OnnxModel
from hepsets.evaluate.filter.keep_rule import KeepRule, LogisticRule, ProtectedRule
from hepsets.select.variables.generated import Observable, truth_observable

Array = NDArray[np.float64]

Mode = Literal["importance", "threshold", "score"]
Form = Literal["root", "logistic"]

CARD = "hepsets.filter"
"""Key of the card among the metadata of the ONNX file."""

TRIAL = 0xF117E5
"""Keeps the filter's random numbers apart from those of the detector simulation of the same seed."""


NO_SCORE = 2.0
"""Stands for a score that is no number: outside [0, 1], and kept by any threshold."""

NOT_A_NUMBER = "a score that is not a number"

_ROUNDING = 1.001, 0.01
"""By which factor, and by how much more [GeV], one particle may exceed its event's energy."""


@dataclass(frozen=True)
class FilterSettings:
    """How to filter.

    Parameters
    ----------
    mode
        ``"importance"``: keep with a probability p and weight 1/p, unbiased; ``"threshold"``: keep
        from a score upwards, biased; ``"score"``: keep everything.
    form
        Of p: ``"root"``, proportional to √P(pass), or ``"logistic"``, as in Belle II's production.
    floor
        Least p, in (0, 1], for importance mode; by default what was best on validation events. An
        event that the network wrongly gives up gets the weight 1/floor if it is kept, so the floor
        bounds the weights.
    threshold
        Least score to keep, for threshold mode; by default what was best on validation events.
    seed
        Seed of the choice in importance mode.
    sample
        What all events are, such as ``"ccbar"``, for a filter that can be told. Without it the event
        column ``event_type`` says it of each event, as the number of its type in the card, from 1;
        0, or no such column, is unknown.
    protect
        Name of an observable of the generated event: the kept events shall be worth the same share of
        all passing ones in each of its bins, for which the card must hold a rule.

    Raises
    ------
    InputError
        For values out of their ranges, and for those that the mode does not use.
    """

    mode: Mode = "importance"
    form: Form = "root"
    floor: float | None = None
    threshold: float | None = None
    seed: int = 1
    sample: str | None = None
    protect: str | None = None

    def __post_init__(self) -> None:
        if self.protect is not None and (self.mode, self.form) != ("importance", "root"):
            raise InputError(
                f"protect {self.protect!r} in mode {self.mode} and form {self.form}",
                "mode importance and form root",
                "leave out one of the options",
            )
        for value, choices, name in ((self.mode, Mode, "mode"), (self.form, Form, "form")):
            if value not in get_args(choices):
                raise InputError(f"{name} {value!r}", f"one of {', '.join(get_args(choices))}")
        if self.floor is not None and not 0 < self.floor <= 1:
            raise InputError(f"floor {self.floor}", "a probability above 0 and not above 1")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise InputError(f"threshold {self.threshold}", "a score from 0 to 1")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed {self.seed}", "a number from 0 to 2^63 - 1")
        unused = {
            "threshold": self.threshold is not None and self.mode != "threshold",
            "floor": self.floor is not None and self.mode != "importance",
            f"form {self.form}": self.form != "root" and self.mode != "importance",
        }
        for name, given in unused.items():
            if given:
                raise InputError(
                    f"a {name} in mode {self.mode}, which uses none",
                    "options of that mode",
                    "leave it out, or choose another --mode",
                )


@dataclass(frozen=True, eq=False)
class Strange:
    """Which events lie outside the training domain, and why.

    Parameters
    ----------
    outside
        Shape ``(n_events,)``.
    reasons
        Events for each reason; an event may have several.
    unknown_ids
        Events that hold each id that training never saw.
    """

    outside: NDArray[np.bool_]
    reasons: Mapping[str, int]
    unknown_ids: Mapping[int, int]

    def with_reason(self, reason: str, which: NDArray[np.bool_]) -> Strange:
        """The same with further events outside, those where ``which``, shape ``(n_events,)``, is true."""
        if not which.any():
            return self
        return Strange(self.outside | which, {**self.reasons, reason: int(which.sum())}, self.unknown_ids)


@dataclass(frozen=True, eq=False)
class Decision:
    """What becomes of some events; arrays of shape ``(n_events, n_skims)``.

    Parameters
    ----------
    scores
        The network's probabilities to pass; :data:`NO_SCORE` where it found no number.
    probabilities
        With which probability the event was to be kept.
    weights
        1/p where the event is kept for the skim, else 0; 1 in threshold and score mode.
    strange
        Events outside the training domain; they are kept with p = 1.
    keys
        What their random numbers were drawn from, shape ``(n_events,)``: events of equal number and
        content have equal ones.
    """

    scores: Array
    probabilities: Array
    weights: Array
    strange: Strange
    keys: NDArray[np.int64]

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which events some skim wants, shape ``(n_events,)``."""
        return np.asarray((self.weights > 0).any(axis=1))


class Network(Protocol):
    """What gives the scores of a filter."""

    def score(self, events: Events) -> NDArray[np.float32]:
        """Probability to pass, shape ``(n_events,)`` or ``(n_events, n_skims)``."""


class EventFilter:
    """A trained filter: a network with its card; :meth:`load` gives one on ONNX Runtime.

    Parameters
    ----------
    model
        The network.
    card
        Its keep rules and its training domain.

    Examples
    --------
    ::

        keep = EventFilter.load("filter.onnx")  # or load(), or load("all_skims"): those of the package
        weights = keep.weights(events)        # (n_events, n_skims), 0: not sampled
    """

    def __init__(self, model: Network, card: FilterCard) -> None:
        self.model = model
        self.card = card

    def __repr__(self) -> str:
        """Its model, what that was trained on, and the skims that it serves."""
        skims = ", ".join(self.skims)
        trained = f"trained on {self.card.sample}"
        return on_screen((f"EventFilter: {self.card.model}, {trained}", f"{len(self.skims)} skims: {skims}"))

    @classmethod
    def load(cls, model: str | Path = SHIPPED[0], *, threads: int = 1) -> EventFilter:
        """Load a file that ``hepsets export`` wrote, or a shipped filter by its name.

        Raises
        ------
        InputError
            If it is no such file, is damaged, or reaches beyond itself (foreign operators, external
            data).
        """
        path = filter_file(model)
        network = OnnxModel(path, threads=threads)
        if CARD not in network.metadata:
            raise InputError(
                f"{path} is a model without keep rules", "a filter", "make it with hepsets export"
            )
        card = FilterCard.from_json(network.metadata[CARD], str(path))
        found = network.score(_nothing()).size
        if found != len(card.skims):
            raise InputError(
                f"{path} names {len(card.skims)} skims and scores {found}", "a score for each skim"
            )
        if network.takes_event_types != bool(card.event_types):
            raise InputError(
                f"{path} whose card and graph differ in event types", "what hepsets export wrote"
            )
        return cls(network, card)

    @property
    def skims(self) -> tuple[str, ...]:
        """Names of the skims, in the order of all columns."""
        return tuple(skim.name for skim in self.card.skims)

    def facts(self, settings: FilterSettings) -> dict[str, str]:
        """How it was trained and is set, for people; what holds for single skims is in :meth:`rules`."""
        facts = {
            "model": f"{self.card.model}, hepsets {self.card.version}",
            "trained on": self.card.sample,
            "mode": settings.mode,
            "seed": str(settings.seed),
        }
        if settings.protect is not None:
            facts["protected"] = settings.protect
        if self.card.event_types:
            facts["events are"] = settings.sample or "told by their column event_type, or unknown"
        return facts

    def rules(self, settings: FilterSettings) -> dict[str, str]:
        """Which events are kept for each skim, for people."""
        rules = {}
        for skim in self.card.skims:
            if settings.mode == "threshold":
                rules[skim.name] = f"score from {_threshold(skim, settings):.4g}"
            elif settings.mode == "score":
                rules[skim.name] = "all"
            else:
                rule = _rule(skim, settings)
                rules[skim.name] = f"p = {_shape(rule)}, from {rule.floor:.3g} to 1"
        return rules

    def saves_nothing(self, settings: FilterSettings | None = None, skims: Collection[str] = ()) -> str:
        """Why every event would be kept, as a sentence; empty if some are left out, or none shall be.

        Parameters
        ----------
        settings
            How to filter.
        skims
            Those that count, if not all.
        """
        settings = FilterSettings() if settings is None else settings
        cards = [skim for skim in self.card.skims if not skims or skim.name in skims]
        if settings.mode == "importance":
            keep_all = [skim.name for skim in cards if _rule(skim, settings).floor >= 1]
            what, given = "floor is 1", settings.floor
        elif settings.mode == "threshold":
            keep_all = [skim.name for skim in cards if _threshold(skim, settings) <= 0]
            what, given = "threshold is 0", settings.threshold
        else:
            return ""
        if not keep_all:
            return ""
        chosen = "the best on validation events" if given is None else "as set"
        name = what.split()[0]
        return (
            f"nothing is saved: for {', '.join(keep_all)} the {what} ({chosen}), so every event is kept with "
            f"weight 1; another {name} can be set"
        )

    def weights(
        self,
        events: Events,
        settings: FilterSettings | None = None,
        *,
        event_numbers: NDArray[np.integer[Any]] | None = None,
    ) -> Array:
        """Weights of events, shape ``(n_events, n_skims)``; 0 where an event is not kept for a skim.

        Parameters
        ----------
        events
            Valid events (see :meth:`hepsets.core.events.Events.validate`).
        settings
            Unbiased importance sampling with the recommended probabilities by default.
        event_numbers
            Numbers that, with the seed and the events' content, decide; 0, 1, … by default. Only
            events that are equal in number and content share their random number.
        """
        return self.decide(events, settings, event_numbers=event_numbers).weights

    def scores(self, events: Events) -> Array:
        """Probabilities to pass, shape ``(n_events, n_skims)``, at the training's share of passing events.

        Raises
        ------
        InputError
            For what is not generated events.
        """
        if not isinstance(events, Events):
            raise InputError(f"a {type(events).__name__} to score", "generated decay trees (Events)")
        return self.model.score(events).reshape(len(events), len(self.card.skims)).astype(np.float64)

    def decide(
        self,
        events: Events,
        settings: FilterSettings | None = None,
        *,
        event_numbers: NDArray[np.integer[Any]] | None = None,
    ) -> Decision:
        """Scores, keep probabilities and weights; see :meth:`weights`.

        Raises
        ------
        InputError
            For what is not generated events or settings, and unless there is one number for each event.
        """
        if not isinstance(events, Events):
            raise InputError(f"a {type(events).__name__} to filter", "generated decay trees (Events)")
        settings = FilterSettings() if settings is None else settings
        if not isinstance(settings, FilterSettings):
            raise InputError(f"settings of type {type(settings).__name__}", "FilterSettings")
        numbers = np.arange(len(events)) if event_numbers is None else np.asarray(event_numbers)
        if numbers.shape != (len(events),) or (numbers.size and numbers.dtype.kind not in "iu"):
            raise InputError(
                f"event numbers of shape {numbers.shape} and type {numbers.dtype}",
                f"integers of shape ({len(events)},)",
            )
        keys = event_keys(events, numbers)
        scores = self.scores(self._told(events, settings.sample))
        strange = self.strange(events)
        protect = None if settings.protect is None else _observed(settings.protect, events)
        p = np.stack(
            [
                _probabilities(skim, score, settings, protect)
                for skim, score in zip(self.card.skims, scores.T, strict=True)
            ],
            axis=1,
        )
        strange = strange.with_reason(NOT_A_NUMBER, np.asarray(~np.isfinite(scores + p).all(axis=1)))
        scores[~np.isfinite(scores)] = NO_SCORE
        p[strange.outside] = 1.0
        # the same number for all skims: an event kept for one is likely kept for the others
        random = uniforms(settings.seed, keys, TRIAL ^ self.card.identity)[:, None]
        weights = np.where(random < p, 1 / np.where(p > 0, p, 1.0), 0.0)
        return Decision(scores, p, weights, strange, keys)

    def _told(self, events: Events, sample: str | None) -> Events:
        """The events with their types checked, all of one type if a sample is named."""
        types = self.card.event_types
        if sample is not None:
            if sample not in (types or (self.card.sample,)):
                raise InputError(
                    f"events of the sample {sample!r}", f"one of {', '.join(types or (self.card.sample,))}"
                )
            if types:
                return events.with_columns(event_type=np.full(len(events), types.index(sample) + 1))
        if types and "event_type" in events.columns:
            column = events.columns["event_type"]
            if (
                column.ndim != 1
                or column.dtype.kind not in "iu"
                or not np.isin(column, range(len(types) + 1)).all()
            ):
                raise InputError(
                    f"an event column event_type of {column.dtype} with other values than 0 to {len(types)}",
                    "0 (unknown), " + ", ".join(f"{i} ({name})" for i, name in enumerate(types, 1)),
                )
        return events

    def strange(self, events: Events) -> Strange:
        """Which events lie outside the training domain."""
        domain = self.card.domain
        low, high = domain.multiplicity
        total = total_momentum(events)
        lowest, highest = np.array(domain.momentum).T
        distance, latest = reaches(events)
        unknown = _not_among(self._ids, events.particles["pdg"])
        event = events.event_of_particle
        roots = places_of_roots(events)
        strange_roots = roots[_not_among(self._roots, events.particles["pdg"][roots])]
        reasons = {
            "a particle that training never saw": np.bincount(event[unknown], minlength=len(events)) > 0,
            "roots that training never had": np.bincount(event[strange_roots], minlength=len(events)) > 0,
            f"fewer than {low} or more than {high} particles": (events.multiplicity < low)
            | (events.multiplicity > high),
            # what is no number is outside, too
            "another beam energy or momentum": ~((total >= lowest) & (total <= highest)).all(axis=1),
            "a particle with more energy or momentum than the event": self._too_much(events, total),
            "a particle made too far away or too late": ~(
                (distance <= domain.distance) & (latest <= domain.time)
            ),
        }
        pairs = np.unique(np.stack([events.particles["pdg"][unknown], event[unknown]]), axis=1)
        return Strange(
            np.logical_or.reduce(list(reasons.values())),
            {reason: int(which.sum()) for reason, which in reasons.items() if which.any()},
            Counter(int(pdg) for pdg in pairs[0]),
        )

    @staticmethod
    def _too_much(events: Events, total: Array) -> NDArray[np.bool_]:
        """Whether a particle has more energy, or a momentum component, than the event's roots together."""
        factor, more = _ROUNDING
        sizes = [np.abs(events.particles[name]) for name in MOMENTUM]
        size = largest(np.maximum.reduce(sizes).astype(np.float64), events)
        return np.asarray(~(size <= factor * np.abs(total[:, 3]) + more))

    @cached_property
    def _ids(self) -> NDArray[np.int64]:
        return np.asarray(self.card.domain.pdg_ids, dtype=np.int64)

    @cached_property
    def _roots(self) -> NDArray[np.int64]:
        return np.asarray(self.card.domain.roots, dtype=np.int64)


# -- inside ----------------------------------------------------------------------------------------


def _probabilities(
    skim: SkimCard, scores: Array, settings: FilterSettings, protect: Observable | None
) -> Array:
    if settings.mode == "score":
        return np.ones_like(scores)
    if settings.mode == "threshold":
        return (scores >= _threshold(skim, settings)).astype(np.float64)
    rule = _rule(skim, settings)
    if isinstance(rule, ProtectedRule):
        assert protect is not None
        return rule(scores, protect.values, protect.valid)
    return rule(scores)


def _rule(skim: SkimCard, settings: FilterSettings) -> KeepRule | LogisticRule | ProtectedRule:
    if settings.protect is not None:
        rule: KeepRule | LogisticRule | ProtectedRule = skim.protecting(settings.protect)
    else:
        rule = skim.rule if settings.form == "root" else skim.logistic
    return rule if settings.floor is None else replace(rule, floor=settings.floor)


def _threshold(skim: SkimCard, settings: FilterSettings) -> float:
    return skim.threshold if settings.threshold is None else settings.threshold


def _observed(name: str, events: Events) -> Observable:
    """An observable; numbers that overflow are those of events outside the training domain."""
    with np.errstate(over="ignore", invalid="ignore"):
        return truth_observable(name)(events)


def _shape(rule: KeepRule | LogisticRule | ProtectedRule) -> str:
    """The keep probability as a formula."""
    if isinstance(rule, KeepRule):
        return f"{rule.scale:.3g} √P(pass)"
    if isinstance(rule, LogisticRule):
        return f"σ(logit score {rule.offset:+.3g})"
    scales = rule.scales
    return f"a √P(pass) with a = {min(scales):.3g} to {max(scales):.3g} by {rule.observable}"


def _not_among(known: NDArray[np.int64], pdg: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Which ids are not among ``known``, rising ones; many times faster for one event than ``np.isin``."""
    if not len(known):
        return np.ones(len(pdg), dtype=bool)
    place = np.minimum(np.searchsorted(known, pdg), len(known) - 1)
    return np.asarray(known[place] != pdg)


def _nothing() -> Events:
    """One event without particles."""
    return Events({name: np.zeros(0, kind) for name, kind in PARTICLE_COLUMNS.items()}, np.zeros(2, np.int64))
