"""What a model loses when one of its inputs no longer belongs to the event: importance by permutation.

An input is exchanged between the events of the sample, signal and background alike, so that it keeps
its distribution and loses what it says about its event. The importance is the growth of the background
left at a signal efficiency, with the cut set anew: the ratio to the background left with the true input,
minus one. Inputs that carry the same information stand in for one another, so importances do not add up,
and a model that was trained without the input may lose less (Breiman, Mach. Learn. 45 (2001) 5,
section 10; Fisher, Rudin and Dominici, J. Mach. Learn. Res. 20 (2019) 177).

What an input is, is up to the functions that exchange it: a variable
(:func:`exchange_variable`); a whole set, which each event then has from one other event, as it stands
(:func:`exchange_set`); one feature of the members of a set, which then come from a set of as many
members in another event (:func:`exchange_feature`), so that the number of members, the order of the
feature's values within the set and all other features stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.evaluate.scores.background_at import BackgroundLeft, background_at, background_ratio
from hepsets.evaluate.scores.sample import Array
from hepsets.represent.particle_sets.data import PackedSet, SetData
from hepsets.represent.particle_sets.features import SetSpec

Events = TypeVar("Events")
Exchange: TypeAlias = Callable[[Events, np.random.Generator], Events]
"""Gives the same events with one input taken from other events, as the generator says."""


@dataclass(frozen=True)
class Importance:
    """Importance of one input.

    Parameters
    ----------
    name
        Of the input.
    background
        Background left without the input, mean over repetitions.
    increase
        Its ratio to the background left with all inputs, minus one. Both errors hold the sampling of
        events and of exchanges; that of ``increase`` knows that the events are the same.
    """

    name: str
    background: Measured
    increase: Measured


def permutation_importance(
    score: Callable[[Events], ArrayLike],
    events: Events,
    labels: ArrayLike,
    exchanges: Mapping[str, Exchange[Events]],
    weights: ArrayLike | None = None,
    *,
    signal_efficiency: float = 0.9,
    repeats: int = 5,
    seed: int = 0,
) -> list[Importance]:
    """Importance of each input of a model, in the order of ``exchanges``.

    Parameters
    ----------
    score
        Takes events, gives scores in [0, 1] of shape ``(n_events,)``.
    events
        The sample, of any type that ``score`` and the exchanges know.
    labels, weights
        Shape ``(n_events,)``: signal, and event weights.
    exchanges
        By the name of the input.
    signal_efficiency
        At which the background left is taken.
    repeats
        Exchanges per input.
    seed
        Of the exchanges; each input and repetition has random numbers of its own.

    Raises
    ------
    InputError
        As :func:`hepsets.evaluate.scores.background_at.background_at`; for fewer than one repetition, or if
        the model leaves no background.
    """
    if repeats < 1:
        raise InputError(f"{repeats} repetitions", "at least one")
    true = background_at(labels, score(events), weights, signal_efficiency)
    found = []
    for place, (name, exchange) in enumerate(exchanges.items()):
        without = _mean(
            [
                background_at(
                    labels,
                    score(exchange(events, np.random.default_rng([seed, place, repeat]))),
                    weights,
                    signal_efficiency,
                )
                for repeat in range(repeats)
            ]
        )
        ratio = background_ratio(without, true)
        found.append(
            Importance(
                name,
                without.background,
                Measured(ratio.value - 1, ratio.se),
            )
        )
    return found


def exchange_variable(name: str) -> Exchange[Mapping[str, Array]]:
    """Exchange a variable of events that are given as variables by name, each of shape ``(n_events,)``."""

    def exchange(events: Mapping[str, Array], random: np.random.Generator) -> Mapping[str, Array]:
        return {**events, name: random.permutation(events[name])}

    return exchange


def exchange_columns(names: Sequence[str]) -> Exchange[Any]:
    """Exchange event columns together, so that they still agree with each other; of tables
    ``with_columns``.
    """

    def exchange(events: Any, random: np.random.Generator) -> Any:
        order = random.permutation(len(events))
        return events.with_columns(**{name: events.columns[name][order] for name in names})

    return exchange


def exchange_column(column: int) -> Exchange[Array]:
    """Exchange a column of events that are given as a matrix ``(n_events, n_variables)``."""

    def exchange(events: Array, random: np.random.Generator) -> Array:
        exchanged = events.copy()
        exchanged[:, column] = random.permutation(events[:, column])
        return exchanged

    return exchange


def exchange_set(place: int) -> Exchange[SetData]:
    """Give each event the set number ``place`` of another event, as it stands."""

    def exchange(events: SetData, random: np.random.Generator) -> SetData:
        order = torch.from_numpy(random.permutation(len(events)))
        return _with_set(events, place, events.sets[place].choose(order))

    return exchange


def exchange_feature(place: int, columns: Sequence[int]) -> Exchange[SetData]:
    """Give the members of set number ``place`` some features of the members of an equally large set.

    The features stay together, and in the order of the set. A set whose size no other event has keeps
    its own.
    """

    def exchange(events: SetData, random: np.random.Generator) -> SetData:
        own = events.sets[place]
        other = own.choose(torch.from_numpy(_equally_large(own.offsets.numpy(), random)))
        features = own.features.clone()
        features[:, list(columns)] = other.features[:, list(columns)]
        return _with_set(events, place, replace(own, features=features))

    return exchange


def exchange_event_feature(column: int) -> Exchange[SetData]:
    """Exchange one of the numbers that describe the event as a whole."""

    def exchange(events: SetData, random: np.random.Generator) -> SetData:
        features = events.event_features.clone()
        features[:, column] = features[torch.from_numpy(random.permutation(len(events))), column]
        return replace(events, event_features=features)

    return exchange


FEATURE_GROUPS: Mapping[str, tuple[str, ...]] = {
    "momentum": ("px", "py", "pz"),
    "direction": ("direction_x", "direction_y", "direction_z"),
    "momentum in own frame": ("own_p1", "own_p2", "own_p3"),
    "direction in own frame": ("own_x", "own_y", "own_z"),
    "direction along own axes": ("own_1", "own_2", "own_3"),
    "thrust axis": ("thrust_x", "thrust_y", "thrust_z"),
    "thrust axis in own frame": ("own_thrust_x", "own_thrust_y", "own_thrust_z"),
    "identification": ("electron", "muon", "pion", "kaon", "proton"),
}
"""Features that are exchanged together, as any of them gives the others away."""


def set_exchanges(
    specs: Sequence[SetSpec], event_features: Sequence[str] = ()
) -> dict[str, dict[str, Exchange[SetData]]]:
    """The exchanges of a model of sets: ``"sets"`` as a whole, then by set the features within it.

    Parameters
    ----------
    specs
        The model's sets. Features of :data:`FEATURE_GROUPS` go together.
    event_features
        Names of its event features; if there are any, they come last, under ``"event"``.
    """
    exchanges: dict[str, dict[str, Exchange[SetData]]] = {
        "sets": {spec.name: exchange_set(place) for place, spec in enumerate(specs)}
    }
    group_of = {feature: group for group, features in FEATURE_GROUPS.items() for feature in features}
    for place, spec in enumerate(specs):
        columns: dict[str, list[int]] = {}
        for column, feature in enumerate(spec.features):
            columns.setdefault(group_of.get(feature, feature), []).append(column)
        exchanges[spec.name] = {name: exchange_feature(place, own) for name, own in columns.items()}
    if event_features:
        exchanges["event"] = {
            name: exchange_event_feature(column) for column, name in enumerate(event_features)
        }
    return exchanges


# -- inside ------------------------------------------------------------------------------------------


def _mean(repeated: Sequence[BackgroundLeft]) -> BackgroundLeft:
    """Mean over exchanges; the mean influences know how far these agree on each event."""
    influence = np.mean([one.influence for one in repeated], axis=0)
    background = float(np.mean([one.background.value for one in repeated]))
    # Wilson's term, which is not in the influences, in case that nothing is left
    se = float(np.sqrt(influence @ influence)) if background else repeated[0].background.se
    return BackgroundLeft(repeated[0].signal_efficiency, np.nan, Measured(background, se), influence)


def _equally_large(offsets: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """For each event one with as many members, at random: a permutation."""
    counts = np.diff(offsets)
    chosen = np.empty(len(counts), dtype=np.int64)
    chosen[np.argsort(counts, kind="stable")] = np.lexsort((random.random(len(counts)), counts))
    return chosen


def _with_set(events: SetData, place: int, one: PackedSet) -> SetData:
    return replace(events, sets=(*events.sets[:place], one, *events.sets[place + 1 :]))
