"""The study off_resonance: how much of what wrong simulation costs off-resonance data bring back.

"Data" are continuum as it is simulated here, on resonance and below it. "Simulation" is made wrong: by
another fragmentation of light quarks, or by another detector. Models are trained against wrong simulation,
against right simulation, against wrong simulation reweighted to the off-resonance data, and against these
data themselves; signal is the same for all. All are tested on right events:

    recovery = (left by training on wrong − by reweighted) / (left by wrong − by right)

of the background left at the signal efficiency of the run, each a mean over training seeds. The error comes
from drawing test events and seeds again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.continuum_suppression.candidate_stream import StreamConfig, make_streams
from hepsets.analyses.continuum_suppression.comparison import score_of
from hepsets.analyses.continuum_suppression.config import Config
from hepsets.analyses.continuum_suppression.off_resonance import (
    NOT_TAKEN,
    as_background,
    reweighted_to,
    with_background_weights,
)
from hepsets.analyses.continuum_suppression.samples import TEST_ROUNDS, Pair, Samples
from hepsets.analyses.continuum_suppression.training import Training, load, train
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets, read_particle_sets, write_particle_sets
from hepsets.core.progress import progress_bar
from hepsets.core.purpose import Purpose
from hepsets.core.run import log
from hepsets.evaluate.scores.background_at import background_at
from hepsets.evaluate.scores.sample import effective_count
from hepsets.select.variables.scaled_energy import scaled_sets
from hepsets.simulate.belle2 import BELLE2

Array = NDArray[np.float64]

Way = Literal["wrong", "right", "reweighted", "data"]
WAYS: tuple[Way, ...] = ("wrong", "right", "reweighted", "data")
"""Continuum to train against: wrong or right simulation, the wrong one reweighted, off-resonance data."""

_ROUNDS = {"data": 2, "simulation": 3}
"""Rounds of the samples begin at so many times :data:`TEST_ROUNDS`."""


@dataclass(frozen=True, eq=False)
class Recovered:
    """What one model leaves when it was trained in each way, for one mismodelling.

    Parameters
    ----------
    mismodelling, model
        What is wrong in simulation, and who was trained.
    seeds
        Trainings in each way.
    left
        Background left on right test events, by way.
    gap
        Left by training on wrong less that by right.
    reweighted, data
        Share of the gap that reweighting, and training against the data themselves, bring back.
    events
        Simulated continuum events that were reweighted.
    effective_size, clipped
        Kish's effective number of them, and how many weights were clipped.
    """

    mismodelling: str
    model: str
    seeds: int
    left: dict[str, Measured]
    gap: Measured
    reweighted: Measured
    data: Measured
    events: int
    effective_size: float
    clipped: int


@dataclass(frozen=True, eq=False)
class _Background:
    """Training events with the continuum of each way, and what is to be told of the weights."""

    events: dict[Way, ParticleSets]
    effective_size: float
    clipped: int
    size: int


def study_recovery(
    config: Config, samples: Samples, folder: Path, *, workers: int = 1
) -> tuple[Recovered, ...]:
    """Train each model in each way for each mismodelling and compare on right test events.

    Parameters
    ----------
    config
        Of the run.
    samples
        Its events: signal, and continuum that counts as right.
    folder
        Of the run: events and models are kept in it.
    workers
        Processes that make events.
    """
    name = next(name for name in samples.pairs if name != NOT_TAKEN)
    pair, study = samples.pairs[name], config.recovery
    made = _made(config, pair, folder / "events", workers)
    signal = pair.train[pair.train.columns["label"]]
    rows: list[Recovered] = []
    right: dict[str, list[Array]] = {}  # the same for all that may be wrong
    total = len(study.models) * study.seeds * (1 + 3 * len(study.mismodelled))
    with progress_bar("training for the study off_resonance", total) as advance:

        def scores(model: str, way: str, events: ParticleSets) -> list[Array]:
            found = []
            for repetition in range(study.seeds):
                training = Training(model, f"off_resonance_{way}", repetition)
                if not (folder / "models" / f"{training.file}.fit.json").exists():
                    train(config, training, events, folder / "models")
                found.append(score_of(load(training, folder / "models").model, pair.test))
                advance(1)
            return found

        for mismodelling in study.mismodelled:
            of = _backgrounds(config, pair.train, signal, made[mismodelling], made["data"])
            for model in study.models:
                if model not in right:
                    right[model] = scores(model, "right", of.events["right"])
                each = {
                    way: right[model]
                    if way == "right"
                    else scores(model, f"{mismodelling}_{way}", of.events[way])
                    for way in WAYS
                }
                rows.append(_recovered(config, mismodelling, model, pair.test, each, of))
    return tuple(rows)


def _made(config: Config, pair: Pair, folder: Path, workers: int) -> dict[str, ParticleSets]:
    """Off-resonance data, and continuum of each mismodelling, made once."""
    study = config.recovery

    def stream(what: str, **changed: object) -> StreamConfig:
        first = _ROUNDS["data" if what == "data" else "simulation"] * TEST_ROUNDS
        return StreamConfig(
            "continuum", study.events, seed=config.seed, first_block=first, **changed  # type: ignore[arg-type]
        )  # fmt: skip

    wanted = {"data": stream("data", below=config.off_resonance.below)}
    for mismodelling in study.mismodelled:
        wanted[mismodelling] = (
            stream(mismodelling, fragmentation=study.fragmentation)
            if mismodelling == "fragmentation"
            else stream(mismodelling, detector=study.detector)
        )
    files = {name: folder / f"off_resonance_{name}.parquet" for name in wanted}
    missing = {name: one for name, one in wanted.items() if not files[name].exists()}
    for name, found in make_streams(missing, workers=workers).items() if missing else ():
        write_particle_sets(found.events["tag"], files[name])
    events = {name: read_particle_sets(file) for name, file in files.items()}
    events["data"] = scaled_sets(events["data"], BELLE2.beams.energy, config.off_resonance.below)
    ready = {name: as_background(one, pair.train) for name, one in events.items()}
    if pair.cut is None:
        return ready
    return {name: one[one.columns["signal_probability"] >= pair.cut] for name, one in ready.items()}


def _backgrounds(
    config: Config, right: ParticleSets, signal: ParticleSets, wrong: ParticleSets, data: ParticleSets
) -> _Background:
    """Signal with each kind of continuum."""

    def against(continuum: ParticleSets) -> ParticleSets:
        parts = [ParticleSets(one.particles, one.offsets, one.columns) for one in (signal, continuum)]
        return ParticleSets.concatenate(parts).used_for(Purpose.TRAINING)

    simulated = against(wrong)
    found = reweighted_to(config, simulated, data, config.recovery.models)
    log.info(
        "effective size %.0f of %d simulated events, %d weights clipped",
        effective_count(found.weights), len(wrong), found.clipped,
    )  # fmt: skip
    return _Background(
        {
            "wrong": simulated,
            "right": right,
            "reweighted": with_background_weights(simulated, found.weights),
            "data": against(data),
        },
        effective_count(found.weights),
        found.clipped,
        len(wrong),
    )


def _recovered(
    config: Config,
    mismodelling: str,
    model: str,
    test: ParticleSets,
    scores: Mapping[Way, list[Array]],
    of: _Background,
) -> Recovered:
    label, weight = test.columns["label"], test.columns["weight"].astype(np.float64)
    left = {
        way: [background_at(label, one, weight, config.signal_efficiency) for one in each]
        for way, each in scores.items()
    }
    drawn = _drawn(config, label, weight, scores)
    value = {way: float(np.mean([one.background.value for one in each])) for way, each in left.items()}
    gap = value["wrong"] - value["right"]
    gaps = drawn["wrong"] - drawn["right"]

    def share(way: Way) -> Measured:
        found = (drawn["wrong"] - drawn[way]) / gaps
        low, high = np.quantile(found, [0.1587, 0.8413])
        return Measured((value["wrong"] - value[way]) / gap, float(0.5 * (high - low)))

    return Recovered(
        mismodelling,
        model,
        len(scores["right"]),
        {way: Measured(value[way], float(drawn[way].std())) for way in WAYS},
        Measured(gap, float(gaps.std())),
        share("reweighted"),
        share("data"),
        of.size,
        of.effective_size,
        of.clipped,
    )


def _drawn(
    config: Config, label: NDArray[np.bool_], weight: Array, scores: Mapping[Way, list[Array]]
) -> dict[Way, Array]:
    """Background left, a mean over seeds, with test events and seeds drawn again, by way.

    Shape ``(resamplings,)`` each; the events that are drawn are the same for all ways, seeds are not.
    """
    random = np.random.default_rng([config.seed, 0x5EED])
    ordered = {way: [np.argsort(-one, kind="stable") for one in each] for way, each in scores.items()}
    found: dict[Way, list[float]] = {way: [] for way in scores}
    for _ in range(config.recovery.resamplings):
        counts = weight * random.poisson(1.0, len(weight))
        for way, each in ordered.items():
            chosen = random.integers(0, len(each), len(each))
            kept = {seed: _left(label, counts, each[seed], config.signal_efficiency) for seed in set(chosen)}
            found[way].append(float(np.mean([kept[seed] for seed in chosen])))
    return {way: np.array(values) for way, values in found.items()}


def _left(label: NDArray[np.bool_], weight: Array, order: NDArray[np.int64], efficiency: float) -> float:
    """Share of the background above the score that keeps a share of the signal, events in falling order."""
    signal = np.cumsum(np.where(label, weight, 0.0)[order])
    background = np.cumsum(np.where(label, 0.0, weight)[order])
    place = int(np.searchsorted(signal, efficiency * signal[-1]))
    return float(background[min(place, len(order) - 1)] / background[-1])
