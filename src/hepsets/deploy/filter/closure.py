"""Does a filter close on a user's own sample: what it keeps, weighted, against all that passes there."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.events import Events, iter_parquet
from hepsets.core.parquet import open_parquet
from hepsets.core.progress import progress_bar
from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings
from hepsets.evaluate.filter.bias import WeightedBias, measure_weighted_bias
from hepsets.formats.recognise import Format, recognise
from hepsets.select.variables.generated import passing_observables

Array = NDArray[np.float64]

LEAST_PASSING = 100
"""Fewer passing events say nothing about a closure."""

LEAST_P = 0.01
"""Closure is denied where the smallest p-value, times the number of tests, is below."""

UNSEEN = "not tested: that the full sample itself is representative; what it lacks, both sides lack"
"""What no closure can see."""


@dataclass(frozen=True, eq=False)
class ObservableClosure:
    """One observable of the passing events of a skim.

    Parameters
    ----------
    bias
        Kept events with their weights against all, with pulls by bin.
    fraction
        What the kept events of each bin are worth, in parts of all passing ones, shape ``(n_bins,)``.
    """

    bias: WeightedBias
    fraction: Array


@dataclass(frozen=True, eq=False)
class SkimClosure:
    """What a filter does to one skim of a sample.

    Parameters
    ----------
    skim
        Its name.
    passing, kept
        Weight of the passing events, and of those that are kept, without the filter's weights.
    weighted, weighted_se
        Sum of weights of those that are kept, which should be ``passing``; what chance moves it by.
    fraction
        What the kept passing events are worth, in parts of all (harmonic mean of the keep probability).
    chosen
        How many passing events were kept with a weight above 1, or left out: only these test something.
    observables
        Each of them.
    """

    skim: str
    passing: float
    kept: float
    weighted: float
    weighted_se: float
    fraction: float
    chosen: int
    observables: tuple[ObservableClosure, ...]

    @property
    def pull(self) -> float:
        """Of the sum of weights."""
        return (self.weighted - self.passing) / self.weighted_se if self.weighted_se > 0 else 0.0

    @property
    def p_value(self) -> float:
        """The smallest of all tests, times their number, at most 1."""
        tests = [math.erfc(abs(self.pull) / math.sqrt(2)), *(one.bias.p_value for one in self.observables)]
        return min(1.0, len(tests) * min(tests))

    @property
    def tested(self) -> bool:
        """Whether there was anything to test: where all that pass have weight 1 any filter closes."""
        return self.chosen > 0

    @property
    def closes(self) -> bool:
        """Whether something was tested and nothing speaks against it."""
        return self.tested and self.p_value >= LEAST_P

    def lines(self) -> list[str]:
        """For people."""
        told = [
            f"{self.skim}: {self.passing:.6g} pass, {self.kept:.6g} of them are kept, with weights "
            f"{self.weighted:.6g} ± {self.weighted_se:.2g} (pull {self.pull:+.2f}); "
            f"worth {self.fraction:.3f} of all"
        ]
        if not self.tested:
            return [*told, "  NOTHING TESTED: every event that passes is kept with weight 1"]
        for one in self.observables:
            bias, low = one.bias, int(np.argmin(one.fraction))
            told.append(
                f"  {bias.observable}: p = {bias.p_value:.2g} (χ² {bias.chi2:.1f} / {bias.ndof}), pulls "
                f"{bias.pulls.min():+.1f} to {bias.pulls.max():+.1f}, worth {one.fraction.min():.3f} "
                f"(from {bias.edges[low]:.3g} to {bias.edges[low + 1]:.3g}) to {one.fraction.max():.3f}"
            )
        verdict = "closes" if self.closes else "DOES NOT CLOSE"
        tests = len(self.observables) + 1
        return [*told, f"  {verdict}: least p-value times the number of tests ({tests}) {self.p_value:.2g}"]


@dataclass(frozen=True, eq=False)
class Closure:
    """What :func:`check_filter` found: numbers of events, kept and outside the training domain, and skims;
    why all are kept, if the filter's rule says so; and which labels were taken for those of its skim, where
    the files have them of others.
    """

    events: int
    kept: int
    outside: int
    skims: tuple[SkimClosure, ...]
    saves_nothing: str = ""
    taken: str = ""

    @property
    def closes(self) -> bool:
        """Whether every skim does."""
        return all(skim.closes for skim in self.skims)

    @property
    def fails(self) -> bool:
        """Whether a skim was tested and does not close."""
        return any(skim.tested and not skim.closes for skim in self.skims)

    def lines(self) -> list[str]:
        """For people."""
        told = [
            f"{self.events} events, {self.kept} kept ({self.kept / self.events:.1%}), {self.outside} outside "
            f"the training domain ({self.outside / self.events:.2%}), which are kept"
        ]
        told += [f"warning: {text}" for text in (self.saves_nothing, self.taken) if text]
        told += [line for skim in self.skims for line in skim.lines()]
        return [*told, UNSEEN] if any(skim.tested for skim in self.skims) else told


def check_filter(
    event_filter: EventFilter, files: Sequence[Path], settings: FilterSettings | None = None
) -> Closure:
    """Compare what a filter keeps, weighted, with all events of a fully simulated sample that pass.

    Memory grows with the passing events alone.

    Parameters
    ----------
    event_filter
        The filter.
    files
        Parquet event tables in which no event was left out, or each has a ``weight`` for those that were:
        with the columns ``label_SKIM`` of the filter's skims, or ``label`` for a filter of one.
    settings
        How to filter; mode importance.

    Raises
    ------
    InputError
        For another mode, files without labels, files that a filter wrote, and fewer than
        :data:`LEAST_PASSING` passing events.
    """
    settings = settings or FilterSettings()
    if settings.mode != "importance":
        raise InputError(f"mode {settings.mode}", "importance, which alone has weights to check")
    found = [_Passing() for _ in event_filter.skims]
    events = kept = outside = 0
    taken = ""
    with progress_bar("checking the filter", len(files)) as advance:
        for path in files:
            _refuse_filtered(path)
            labels = _labels(path, event_filter.skims)
            with open_parquet(path) as file:
                there = file.schema_arrow.names
            known = [name for name in ("weight", "event_type") if name in there]
            others = [name for name in there if name.startswith("label_")]
            if labels == ["label"] and others:
                taken = f"label is taken for that of {event_filter.skims[0]}; {path} has {', '.join(others)}"
            for piece in iter_parquet(path, columns=[*dict.fromkeys(labels), *known]):
                numbers = events + np.arange(len(piece))
                decision = event_filter.decide(_bare(piece), settings, event_numbers=numbers)
                events, kept = events + len(piece), kept + int(decision.kept.sum())
                outside += int(decision.strange.outside.sum())
                for place, (label, one) in enumerate(zip(labels, found, strict=True)):
                    one.add(piece, label, decision.probabilities[:, place], decision.weights[:, place])
            advance(1)
    skims = tuple(one.closure(skim) for skim, one in zip(event_filter.skims, found, strict=True))
    return Closure(events, kept, outside, skims, event_filter.saves_nothing(settings), taken)


class _Passing:
    """The passing events of one skim, as they are read."""

    def __init__(self) -> None:
        self.columns: dict[str, list[Array]] = defaultdict(list)
        self.observables: dict[str, list[Array]] = defaultdict(list)
        self.valid: dict[str, list[NDArray[np.bool_]]] = defaultdict(list)

    def add(self, events: Events, label: str, keep: Array, weights: Array) -> None:
        passing = np.flatnonzero(events.columns[label] == 1)
        own = events.columns.get("weight", np.ones(len(events)))
        for name, column in (("keep", keep), ("filter", weights), ("own", np.asarray(own, np.float64))):
            self.columns[name].append(column[passing])
        for one in passing_observables(events[passing]):
            self.observables[one.name].append(one.values)
            self.valid[one.name].append(one.valid)

    def closure(self, skim: str) -> SkimClosure:
        columns = {name: np.concatenate(parts) for name, parts in self.columns.items()}
        keep, weights, own = columns["keep"], columns["filter"], columns["own"]
        if len(keep) < LEAST_PASSING:
            raise InputError(f"{len(keep)} events that pass {skim}", f"{LEAST_PASSING} or more")
        kept = weights > 0
        said = np.where(kept, 1 / np.where(kept, weights, 1.0), keep)  # what the weights claim
        told = []
        for name, parts in self.observables.items():
            values, valid = np.concatenate(parts), np.concatenate(self.valid[name])
            if not (valid & kept).any():
                continue
            bias = measure_weighted_bias(name, values, kept, said, own, valid=valid)
            told.append(
                ObservableClosure(bias, _fractions(values[valid], keep[valid], own[valid], bias.edges))
            )
        return SkimClosure(
            skim,
            float(own.sum()),
            float(own[kept].sum()),
            float((own * weights).sum()),
            float(np.sqrt((own**2 * (1 - keep) / keep).sum())),
            float(own.sum() / (own / keep).sum()),
            int((weights != 1).sum()),
            tuple(told),
        )


def _fractions(values: Array, keep: Array, own: Array, edges: Array) -> Array:
    """Harmonic means of the keep probability by bin; 1 where there is no event."""
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    total, inverse = (np.bincount(place, weight, len(edges) - 1) for weight in (own, own / keep))
    return np.divide(total, inverse, out=np.ones(len(total)), where=inverse > 0)


def _bare(events: Events) -> Events:
    """What a filter would see before there are labels and weights."""
    told = {name: column for name, column in events.columns.items() if name == "event_type"}
    return Events(events.particles, events.offsets, told)


def _refuse_filtered(path: Path) -> None:
    """Refuse what ``hepsets filter`` wrote: events are missing there, and weights make up for them."""
    if recognise(path) is Format.HEPMC3:
        return
    with open_parquet(path) as file:
        names = [name for name in file.schema_arrow.names if name.startswith("hepsets_")]
    written = [name for name in names if not name.startswith("hepsets_score_")]  # scores leave nothing out
    if written:
        raise InputError(
            f"{path}, which a filter wrote ({', '.join(written)})", "all events, as before the filter",
            "give the file that was filtered",
        )  # fmt: skip


def _labels(path: Path, skims: Sequence[str]) -> list[str]:
    """The column that says which events pass each skim."""
    if recognise(path) is Format.HEPMC3:
        raise InputError(
            f"{path}, which is HepMC and holds no labels", "parquet with a column label, 0 or 1",
            "hs.read reads it, hs.write(events.with_columns(label=…), FILE) writes it",
        )  # fmt: skip
    with open_parquet(path) as file:
        there = file.schema_arrow.names
    labels = [f"label_{skim}" for skim in skims]
    if len(skims) == 1 and labels[0] not in there:
        labels = ["label"]
    missing = [label for label in labels if label not in there]
    if missing:
        raise InputError(
            f"{path} without {', '.join(missing)}", "which events pass, 0 or 1",
            "hepsets simulate makes such columns",
        )  # fmt: skip
    return labels
