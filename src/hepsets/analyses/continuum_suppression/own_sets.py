"""The user's own candidates with sets of particles: read by a map, told, and joined to what models see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from logging import INFO, WARNING
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.continuum_suppression.config import TREES, variant
from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.run import log
from hepsets.evaluate.scores.distance_correlation import distance_correlation
from hepsets.evaluate.scores.sample import check_sums
from hepsets.formats.candidate_files import LabelledFile, labelled_files
from hepsets.formats.candidate_map import CANDIDATE, SETS, CandidateMap
from hepsets.formats.candidate_sets import CandidateCounts, CandidatePiece, Collision, iter_candidates
from hepsets.learn.registry import recipe
from hepsets.represent.particle_sets.features import SetSpec
from hepsets.select.variables.continuum import continuum_variables
from hepsets.select.variables.own_frames import own_frame_variables
from hepsets.simulate.belle2 import BELLE2

COLLISION = Collision(BELLE2.beams.velocity, BELLE2.beams.energy)

TELLING = 0.1
"""From this distance correlation with Mbc on an input of the user's is told of."""

CHECKED_BACKGROUND = 5000
"""Most background candidates that it is measured on."""

NUMBERS = ("experiment", "run", "event_number")
"""Event columns that tell events apart, as far as a sample has them."""

OF_SIMULATION = ("weight", *NUMBERS)
"""Columns that data may lack: their candidates count once, and nothing asks for their numbers."""

FRAMES = "Candidate and rest of event enter in frames of their own, where they do not tell Mbc."

PUBLISHED = "multi_deep_sets_cm"
"""The model that sees the collision's frame."""


@dataclass(frozen=True)
class OwnCandidates:
    """Candidates that can be trained or judged on, with labels, weights and variables, and what is told."""

    events: ParticleSets
    told: tuple[str, ...]


def read_own(of_map: CandidateMap, names: Iterable[str], tree: str | None) -> OwnCandidates:
    """All candidates of some files.

    Parameters
    ----------
    of_map
        What the files call what.
    names
        ``FILE``, ``signal=FILE``, ``continuum=FILE``; patterns.
    tree
        In these files, where they have several.

    Raises
    ------
    InputError
        As :func:`hepsets.formats.candidate_sets.iter_candidates`; for files with other columns than the first
        one, sets that are empty in all candidates, labels that are missing or neither 0 nor 1, candidates of
        one class, and weights that are not finite, or of which those of a class do not add to a positive
        number.
    """
    files = labelled_files(tuple(names))
    by_file = {file.signal for file in files} == {True, False} and "label" not in of_map.columns
    parts: list[ParticleSets] = []
    told: list[str] = []
    total = CandidateCounts()
    first: tuple[str, frozenset[str]] | None = None
    for file in files:
        counts, notes = CandidateCounts(), Counter[str]()
        for piece in iter_candidates(file.path, of_map, COLLISION, tree=tree):
            here = str(file.path), frozenset(piece.sets.columns)
            first = first or here
            _refuse_other_columns(here, first)
            counts += piece.counts
            parts.append(_labelled(piece, of_map, file, notes, by_file=by_file))
        total += counts
        lines = [*counts.lines(), *(f"{number:,} {what}" for what, number in notes.items() if number)]
        told += _with_file(lines, file.path)
    source = ", ".join(str(file.path) for file in files)
    for name in of_map.sets:
        if total.empty.get(name, 0) == total.candidates:
            raise InputError(
                f"{source}: {name} is empty in all {total.candidates} candidates", "some particles",
                "check the branches, or leave the set out of the map",
            )  # fmt: skip
    events = ParticleSets.concatenate(parts)
    label = events.columns["label"]
    if label.all() or not label.any():
        raise InputError(f"{source}: candidates of one class", "signal and continuum")
    check_sums(label, events.columns["weight"])
    return OwnCandidates(with_variables(events), tuple(told))


def read_off_resonance_sets(
    of_map: CandidateMap, names: Iterable[str], tree: str | None, below: float
) -> ParticleSets:
    """Candidates of data taken below the resonance by the map of those on it, without label or variables.

    Parameters
    ----------
    of_map
        What the files call what; a label is not looked for, weight and numbers of events may be missing.
    names
        Files or patterns.
    tree
        In these files, where they have several.
    below
        How far below the resonance they were taken, in the centre of mass [GeV].

    Raises
    ------
    InputError
        As :func:`hepsets.formats.candidate_sets.iter_candidates`; for weights that are not finite.
    """
    wanted = of_map.without("label")
    collision = Collision(COLLISION.velocity, COLLISION.energy - below)
    parts = []
    for file in labelled_files(tuple(names)):
        counts = CandidateCounts()
        there: set[str] = set()
        for piece in iter_candidates(file.path, wanted, collision, tree=tree, optional=OF_SIMULATION):
            counts += piece.counts
            there |= set(piece.sets.columns)
            weight = np.asarray(piece.sets.columns.get("weight", np.ones(len(piece.sets))), dtype=np.float64)
            if not np.isfinite(weight).all():
                raise InputError(f"{file.path}: weights that are not finite", "finite numbers")
            known = {name: column for name, column in _known(piece, of_map).items() if name not in NUMBERS}
            sets = ParticleSets(piece.sets.particles, piece.sets.offsets, {**known, "weight": weight})
            parts.append(sets[piece.complete])
        if "weight" in of_map.columns and "weight" not in there:
            log.warning("%s lacks %s: every candidate counts once", file.path, of_map.columns["weight"])
        for line in _with_file(counts.lines(), file.path):
            log.log(WARNING if line.startswith("WARNING") else INFO, line)
    return ParticleSets.concatenate(parts)


def _with_file(lines: Iterable[str], path: Path) -> list[str]:
    """What is told of a file, with its name; warnings begin as such and have it already."""
    return [line if line.startswith("WARNING") else f"{path}: {line}" for line in lines]


def _known(piece: CandidatePiece, of_map: CandidateMap) -> dict[str, NDArray[Any]]:
    """Columns of a piece that models or judgements may look at."""
    kept = {*NUMBERS, "mbc", "delta_e", *CANDIDATE, "candidate_charge", *of_map.own_variables}
    return {name: column for name, column in piece.sets.columns.items() if name in kept}


def with_variables(sets: ParticleSets) -> ParticleSets:
    """Candidates with the thirty variables, in the collision's frame and in their own."""
    known = continuum_variables(sets, COLLISION.energy)
    return sets.with_columns(**known, **own_frame_variables(sets, COLLISION.energy))


def _refuse_other_columns(here: tuple[str, frozenset[str]], first: tuple[str, frozenset[str]]) -> None:
    other = sorted(here[1] ^ first[1])
    if other:
        raise InputError(
            f"{here[0]} and {first[0]} differ in {', '.join(other)}", "the same columns in every file"
        )


def _labelled(
    piece: CandidatePiece, of_map: CandidateMap, file: LabelledFile, notes: Counter[str], *, by_file: bool
) -> ParticleSets:
    """The complete candidates of known class, with label and weight."""
    columns = piece.sets.columns
    if by_file:
        label = np.full(len(piece.sets), int(bool(file.signal)), dtype=np.int8)
        notes[f"candidates that all count as {'signal' if file.signal else 'background'}"] += len(label)
    elif "label" in of_map.columns:
        label = _label(columns["label"], f"{file.path}: {of_map.columns['label']}")
        notes["candidates whose label is NaN, taken as background"] += int(np.isnan(columns["label"]).sum())
    else:
        label = _usual_label(columns, str(file.path))
        notes["candidates that are neither signal nor continuum, not used"] += int((label < 0).sum())
    weight = np.asarray(columns.get("weight", np.ones(len(label))), dtype=np.float64)
    if not np.isfinite(weight).all():
        raise InputError(f"{file.path}: weights that are not finite", "finite numbers")
    some = _known(piece, of_map)
    sets = ParticleSets(
        piece.sets.particles, piece.sets.offsets, {**some, "label": label == 1, "weight": weight}
    )
    return sets[piece.complete & (label >= 0)]


def _label(values: NDArray[Any], where: str) -> NDArray[np.int8]:
    """1 or 0; what is NaN matches no generated particle, as basf2 has it, and is 0."""
    odd = ~np.isin(values, (0, 1)) & ~np.isnan(values)
    if odd.any():
        raise InputError(f"{where} holds {values[odd][0]:g}", "1 for signal and 0 for background")
    return np.asarray(values == 1, dtype=np.int8)


def _usual_label(columns: Mapping[str, NDArray[Any]], where: str) -> NDArray[np.int8]:
    """1 for a correct candidate, 0 for continuum, -1 for neither, by basf2's names."""
    signal = columns["is_signal"] == 1 if "is_signal" in columns else None
    continuum = columns["is_continuum"] == 1 if "is_continuum" in columns else None
    if continuum is None and "is_not_continuum" in columns:
        continuum = columns["is_not_continuum"] != 1
    if signal is None and continuum is None:
        raise InputError(
            f"{where} does not say what is signal", "a label",
            "data.columns.label, isSignal or isContinuumEvent, or signal=FILE and continuum=FILE",
        )  # fmt: skip
    if continuum is None:
        return np.asarray(signal, dtype=np.int8)
    if signal is None:
        return np.asarray(~continuum, dtype=np.int8)
    return np.where(continuum, 0, np.where(signal, 1, -1)).astype(np.int8)


# -- what models see -------------------------------------------------------------------------------


def tree_columns(name: str, of_map: CandidateMap | None) -> tuple[str, ...]:
    """Event columns that a model of boosted trees sees."""
    return (*TREES[name], *(of_map.own_variables if of_map else ()))


def network_options(name: str, of_map: CandidateMap | None) -> dict[str, Any]:
    """Options of a network that differ from the registry's: the user's quantities join its inputs."""
    base, options = variant(name)
    if of_map is None:
        return dict(options)
    config = recipe("particle_sets", base).config
    return {
        **options,
        "sets": tuple(_joined(spec, of_map) for spec in config.sets),
        "event_features": (*config.event_features, *of_map.own_variables),
    }


def _joined(spec: SetSpec, of_map: CandidateMap) -> SetSpec:
    """A set with the user's quantities of the particles that may be in it."""
    if spec.of_candidate:
        return spec
    own = [
        feature
        for name, features in of_map.own_features.items()
        if set(spec.members) <= set(SETS[name])
        for feature in features
    ]
    return SetSpec(spec.name, (*spec.features, *dict.fromkeys(own)), spec.members, spec.cap)


# -- what is told ----------------------------------------------------------------------------------


def told_of_map(of_map: CandidateMap) -> tuple[str, ...]:
    """What the sets lack, and which quantities of the user's own join."""
    told = list(of_map.missing)
    own = [f"{name}: {', '.join(features)}" for name, features in of_map.own_features.items() if features]
    if own:
        told.append(f"quantities of your own join the particles as they are ({'; '.join(own)})")
    if of_map.variables:
        told.append(f"variables of your own join all models: {', '.join(of_map.variables)}")
    return tuple(told)


def told_of_mbc(events: ParticleSets, of_map: CandidateMap, models: Iterable[str]) -> tuple[str, ...]:
    """What of the user's own gives Mbc away, measured on the background to train on."""
    told = [FRAMES]
    if PUBLISHED in models:
        told.append(f"WARNING: {PUBLISHED} sees the candidate in the collision's frame, which gives Mbc away")
    if "mbc" not in events.columns:
        return (*told, "no Mbc in the files (data.columns.mbc): whether a cut sculpts it is not known")
    background = np.flatnonzero(~events.columns["label"])
    some = events[background[:: max(1, -(-len(background) // CHECKED_BACKGROUND))]]
    mbc = some.columns["mbc"].astype(np.float64)
    for name, values in _inputs(some, of_map).items():
        if len(values) < 4 or np.ptp(values) == 0 or np.ptp(mbc) == 0:
            continue
        found = distance_correlation(values, mbc)
        if found.squared.value > max(TELLING**2, 3 * found.squared.se):
            told.append(
                f"WARNING: {name} gives Mbc away (distance correlation {found.value} in background): models "
                "that see it sculpt Mbc"
            )
    return tuple(told)


def _inputs(events: ParticleSets, of_map: CandidateMap) -> dict[str, NDArray[np.float64]]:
    """The user's variables, and of each quantity of the candidate's particles its mean."""
    found = {name: events.columns[name].astype(np.float64) for name in of_map.own_variables}
    own, charged = events.particles["from_candidate"].astype(bool), events.particles["charge"] != 0
    for name, features in of_map.own_features.items():
        chosen = own & (charged == ("track" in SETS[name]))
        event = events.event_of_particle[chosen]
        count = np.maximum(np.bincount(event, minlength=len(events)), 1)
        for feature in features if "signal" in SETS[name] else ():
            total = np.bincount(event, events.particles[feature][chosen], minlength=len(events))
            found[f"the mean {feature} of {name}"] = total / count
    return found
