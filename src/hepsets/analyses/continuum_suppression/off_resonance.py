"""Continuum data taken below the Υ(4S) in the training: in place of simulation, or to reweight it to.

Part of the data makes weights or trains, the rest judges: whether simulated continuum has its shape in each
variable, whether a classifier still tells the two apart, and how much of it each model leaves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.continuum_suppression.comparison import score_of
from hepsets.analyses.continuum_suppression.config import ON_VARIABLES, TREES, Config, DataConfig, map_of
from hepsets.analyses.continuum_suppression.own_sets import read_off_resonance_sets
from hepsets.analyses.continuum_suppression.samples import Pair, Samples, event_keys
from hepsets.analyses.continuum_suppression.training import Trained, Training
from hepsets.core.errors import InputError
from hepsets.core.event_random import uniforms
from hepsets.core.file_roles import expand_patterns, split_word
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets, read_particle_sets
from hepsets.core.purpose import Purpose
from hepsets.core.run import log
from hepsets.core.shared_events import content_hashes
from hepsets.evaluate.scores.background_at import background_at
from hepsets.evaluate.scores.sample import effective_count
from hepsets.evaluate.scores.shapes import ShapeClosure, shape_closure
from hepsets.evaluate.scores.told_apart import ToldApart, tell_apart
from hepsets.formats.belle2_ntuple import best_candidates, read_ntuple
from hepsets.formats.given_files import refuse_same_files
from hepsets.learn.tables.density_ratio import DensityRatio, density_ratio
from hepsets.learn.tables.reweighting import Sample
from hepsets.select.candidates.rest_of_event import EVENT_COLUMNS, PARTICLE_COLUMNS
from hepsets.select.variables.continuum import VARIABLES, continuum_variables
from hepsets.select.variables.own_frames import own_frame_variables
from hepsets.select.variables.scaled_energy import factor, scaled_sets, scaled_variables
from hepsets.simulate.belle2 import BELLE2

_TRIAL = 0x0FF
"""Keeps the split of the data apart from everything else that uses the seed."""

LEAST_EVENTS = 100
"""Fewer off-resonance candidates, to train or to judge with, are refused."""

WORSE = 3.0
"""The weights make it worse if the AUC against data grows by so many of its errors."""

LEAST_P = 0.001
"""They do not close where the p-value of the AUC with them is below."""

NOT_TAKEN = "rho_rho"
"""The comparison whose background is not continuum alone, nor its candidate the tag: it keeps simulation."""


@dataclass(frozen=True, eq=False)
class OffResonance:
    """What off-resonance data did to a run, by the first comparison that takes them.

    Parameters
    ----------
    use
        ``"train"`` or ``"reweight"``.
    comparison
        Its name.
    below, scale
        How far below the resonance the data were taken [GeV], and what momenta were multiplied by.
    train_events, held_events
        Off-resonance candidates that trained or made weights, and those that judge.
    simulated_events, effective_size, clipped
        Simulated continuum to train on, Kish's effective number with its weights, and how many were clipped.
    closures
        The shape of each variable in data that judge and in simulated test continuum.
    before, after
        How well a classifier tells these two apart.
    left
        Share of the data that judge which each model leaves.
    """

    use: str
    comparison: str
    below: float
    scale: float
    train_events: int
    held_events: int
    simulated_events: int
    effective_size: float
    clipped: int
    closures: tuple[ShapeClosure, ...]
    before: ToldApart
    after: ToldApart
    left: dict[str, Measured]

    @property
    def warning(self) -> str:
        """Why the weights are not to be trusted: simulation with them is still, or more, unlike data.

        Empty where they close, and for data that train, which make no weights.
        """
        if self.use != "reweight":
            return ""
        before, after = self.before.auc, self.after.auc
        change = f"AUC against data {before} as simulated, {after} reweighted"
        if after.value - before.value > WORSE * float(np.hypot(before.se, after.se)):
            return (
                f"the weights make simulated test continuum less like data ({change}): simulated continuum "
                "to train on and to test on probably differ, and the weights, learnt on the one, are wrong "
                "for the other; give both from one simulation, or use off_resonance.use=train"
            )
        if self.after.p_value < LEAST_P:
            return (
                f"the weights do not close, simulation can still be told from data ({change}): simulated "
                "continuum to train on and to test on may differ, or the weights miss a difference in "
                "variables that they cannot map, for lack of events or because they were clipped"
            )
        return ""


@dataclass(frozen=True, eq=False)
class Applied:
    """Samples in which off-resonance data have their part, those that judge, and what is to be told."""

    samples: Samples
    held: ParticleSets
    told: OffResonance


def content(sets: ParticleSets) -> dict[str, NDArray[np.float64]]:
    """How many particles of each kind the rest of the event has, by name, shape ``(n_events,)``.

    The thirty variables do not tell, sets of particles do, and simulation has it wrong first.
    """
    rest = ~sets.particles["from_candidate"].astype(bool)
    kinds, charge = np.abs(sets.particles["species"]), sets.particles["charge"]
    chosen = {
        "n_tracks": charge != 0,
        "n_clusters": charge == 0,
        "n_kaons": kinds == 321,
        "n_protons": kinds == 2212,
        "n_leptons": np.isin(kinds, (11, 13)),
    }
    return {
        name: np.bincount(sets.event_of_particle[rest & which], minlength=len(sets)).astype(np.float64)
        for name, which in chosen.items()
    }


def with_content(events: ParticleSets) -> ParticleSets:
    """The same events with :func:`content` as columns, where there are particles to count."""
    return events.with_columns(**content(events)) if "species" in events.particles else events


def looked_at(events: ParticleSets, models: Sequence[str]) -> tuple[str, ...]:
    """The variables to reweight simulation in: the thirty, and :func:`content` if a model sees particles.

    Weights for what no model sees would cost effective events for nothing.
    """
    counted = ("n_tracks", "n_clusters", "n_kaons", "n_protons", "n_leptons")
    blind = all(name in TREES or name in ON_VARIABLES for name in models)
    return (*VARIABLES, *(() if blind or "species" not in events.particles else counted))


def read_off_resonance(config: Config) -> ParticleSets | None:
    """Off-resonance candidates of a run's files, scaled to the resonance.

    They are read before a run computes anything: what can be refused of them without its events is refused.

    Parameters
    ----------
    config
        Of the run, whose ``data.off_resonance`` names parquet of candidates with the rest of the event, ROOT
        ntuples of the thirty variables, or files with lists of particles that its map knows.

    Returns
    -------
    ParticleSets or None
        With all columns that they have; None if there are no such data.

    Raises
    ------
    InputError
        For files of another kind than the run's own, that are these, or that cannot be read; missing columns;
        no comparison that takes them; too few candidates; weights that do not add to a positive number.
    """
    data, below = config.data, config.off_resonance.below
    if not data.off_resonance:
        return None
    _refuse_own_files((*data.train, *data.test), data.off_resonance)
    if not data.train and set(config.comparisons) == {NOT_TAKEN}:
        raise InputError(f"off-resonance data for {NOT_TAKEN} alone", "a comparison against continuum alone")
    of_map = map_of(config)
    if of_map is not None:
        sets = read_off_resonance_sets(of_map, data.off_resonance, data.tree, below)
        found = scaled_sets(sets, BELLE2.beams.energy, below)
    elif not data.train:
        sets = ParticleSets.concatenate([_candidates(path) for path in data.off_resonance])
        found = scaled_sets(sets, BELLE2.beams.energy, below)
    else:
        found = _scaled_ntuple(data, below)
    source = ", ".join(map(str, data.off_resonance))
    if len(found) < 2 * LEAST_EVENTS:
        raise _too_few(f"{source}: {len(found)} off-resonance candidates to train and to judge with")
    if "weight" in found.columns:
        _refuse_cancelling(found.columns["weight"], source, "there are")
    return found


def _scaled_ntuple(data: DataConfig, below: float) -> ParticleSets:
    """Candidates of ntuples, without particles."""
    source = ", ".join(map(str, data.off_resonance))
    ntuple = read_ntuple(data.off_resonance, data.tree, weight=data.weight, weight_is_needed=False)
    if data.weight is not None and "weight" not in ntuple.columns:
        log.warning("%s lacks %s: every candidate counts once", source, data.weight)
    if {"event", "signal_probability"} <= set(ntuple.columns):
        ntuple = best_candidates(ntuple)
    if ntuple.dropped:
        log.warning("%s: %d candidates without all numbers left out", source, ntuple.dropped)
    names = {"experiment": "experiment", "run": "run", "event": "event_number", "weight": "weight"}
    known = {own: ntuple.columns[name] for name, own in names.items() if name in ntuple.columns}
    known |= {name: ntuple.columns[name] for name in ("mbc", "delta_e") if name in ntuple.columns}
    columns = scaled_variables({**ntuple.variables, **known}, factor(BELLE2.beams.energy, below))
    return ParticleSets({"px": np.zeros(0)}, np.zeros(len(ntuple) + 1, dtype=np.int64), columns)


def _candidates(path: str) -> ParticleSets:
    if Path(path).suffix == ".root":
        raise InputError(
            f"{path}: an ntuple beside events with particles",
            "parquet of candidates with the rest of the event",
            "give ntuples with --data, too, or candidates as hepsets writes them",
        )
    found = read_particle_sets(path)
    lacking = [name for name in PARTICLE_COLUMNS if name not in found.particles]
    lacking += [name for name in EVENT_COLUMNS if name not in found.columns]
    if lacking:
        raise InputError(
            f"{path}: candidates without {', '.join(lacking)}", "candidates with the rest of the event",
            "write them as hepsets.select.candidates.rest_of_event.candidate_events gives them, or give "
            "simulation and data by one column map (docs/continuum_suppression.md)",
        )  # fmt: skip
    return found


def as_background(events: ParticleSets, like: ParticleSets) -> ParticleSets:
    """Candidates as background with the columns of ``like``; those with particles get the thirty variables of
    either frame. What cannot be known of data is 0.

    Raises
    ------
    InputError
        For columns that are missing.
    """
    if "from_candidate" in like.particles:
        lacking = [name for name in like.particles if name not in events.particles]
        if lacking:
            raise InputError(
                f"off-resonance particles without {', '.join(lacking)}", "those of candidates",
                "write them with the rest of the event, as hepsets does",
            )  # fmt: skip
        on = BELLE2.beams.energy
        variables = continuum_variables(events, on) | own_frame_variables(events, on)
        events = events.with_columns(**variables)
    unknown: Mapping[str, Any] = {"weight": 1.0, "is_correct": False, "sample": 0}
    size, columns = len(events), dict(events.columns)
    columns["label"] = np.zeros(size, dtype=bool)
    for name, value in unknown.items():
        columns.setdefault(name, np.full(size, value))
    for name, number in (("event_number", np.arange(size)), ("experiment", 0), ("run", 0)):
        columns.setdefault(name, np.broadcast_to(number, size))
    missing = [name for name in like.columns if name not in columns]
    if missing:
        raise InputError(
            f"off-resonance candidates without {', '.join(missing)}", "the columns that simulation has",
            "write them, or leave them out of the files of simulation",
        )  # fmt: skip
    kept = {name: columns[name].astype(column.dtype) for name, column in like.columns.items()}
    return ParticleSets({name: events.particles[name] for name in like.particles}, events.offsets, kept)


def apply_off_resonance(
    config: Config, samples: Samples, data: ParticleSets | None, folder: Path
) -> Applied | None:
    """Samples in which off-resonance data train, or simulated continuum is reweighted to them.

    Parameters
    ----------
    config
        Of the run.
    samples
        Its events.
    data
        Of :func:`read_off_resonance`.
    folder
        Where changed training events are to be written, for the processes that train.

    Returns
    -------
    Applied or None
        None if there are no such data.

    Raises
    ------
    InputError
        For columns that the run's events have and data lack, too few candidates, weights that do not add to a
        positive number, and simulated continuum of negative weight that is to be reweighted.
    """
    if data is None:
        return None
    source = ", ".join(map(str, config.data.off_resonance))
    taking = [name for name in samples.pairs if name != NOT_TAKEN]
    read, like = len(data), samples.pairs[taking[0]].train
    data = _within(as_background(data, like), like, source)
    judges = uniforms(config.seed, _content_of_events(data), _TRIAL) < config.data.test_share
    pairs, told = dict(samples.pairs), None
    for name in taking:
        pair = pairs[name]
        passing = np.ones(len(data), dtype=bool)
        if pair.cut is not None:
            passing = data.columns["signal_probability"] >= pair.cut
        train, held = data[passing & ~judges], data[passing & judges]
        _refuse_few(len(train), len(held), name, outside=read - len(data))
        for events, what in ((train, "train"), (held, "judge")):
            _refuse_cancelling(events.columns["weight"], source, what)
        pairs[name], one = _applied(config, name, pair, train, held, folder)
        told = told or Applied(samples, held.used_for(Purpose.TEST), one)
    assert told is not None  # there is one that takes them
    return dataclasses.replace(told, samples=dataclasses.replace(samples, pairs=pairs))


def _content_of_events(data: ParticleSets) -> NDArray[np.int64]:
    """A number for each candidate by the contents of the first one of its event, shape ``(n_candidates,)``.

    Where events have no numbers each candidate counts as one.
    """
    keys = content_hashes({name: data.columns[name] for name in VARIABLES}).view(np.int64)
    if "event_number" not in data.columns:
        return keys
    _, first, event = np.unique(event_keys(data.columns), return_index=True, return_inverse=True)
    return keys[first][event]


def _refuse_few(train: int, held: int, name: str, *, outside: int) -> None:
    if min(train, held) < LEAST_EVENTS:
        lost = f"; {outside} more lie outside the Mbc and ΔE of simulation once scaled" if outside else ""
        raise _too_few(
            f"{train} and {held} off-resonance candidates to train and to judge with in {name}{lost}"
        )


def _too_few(came: str) -> InputError:
    return InputError(came, f"{LEAST_EVENTS} or more of each", "give more, or change data.test_share")


def _refuse_own_files(own: Sequence[str], files: Sequence[str]) -> None:
    """Refuse a file that is of the run's own events and of data, which would make them the same."""
    given = [split_word(str(file))[1] for file in own]
    for file in expand_patterns([Path(file) for file in files]):
        try:
            refuse_same_files(expand_patterns([Path(one) for one in given]), [file])
        except InputError as error:
            raise InputError(
                f"{file} as off-resonance data and with --data", "data taken below the resonance"
            ) from error


def _refuse_cancelling(weights: NDArray[np.floating], source: str, what: str) -> None:
    total = float(np.sum(weights, dtype=np.float64))
    if not total > 0:
        raise InputError(
            f"{source}: weights of candidates that {what} add to {total:g}",
            "a positive sum",
            "check the weights",
        )


def _refuse_negative(pair: Pair) -> None:
    """Refuse simulated continuum of negative weight, which has no density to be reweighted."""
    for events in (pair.train, pair.test):
        weights = events.columns["weight"][~events.columns["label"]]
        negative = int((weights < 0).sum())
        if negative:
            raise InputError(
                f"{negative} of {len(weights)} candidates of simulated continuum with a negative weight",
                "weights from 0 up, to reweight it to off-resonance data",
                "train against the data themselves with --set off_resonance.use=train, or give simulated "
                "continuum without such weights",
            )


def _within(data: ParticleSets, like: ParticleSets, source: str) -> ParticleSets:
    """Data in the window of Mbc and ΔE that simulation spans."""
    inside = np.ones(len(data), dtype=bool)
    for name in ("mbc", "delta_e"):
        if name in like.columns:
            spanned = like.columns[name]
            inside &= (data.columns[name] >= spanned.min()) & (data.columns[name] <= spanned.max())
    if not inside.all():
        log.warning(
            "%s: %d of %d candidates lie outside the Mbc and ΔE of simulation once scaled, left out",
            source, (~inside).sum(), len(data),
        )  # fmt: skip
    return data[inside]


def _applied(
    config: Config, name: str, pair: Pair, train: ParticleSets, held: ParticleSets, folder: Path
) -> tuple[Pair, OffResonance]:
    use, below = config.off_resonance.use, config.off_resonance.below
    test = pair.test
    background = ~test.columns["label"]
    clipped, multipliers = 0, np.ones(int(background.sum()))
    if use == "train":
        changed = ParticleSets.concatenate([_bare(pair.train[pair.train.columns["label"]]), _bare(train)])
    else:
        _refuse_negative(pair)
        ratio = reweighted_to(config, pair.train, train, config.models)
        changed, clipped = with_background_weights(pair.train, ratio.weights), ratio.clipped
        multipliers = ratio.multipliers(with_content(test[background]))
        weights = test.columns["weight"][background].astype(np.float64) * multipliers
        test = with_background_weights(test, weights)
    changed = changed.used_for(Purpose.TRAINING)
    file = pair.train_file
    if file is not None:
        file = folder / f"{name}_off_resonance.parquet"
    new = Pair(changed, test, file, pair.cut, to_write=file is not None)
    used = changed.columns["weight"][~changed.columns["label"]].astype(np.float64)
    closures, before, after = _judged(config, pair.test, multipliers, held)
    log.info(
        "%s: %s %d off-resonance candidates, %d judge; effective size %.0f of %d, %d weights clipped; "
        "AUC against data %s, then %s",
        name, use, len(train), len(held), effective_count(used), len(used), clipped, before.auc, after.auc,
    )  # fmt: skip
    told = OffResonance(
        use,
        name,
        below,
        factor(BELLE2.beams.energy, below),
        len(train),
        len(held),
        len(used),
        effective_count(used),
        clipped,
        closures,
        before,
        after,
        {},
    )
    if told.warning:
        log.warning("%s: %s", name, told.warning)
    return new, told


def _bare(events: ParticleSets) -> ParticleSets:
    return ParticleSets(events.particles, events.offsets, events.columns)


def reweighted_to(
    config: Config, simulated: ParticleSets, data: ParticleSets, models: Sequence[str]
) -> DensityRatio:
    """Weights of the continuum among simulated training events, with which it is distributed as data are."""
    continuum = simulated[~simulated.columns["label"]]
    first = len(continuum)
    settings = dataclasses.replace(config.off_resonance.ratio, seed=config.seed)
    return density_ratio(
        Sample(with_content(continuum), np.arange(first), continuum.columns["weight"]),
        Sample(with_content(data), np.arange(first, first + len(data)), data.columns["weight"]),
        looked_at(simulated, models),
        settings,
    )


def with_background_weights(events: ParticleSets, weights: NDArray[np.float64]) -> ParticleSets:
    """The same events with other weights of the background, shape ``(n_background,)``."""
    changed = events.columns["weight"].astype(np.float64)
    changed[~events.columns["label"]] = weights
    return events.with_columns(weight=changed)


def _judged(
    config: Config, test: ParticleSets, multipliers: NDArray[np.float64], held: ParticleSets
) -> tuple[tuple[ShapeClosure, ...], ToldApart, ToldApart]:
    """Simulated test continuum against data that judge, in each variable and in all together."""
    continuum, data = with_content(_bare(test[~test.columns["label"]])), with_content(_bare(held))
    variables = looked_at(continuum, config.models)
    plain = continuum.columns["weight"].astype(np.float64)
    weights = plain * multipliers
    true = data.columns["weight"].astype(np.float64)
    shown = (*variables, *(name for name in ("mbc", "delta_e") if name in continuum.columns))
    closures = tuple(
        shape_closure(name, (data.columns[name], true), continuum.columns[name], plain, weights)
        for name in shown
    )
    first, numbers = len(continuum), np.arange(len(continuum) + len(data))
    of_data = Sample(data, numbers[first:], true)
    before = tell_apart(Sample(continuum, numbers[:first], plain), of_data, variables)
    if np.array_equal(plain, weights):
        return closures, before, before
    return closures, before, tell_apart(Sample(continuum, numbers[:first], weights), of_data, variables)


def left_on_data(config: Config, applied: Applied, trained: Mapping[Training, Trained]) -> OffResonance:
    """What was told, with the share of the data that judge which each model leaves."""
    name = applied.told.comparison
    test = applied.samples.pairs[name].test
    signal = test[test.columns["label"]]
    label = np.arange(len(signal) + len(applied.held)) < len(signal)
    weight = np.concatenate([one.columns["weight"] for one in (signal, applied.held)]).astype(np.float64)
    left = {}
    for model in config.models:
        one = trained[Training(model, name)].model
        scores = np.concatenate([score_of(one, events) for events in (signal, applied.held)])
        left[model] = background_at(label, scores, weight, config.signal_efficiency).background
    return dataclasses.replace(applied.told, left=left)
