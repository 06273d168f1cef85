"""What a filter must know besides its network: training domain, keep rules, retention, names.

A card is written when a model is judged and lies beside it as ``NAME.card.json``; the export puts it
into the ONNX file. Only numpy is needed to read one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.record import checksum_of_file, parse, sealed, unsealed
from hepsets.core.whole_file import whole_file
from hepsets.evaluate.filter.keep_rule import KeepRule, LogisticRule, ProtectedRule
from hepsets.select.variables.generated import truth_observable

SCHEMA = "hepsets-filter-3"
"""Version of the card's schema that is written."""

READABLE = (SCHEMA, "hepsets-filter-2")
"""Versions that are read; a reader refuses any other. The second had no protected rules."""

RARE = 1e-4
"""Share of training events that a range or a root may miss: a few broken events must not widen the domain."""

LEAST_MARGIN = 0.01
"""By how much the total momentum may at least miss the training's range [GeV]."""

FARTHEST = 1e4
"""Where a card says nothing of it: greatest distance of a production point from the origin [cm]; no
detector reaches further."""

LATEST = 1e4
"""Likewise the latest production time [ns]."""

MOMENTUM = ("px", "py", "pz", "energy")

OWN_FILES = "own files"
"""The sample of a card, and of a run, that was trained on files of the user's."""


@dataclass(frozen=True)
class TrainingDomain:
    """Where the training events lie; what lies elsewhere the network has never seen.

    Parameters
    ----------
    pdg_ids
        All ids that occur in training, rising.
    roots
        Ids of the particles without mothers in training, rising: what the collisions made. Those of
        less than one event in 10 000 do not count.
    multiplicity
        Least and greatest number of particles.
    momentum
        Range of the total px, py, pz and energy of an event's roots [GeV]: the beams. What all but one
        event in 10 000 reach at either end, and a tenth of that range more, at least 10 MeV.
    distance, time
        How far from the origin [cm], and how late [ns], a particle may be made: twice what all but one
        event in 10 000 reach.
    """

    pdg_ids: tuple[int, ...]
    roots: tuple[int, ...]
    multiplicity: tuple[int, int]
    momentum: tuple[tuple[float, float], ...]
    distance: float = FARTHEST
    time: float = LATEST

    @classmethod
    def of(cls, events: Events) -> TrainingDomain:
        """The domain of training events."""
        total = total_momentum(events)
        pdg = events.particles["pdg"]
        roots = places_of_roots(events)
        pairs = np.unique(np.stack([pdg[roots], events.event_of_particle[roots]]), axis=1)
        ids, holding = np.unique(pairs[0], return_counts=True)
        low, high = np.quantile(total, [RARE, 1 - RARE], axis=0)
        margin = np.maximum((high - low) / 10, LEAST_MARGIN)
        return cls(
            tuple(int(i) for i in np.unique(pdg)),
            tuple(int(i) for i in ids[holding >= RARE * len(events)]),
            (int(events.multiplicity.min()), int(events.multiplicity.max())),
            tuple((float(a), float(b)) for a, b in zip(low - margin, high + margin, strict=True)),
            *(2 * float(np.quantile(reach, 1 - RARE)) for reach in reaches(events)),
        )


@dataclass(frozen=True)
class SkimCard:
    """One skim: which events pass it and with which probability to keep them.

    Parameters
    ----------
    name
        Name of the skim.
    rule, logistic
        Keep probabilities of importance sampling, chosen on validation events.
    threshold
        Score of greatest speedup, chosen on validation events.
    protected
        Keep probabilities that leave one effective fraction in all bins of an observable, one rule for
        each observable that can be protected.
    """

    name: str
    rule: KeepRule
    logistic: LogisticRule
    threshold: float
    protected: tuple[ProtectedRule, ...] = ()

    def protecting(self, observable: str) -> ProtectedRule:
        """The rule that protects an observable.

        Raises
        ------
        InputError
            If there is none.
        """
        for rule in self.protected:
            if rule.observable == observable:
                return rule
        there = ", ".join(rule.observable for rule in self.protected)
        raise InputError(
            f"the skim {self.name} without a rule that protects {observable!r}",
            f"one of {there}" if there else "no protection: this filter offers none",
            "repeat the run that it came from with the observable in protect",
        )


@dataclass(frozen=True)
class FilterCard:
    """All that a filter must know besides its network.

    Parameters
    ----------
    model
        Name of the model.
    sample
        What was trained on, for example ``"mixed"``.
    skims
        One entry for each output of the network, in order.
    domain
        Where the training events lie.
    event_types
        Types of events that the network can be told, in the order of their numbers from 1.
    version
        Of hepsets that wrote it.
    model_sha256
        Checksum of the model's file beside which it was saved; empty if there was none, and in cards of
        earlier versions.
    """

    model: str
    sample: str
    skims: tuple[SkimCard, ...]
    domain: TrainingDomain
    event_types: tuple[str, ...] = ()
    version: str = dataclasses.field(default_factory=lambda: version("hepsets"))
    model_sha256: str = ""

    @property
    def identity(self) -> int:
        """64 bits of the names and rules: they keep the random numbers of different filters apart."""
        rules = [(skim.name, skim.threshold, *dataclasses.astuple(skim.rule)) for skim in self.skims]
        text = repr((self.model, self.sample, rules))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")

    def with_skim(self, skim: SkimCard) -> FilterCard:
        """The card of the same filter with one more head, see
        :func:`hepsets.learn.decay_trees.new_head.add_head`.

        Raises
        ------
        InputError
            If it has a skim of that name already.
        """
        names = [one.name for one in self.skims]
        if skim.name in names:
            raise InputError(f"a second skim {skim.name!r}", f"a name besides {', '.join(names)}")
        return dataclasses.replace(self, skims=(*self.skims, skim), model_sha256="")

    def to_json(self) -> str:
        """The card as JSON, with the version of its schema."""
        return json.dumps(sealed({"schema": SCHEMA, **dataclasses.asdict(self)}))

    @classmethod
    def from_json(cls, text: str, source: str) -> FilterCard:
        """Read what :meth:`to_json` wrote; ``source`` names the file in errors.

        Raises
        ------
        InputError
            If it is damaged, of another schema, or its numbers are out of their ranges.
        """
        try:
            content = parse(text)
            schema = content.get("schema") if isinstance(content, dict) else None
            if schema not in READABLE:
                raise InputError(
                    f"{source} has a filter card of schema {schema!r}",
                    " or ".join(READABLE),
                    "repeat the run that it came from, and the export, with this version of hepsets",
                )
            card = _card(unsealed(content, f"the filter card of {source}"))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"{source} has a damaged filter card ({type(error).__name__}: {error})",
                "what hepsets export wrote",
            ) from error
        return card


def make_card(
    model: str,
    training: Events,
    *,
    sample: str,
    skim: str,
    rule: KeepRule,
    logistic: LogisticRule,
    threshold: float,
    protected: tuple[ProtectedRule, ...] = (),
) -> FilterCard:
    """The card of a model with one skim; see :class:`FilterCard` and :class:`SkimCard`."""
    return FilterCard(
        model, sample, (SkimCard(skim, rule, logistic, threshold, protected),), TrainingDomain.of(training)
    )


def save_card(card: FilterCard, path: str | Path) -> None:
    """Write a card, whole or not at all, with the checksum of the model that lies beside it, if one does.

    Keep rules and thresholds hold for the weights that they were chosen with alone: those of another
    training of the same model would keep other events, at the same speedup on paper.
    """
    path = Path(path)
    model = path.with_name(path.name.removesuffix(".card.json") + ".safetensors")
    if model.is_file():
        card = dataclasses.replace(card, model_sha256=checksum_of_file(model))
    with whole_file(path) as partial:
        partial.write_text(card.to_json() + "\n")


def load_card(path: str | Path) -> FilterCard:
    """Read a card that :func:`save_card` wrote.

    Raises
    ------
    InputError
        If there is none or it is damaged.
    """
    path = Path(path)
    try:
        text = path.read_text()
    except (OSError, ValueError) as error:
        raise InputError(
            f"no filter card {path}",
            "the card that a run writes beside each model",
            "run the analysis again with this version of hepsets",
        ) from error
    return FilterCard.from_json(text, str(path))


def places_of_roots(events: Events) -> NDArray[np.int64]:
    """Places of the particles without mothers among all particles, shape ``(n_roots,)``."""
    return np.flatnonzero(events.mothers == np.arange(events.n_particles))


def total_momentum(events: Events) -> NDArray[np.float64]:
    """Total px, py, pz and energy of the roots of each event [GeV], shape ``(n_events, 4)``."""
    roots = places_of_roots(events)
    event = events.event_of_particle[roots]
    return np.stack(
        [np.bincount(event, events.particles[name][roots], len(events)) for name in MOMENTUM], axis=1
    )


def reaches(events: Events) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Per event the greatest distance of a production point from the origin [cm] and latest time [ns].

    Both have shape ``(n_events,)`` and are 0 for an event without particles.
    """
    x, y, z, time = (events.particles[name].astype(np.float64) for name in ("x", "y", "z", "prod_time"))
    return largest(np.sqrt(x**2 + y**2 + z**2), events), largest(np.abs(time), events)


def largest(values: NDArray[np.float64], events: Events) -> NDArray[np.float64]:
    """The greatest of the particles' values in each event, shape ``(n_events,)``.

    NaN if one of ``values``, shape ``(n_particles,)``, is; 0 without particles.
    """
    found = np.zeros(len(events))
    holding = np.flatnonzero(events.multiplicity)
    if len(holding):
        found[holding] = np.maximum.reduceat(values, events.offsets[holding])
    return found


# -- inside ----------------------------------------------------------------------------------------


def _card(content: dict[str, Any]) -> FilterCard:
    domain = content.pop("domain")
    low, high = (int(n) for n in domain["multiplicity"])
    momentum = tuple((float(a), float(b)) for a, b in domain["momentum"])
    if len(momentum) != len(MOMENTUM):
        raise ValueError(f"{len(momentum)} momentum ranges")
    skims = tuple(
        SkimCard(
            str(skim["name"]),
            KeepRule(**{key: float(value) for key, value in skim["rule"].items()}),
            LogisticRule(**{key: float(value) for key, value in skim["logistic"].items()}),
            float(skim["threshold"]),
            tuple(_protected(rule) for rule in skim.get("protected", ())),
        )
        for skim in content.pop("skims")
    )
    for skim in skims:
        _check(skim)
    if not skims or len({skim.name for skim in skims}) != len(skims):
        raise ValueError(f"skims {[skim.name for skim in skims]}")
    ids, roots = (tuple(sorted(int(i) for i in domain[name])) for name in ("pdg_ids", "roots"))
    names = {name: str(content[name]) for name in ("model", "sample", "version")}
    types = tuple(str(name) for name in content.get("event_types", ()))
    reach = float(domain.get("distance", FARTHEST)), float(domain.get("time", LATEST))
    return FilterCard(
        **names,
        skims=skims,
        domain=TrainingDomain(ids, roots, (low, high), momentum, *reach),
        event_types=types,
        model_sha256=str(content.get("model_sha256", "")),
    )


def _protected(content: dict[str, Any]) -> ProtectedRule:
    edges, scales = (tuple(float(x) for x in content.pop(name)) for name in ("edges", "scales"))
    observable = str(content.pop("observable"))
    truth_observable(observable)
    rule = ProtectedRule(observable, edges, scales, **{key: float(value) for key, value in content.items()})
    fine = (
        len(scales) == len(edges) + 1
        and all(low < high for low, high in itertools.pairwise(edges))
        and min(*scales, rule.without) > 0
        and 0 < rule.floor <= 1
        and 0 < rule.trained < 1
        and 0 < rule.population < 1
        and np.isfinite([*edges, *scales, rule.without]).all()
    )
    if not fine:
        raise ValueError(f"impossible numbers in the rule that protects {observable}")
    return rule


def _check(skim: SkimCard) -> None:
    if not skim.name.isidentifier():
        raise ValueError(f"a skim named {skim.name!r}")
    if len({rule.observable for rule in skim.protected}) < len(skim.protected):
        raise ValueError(f"two rules for one observable of skim {skim.name}")
    rule = skim.rule
    fine = (
        rule.scale > 0
        and 0 < rule.floor <= 1
        and 0 < rule.trained < 1
        and 0 < rule.population < 1
        and 0 < skim.logistic.floor <= 1
        and np.isfinite([rule.scale, skim.logistic.offset, skim.threshold]).all()
    )
    if not fine:
        raise ValueError(f"impossible numbers for skim {skim.name}")
