"""One level of realism in one window of q²: train every model there, and judge it on disjoint data sets."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from hepsets.analyses.delta_c9.config import (
    OF_THE_STUDY,
    ON_SETS,
    OURS,
    Config,
    Level,
    ModelName,
)
from hepsets.core.event_frame import EventFrame, read_frame
from hepsets.core.events import TableWriter, open_parquet, required_columns
from hepsets.core.parallel import map_in_order
from hepsets.core.progress import progress_bar
from hepsets.core.purpose import Purpose, demand
from hepsets.core.run import log
from hepsets.core.shared_events import content_hashes, refuse_shared
from hepsets.deploy.delta_c9 import DeltaC9Inference
from hepsets.evaluate.estimates.detector_bound import information_bracket
from hepsets.generate.kstmumu.bound import cramer_rao_bound
from hepsets.generate.kstmumu.density import (
    Q_SQUARED_LIMITS,
    TEST_VALUES,
    TRAIN_VALUES,
    VARIABLES,
    WINDOWS,
    WindowName,
)
from hepsets.learn.data_sets.deep_sets import EventDeepSetsConfig, fit_event_deep_sets
from hepsets.learn.data_sets.estimator import NetworkEstimator, SetEstimates
from hepsets.learn.data_sets.event_posterior import EventPosterior, Posteriors, fit_event_posterior
from hepsets.learn.data_sets.exact_likelihood import ExactLikelihood
from hepsets.learn.data_sets.image_cnn import ImageCnnConfig, fit_image_cnn
from hepsets.learn.data_sets.likelihood_estimator import LikelihoodEstimator
from hepsets.learn.data_sets.morphing import Morphing, fit_morphing
from hepsets.learn.data_sets.quadratic_likelihood import EventTerms
from hepsets.learn.data_sets.set_summary import SetSummary, fit_set_summary
from hepsets.learn.data_sets.truth_ratios import TRUTH, TruthRatios, signal_of
from hepsets.learn.set_estimator_file import load_published
from hepsets.learn.training.network_fit import NetworkFitConfig
from hepsets.learn.training.one_thread import one_thread
from hepsets.represent.data_sets.pools import EventSets, bootstrapped_sets, disjoint_sets
from hepsets.select.kstmumu.sample import LEVELS, make_sample

Floats = NDArray[np.float64]
Estimators = Mapping[str, Mapping[int | None, NetworkEstimator]]
"""By model, then by the size of the sets that it was trained for; ``None`` serves all sizes."""

TRAINING, TOYS, LINEARITY, CALIBRATION, POOL, BOUND = range(6)
"""What events are for: each purpose has seeds of its own, and only those of ``TRAINING`` are trained on."""

BOUND_EVENTS = 200_000
"""Signal events that the bound of reconstructed events is estimated with."""

CALIBRATION_EVENTS = 2000
"""Signal events in the sets of simulation-based calibration."""

SHIFTED_SETS = 50
"""Sets that are looked at again with their q² shifted."""


DATA: Literal["data"] = "data"
"""Level of the user's own frames."""


@dataclass(frozen=True)
class Cell:
    """A level of realism and a window of q²."""

    level: Level | Literal["data"]
    window: WindowName

    @property
    def name(self) -> str:
        """Name of its files."""
        return f"{self.level}_{self.window}"


def cells(config: Config) -> tuple[Cell, ...]:
    """All that are configured, level by level; one for the user's own frames."""
    if config.data.train:
        return (Cell(DATA, config.windows[0]),)
    return tuple(Cell(level, window) for level in config.levels for window in config.windows)


def seed_of(config: Config, cell: Cell, purpose: int, number: int = 0) -> int:
    """Seed of events of a cell that serve a purpose; samples of one purpose are numbered."""
    place = LEVELS.index(cell.level), list(WINDOWS).index(cell.window)
    state = np.random.SeedSequence([config.seed, *place, purpose, number]).generate_state(1, np.uint64)
    return int(state[0] >> 2)


def sample(
    config: Config,
    cell: Cell,
    delta_c9: float,
    events: int,
    seed: int,
    columns: Sequence[str] | None = None,
) -> EventFrame:
    """Events of a cell, with all columns or some; background fluctuates as it would."""
    return make_sample(
        cell.level,
        cell.window,
        delta_c9,
        events,
        seed,
        background_over_signal=config.data.background_over_signal,
        poisson=True,
        columns=columns,
    )


def sample_for(
    config: Config,
    cell: Cell,
    purpose: int,
    number: int,
    delta_c9: float,
    events: int,
    columns: Sequence[str] | None = None,
) -> EventFrame:
    """Events of a cell that serve a purpose, by the seed of that purpose, and that know it."""
    frame = sample(config, cell, delta_c9, events, seed_of(config, cell, purpose, number), columns)
    return frame.used_for(Purpose.TRAINING if purpose == TRAINING else Purpose.TEST)


# -- predictions -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Key:
    """What a set of predictions is of.

    Parameters
    ----------
    kind
        ``toys``; ``linearity``; ``calibration`` (values are posterior probabilities below the truth);
        ``pooled`` (sets drawn from one pool); ``shifted`` and ``unshifted`` (q² moved by ``shift``).
    model
        The model.
    delta_c9
        The truth; 0 for ``calibration``, where each set has its own.
    events
        Signal events per set.
    shift
        Of q² [GeV²].
    """

    kind: str
    model: str
    delta_c9: float
    events: int
    shift: float = 0.0


Predictions = dict[Key, SetEstimates]


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write predictions to parquet, a row for each set."""
    counts = [len(of.value) for of in predictions.values()]
    keys = list(predictions)
    table = required_columns(
        {
            field.name: np.repeat([getattr(key, field.name) for key in keys], counts)
            for field in dataclasses.fields(Key)
        }
        | {
            name: np.concatenate([getattr(of, name) for of in predictions.values()])
            for name in ("value", "low", "high")
        }
    )
    with TableWriter(path) as writer:
        writer.write_table(table)


def read_predictions(path: Path) -> Predictions:
    """What :func:`write_predictions` wrote."""
    with open_parquet(path) as file:
        table = file.read()
    names = [field.name for field in dataclasses.fields(Key)]
    columns = [table[name].to_pylist() for name in names]
    values = {name: table[name].to_numpy() for name in ("value", "low", "high")}
    rows = list(zip(*columns, strict=True))
    edges = [0, *(i for i in range(1, len(rows)) if rows[i] != rows[i - 1]), len(rows)]
    return {
        Key(*rows[begin]): SetEstimates(**{name: of[begin:end] for name, of in values.items()})
        for begin, end in pairwise(edges)
    }


# -- running cells -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Task:
    config: Config
    cell: Cell
    folder: str


def run_cells(config: Config, folder: Path, *, workers: int = 1) -> dict[Cell, Predictions]:
    """Train and judge in every cell, several at once; what an earlier try has finished is read.

    Each cell uses one thread, so its numbers do not depend on ``workers``; on a GPU they follow one another.
    """
    (folder / "predictions").mkdir(exist_ok=True)
    every = cells(config)
    todo = [cell for cell in every if not _path(folder, cell).exists()]
    # the longest first: background is reconstructed, networks on sets learn slowly
    todo.sort(key=lambda cell: (_has_networks_on_sets(config, cell), cell.level != "generator"), reverse=True)
    tasks = [_Task(config, cell, str(folder)) for cell in todo]
    if torch.cuda.is_available():
        workers = 1
    with progress_bar("levels and windows", len(every)) as advance:
        advance(len(every) - len(todo))
        for _ in map_in_order(_run_cell, tasks, min(workers, max(len(todo), 1))):
            advance(1)
    return {cell: read_predictions(_path(folder, cell)) for cell in every}


def _path(folder: Path, cell: Cell) -> Path:
    return folder / "predictions" / f"{cell.name}.parquet"


def _run_cell(task: _Task) -> None:
    config, cell, folder = task.config, task.cell, Path(task.folder)
    with one_thread():
        estimators = train_cell(config, cell, folder / "models" / cell.name)
        predictions = dict(predict_cell(config, cell, estimators))
    write_predictions(_path(folder, cell), predictions)


# -- training ------------------------------------------------------------------------------------------


def training_events(config: Config, cell: Cell) -> tuple[EventFrame, EventFrame]:
    """Events at the 44 ΔC9 of training, or all of the user's; and those of them that ours learn from."""
    if cell.level == DATA:
        frame = user_events(config.data.train, config).used_for(Purpose.TRAINING)
        return frame, frame
    data = config.data
    events = data.events_per_value if cell.level == "generator" else data.reconstructed_per_value
    share = data.ours_per_value / events
    known = (*VARIABLES, "delta_c9", "is_signal", *(f"{TRUTH}{name}" for name in VARIABLES))
    every, ours = [], []
    for number, value in enumerate(TRAIN_VALUES):
        columns = (*known, *config.morphing.signal_columns)
        part = sample_for(config, cell, TRAINING, number, value, events, columns)
        ours.append(part[: round(share * len(part))])  # background is spread over the signal
        every.append(part.select_present(known))
    return EventFrame.concatenate(every), EventFrame.concatenate(ours)


def user_events(paths: Sequence[str], config: Config) -> EventFrame:
    """Frames of the user with a label ``delta_c9``.

    Raises
    ------
    InputError
        If a file cannot be read or lacks a column.
    """
    needed = [*VARIABLES, "delta_c9"]
    trust = config.data.trust_pickle
    return EventFrame.concatenate([read_frame(path, needed, trust_pickle=trust) for path in paths])


def refuse_shared_events(config: Config) -> None:
    """Refuse test events of the user that are trained on; nothing to do without such files.

    Raises
    ------
    InputError
        For a single event in both, whatever its label.
    """
    if not config.data.train:
        return
    trained, tested = (
        content_hashes({name: frame[name] for name in VARIABLES})
        for frame in (user_events(config.data.train, config), user_events(config.data.test, config))
    )
    refuse_shared(trained, tested, ", ".join(config.data.train), ", ".join(config.data.test))


def train_cell(config: Config, cell: Cell, folder: Path) -> Estimators:
    """Train the models of a cell, or load those that an earlier try left in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    events: tuple[EventFrame, EventFrame] | None = None
    found: dict[str, dict[int | None, NetworkEstimator]] = {}
    if "exact" in config.models and cell.level == "generator":
        found["exact"] = {None: ExactLikelihood(WINDOWS[cell.window], config.morphing.limits)}
    for model in sorted(config.models, key=lambda name: name != OURS):  # others use its scores
        for size in _sizes(config, cell, model):
            path = folder / (f"{model}.safetensors" if size is None else f"{model}_{size}.safetensors")
            if not path.exists():
                events = training_events(config, cell) if events is None else events
                _train(config, cell, model, size, events[model not in OF_THE_STUDY], found, path)
            if model == "event_by_event":
                posterior = EventPosterior.load(path)
                for variant in (posterior.variant(normalised=False), posterior.variant(normalised=True)):
                    found[variant.name] = {None: variant}
            else:
                found.setdefault(model, {})[size] = _load(model, path, found)
    return found


def _sizes(config: Config, cell: Cell, model: ModelName) -> tuple[int | None, ...]:
    """Set sizes that a model is trained for in a cell: one model for all is ``None``."""
    if model == "exact":
        return ()
    if model not in ON_SETS:
        return (None,)
    if not _has_networks_on_sets(config, cell):
        return ()
    serves_all = model == "deep_sets" and config.deep_sets.pooling == "mean"
    return (None,) if serves_all else config.on_sets.set_events


def _has_networks_on_sets(config: Config, cell: Cell) -> bool:
    return cell.level == DATA or (
        cell.level in config.on_sets.levels and cell.window in config.on_sets.windows
    )


def _train(
    config: Config,
    cell: Cell,
    model: ModelName,
    size: int | None,
    frame: EventFrame,
    found: Estimators,
    path: Path,
) -> None:
    demand(frame.purpose, Purpose.TRAINING, f"{model} is trained")

    def seeded(fit: NetworkFitConfig) -> NetworkFitConfig:
        return dataclasses.replace(fit, seed=config.seed)

    if model == "morphing":
        settings = dataclasses.replace(
            config.morphing,
            fit=seeded(config.morphing.fit),
            odds_fit=seeded(config.morphing.odds_fit),
            background_over_signal=config.data.background_over_signal,
        )
        window = WINDOWS[cell.window]
        truth = TruthRatios.of(frame, window)
        morphing = fit_morphing(frame, truth, settings).model
        share = 1 + config.data.background_over_signal * (cell.level == "background")
        DeltaC9Inference.of(
            morphing,
            frame,
            truth,
            level=cell.level,
            window=cell.window,
            set_events=(round(share * min(config.set_events)), round(share * max(config.set_events))),
            seed=config.seed,
        ).save(path.parent)
    elif model == "set_summary":
        scores = found["morphing"][None]
        assert isinstance(scores, LikelihoodEstimator)
        summary = dataclasses.replace(config.set_summary, fit=seeded(config.set_summary.fit))
        fit_set_summary(frame, scores, summary).model.save(path)
    elif model == "event_by_event":
        by_event = dataclasses.replace(config.event_by_event, fit=seeded(config.event_by_event.fit))
        known = None if cell.level == DATA else TruthRatios.of(frame, WINDOWS[cell.window])
        fit_event_posterior(frame, by_event, truth=known)[0].save(path)
    else:
        on_sets: EventDeepSetsConfig | ImageCnnConfig = (
            config.deep_sets if model == "deep_sets" else config.cnn
        )
        sampling = dataclasses.replace(
            on_sets.sampling, events=size or on_sets.sampling.events, seed=config.seed
        )
        trained = dataclasses.replace(on_sets, sampling=sampling, fit=seeded(on_sets.fit))
        if isinstance(trained, EventDeepSetsConfig):
            fit_event_deep_sets(frame, trained)[0].save(path)
        else:
            fit_image_cnn(frame, trained)[0].save(path)


def _load(model: str, path: Path, found: Estimators) -> NetworkEstimator:
    if model == "morphing":
        return Morphing.load(path)
    if model == "set_summary":
        scores = found["morphing"][None]
        assert isinstance(scores, LikelihoodEstimator)
        return SetSummary.load(path, scores)
    return load_published(path)


# -- judging -------------------------------------------------------------------------------------------


def truths_of(config: Config, cell: Cell) -> tuple[float, ...]:
    """ΔC9 of the toys of a cell."""
    return tuple(dict.fromkeys((*config.truths, config.shown_truth(cell.window))))


def predict_cell(config: Config, cell: Cell, estimators: Estimators) -> Iterator[tuple[Key, SetEstimates]]:
    """What every model makes of the toys of a cell, and of the sets of the studies."""
    least = min(config.set_events)
    if cell.level == DATA:
        yield from _predict_users(config, estimators)
        return
    first = cell.window == config.windows[0]
    seen = (*VARIABLES, "delta_c9", "is_signal", *config.morphing.signal_columns)
    for number, truth in enumerate(truths_of(config, cell)):
        toys = config.data.toys[cell.level] * least
        pool = sample_for(config, cell, TOYS, number, truth, toys, seen)
        sets = disjoint_sets(pool, least, background="poisson", seed=config.seed)
        joined = [size // least for size in config.set_events]
        for model, size, found in estimate(estimators, sets, least, joined=joined):
            yield Key("toys", model, truth, size), found
        if "q2_shift" in config.studies and first and truth == config.shown_truth(cell.window):
            yield from _shifted(config, estimators, sets[: min(SHIFTED_SETS, len(sets))], truth, least)
    if not first:
        return
    for number, truth in enumerate(TEST_VALUES):
        toys = config.data.linearity_toys * least
        pool = sample_for(config, cell, LINEARITY, number, truth, toys, seen)
        sets = disjoint_sets(pool, least, background="poisson", seed=config.seed)
        for model, _, found in estimate(estimators, sets, least):
            yield Key("linearity", model, truth, least), found
    if "calibration" in config.studies:
        yield from _calibration(config, cell, estimators, seen)
    if "pools" in config.studies and cell.level == "generator":
        truth = config.shown_truth(cell.window)
        pool = sample_for(config, cell, POOL, 0, truth, config.study.pool_events, seen)
        sets = bootstrapped_sets(pool, least, config.study.pooled_sets, config.seed)
        for model, _, found in estimate(_on_single_events(estimators), sets, least):
            yield Key("pooled", model, truth, least), found


def _predict_users(config: Config, estimators: Estimators) -> Iterator[tuple[Key, SetEstimates]]:
    frame = user_events(config.data.test, config).used_for(Purpose.TEST)
    for size in config.set_events:
        sets = disjoint_sets(frame, size)
        for truth in np.unique(sets.delta_c9):
            these = sets[sets.delta_c9 == truth]
            if len(these) < 2:
                log.warning("ΔC9 = %g: events for %d sets of %d, left out", truth, len(these), size)
                continue
            for model, _, found in estimate(estimators, these, size):
                yield Key("toys", model, float(truth), size), found


def estimate(
    estimators: Estimators, sets: EventSets, size: int, *, joined: Sequence[int] = (1,)
) -> Iterator[tuple[str, int, SetEstimates]]:
    """Estimates of all models that serve them, of the sets and of neighbouring ones joined.

    What a network makes of single events is computed once, whatever asks for it.

    Parameters
    ----------
    estimators
        The models.
    sets, size
        Sets of one ΔC9, and their number of signal events.
    joined
        How many neighbours are joined.

    Yields
    ------
    str, int, SetEstimates
        Name of the model, signal events in the joined sets, and its estimates.

    Raises
    ------
    InputError
        For sets of events that were trained on.
    """
    demand(sets.frame.purpose, Purpose.TEST, "models are judged")
    of_events: dict[str, EventTerms] = {}
    posteriors: Posteriors | None = None
    for number in joined:
        larger = sets.joined(number)
        for model, by_size in estimators.items():
            estimator = by_size.get(None, by_size.get(size * number))
            if estimator is None:
                continue
            if isinstance(estimator, EventPosterior):  # its variants share a network
                posteriors = estimator.set_log_posteriors(sets) if posteriors is None else posteriors
                found = posteriors.joined(number).estimates(normalised=estimator.normalised)
            elif isinstance(estimator, LikelihoodEstimator | SetSummary):
                scores = estimator.estimator if isinstance(estimator, SetSummary) else estimator
                if scores.name not in of_events:
                    of_events[scores.name], _ = scores.terms_of_sets(sets)
                terms = of_events[scores.name][: larger.offsets[-1]]
                found = estimator.estimate_terms(terms, larger.offsets)
            else:
                found = estimator.estimate_sets(larger)
            yield model, size * number, found


def _on_single_events(estimators: Estimators) -> Estimators:
    """Models that look at each event once, however many sets hold it."""
    return {name: by_size for name, by_size in estimators.items() if name not in ON_SETS}


def _shifted(
    config: Config, estimators: Estimators, sets: EventSets, truth: float, size: int
) -> Iterator[tuple[Key, SetEstimates]]:
    for model, _, found in estimate(estimators, sets, size):
        yield Key("unshifted", model, truth, size), found
    for shift in config.study.q2_shifts:
        q_squared = np.clip(sets.frame["q_squared"] + shift, *Q_SQUARED_LIMITS)
        frame = sets.frame.with_columns(q_squared=q_squared)
        moved = dataclasses.replace(sets, frame=frame)
        for model, _, found in estimate(estimators, moved, size):
            yield Key("shifted", model, truth, size, shift), found


def _calibration(
    config: Config, cell: Cell, estimators: Estimators, seen: Sequence[str]
) -> Iterator[tuple[Key, SetEstimates]]:
    """Posterior probability below the truth, for truths drawn from a flat prior."""
    number = config.study.calibration_sets
    truths = np.random.default_rng([config.seed, CALIBRATION]).uniform(*config.study.prior, number)
    frames = [
        sample_for(config, cell, CALIBRATION, i, float(truth), CALIBRATION_EVENTS, seen)
        for i, truth in enumerate(truths)
    ]
    offsets = np.concatenate([[0], np.cumsum([len(frame) for frame in frames])])
    frame = EventFrame.concatenate(frames)
    demand(frame.purpose, Purpose.TEST, "models are judged")
    for model, by_size in estimators.items():
        estimator = by_size.get(None)
        if isinstance(estimator, LikelihoodEstimator | SetSummary):
            values = estimator.posterior_cdf(frame, offsets, truths, config.study.prior)
            key = Key("calibration", model, 0.0, CALIBRATION_EVENTS)
            yield key, SetEstimates(values, truths, truths)


# -- the bound -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bound:
    """Least standard deviation of ΔC9 that sets of some size allow.

    ``sigma`` is what no estimator can beat; ``attainable`` what the information that was found in the
    reconstructed events allows. They are the same where the density is known.
    """

    level: str
    window: str
    events: int
    delta_c9: float
    sigma: float
    attainable: float


def bounds(config: Config, cell: Cell, morphing: Morphing | None, truths: Sequence[float]) -> list[Bound]:
    """Bounds of a cell at each truth and size; without a morphing, those of reconstructed events lack."""
    window = WINDOWS[cell.window]
    if cell.level == "generator":
        return [
            Bound(cell.level, cell.window, size, truth, *[cramer_rao_bound(truth, window, size)] * 2)
            for truth in truths
            for size in config.set_events
        ]
    if morphing is None or cell.level == DATA:
        return []
    found = []
    per_value = BOUND_EVENTS // len(TRAIN_VALUES) + 1
    frame = EventFrame.concatenate(
        [sample_for(config, cell, BOUND, i, value, per_value) for i, value in enumerate(TRAIN_VALUES)]
    )
    signal = signal_of(frame)
    truth_ratios = TruthRatios.of(frame, window)
    terms = morphing.terms(frame[signal])
    background = None if signal.all() else morphing.terms(frame[~signal])
    for truth in truths:
        bracket = information_bracket(
            terms,
            truth_ratios,
            morphing.rate,
            float(morphing.response.fitted_at(truth)),
            background,
            config.data.background_over_signal,
        )
        for size in config.set_events:
            found.append(Bound(cell.level, cell.window, size, truth, *bracket.sigma(size)))
    log.info("%s: bounds from %d signal events", cell.name, int(signal.sum()))
    return found
