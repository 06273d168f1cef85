"""Many skims at once: a network with a head for each, told the event's type; one random number for all."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.smart_background.comparison import biases_at, weighted_biases
from hepsets.analyses.smart_background.config import OURS, Config, model_config
from hepsets.analyses.smart_background.many_skims_sample import (
    MultiSkimSample,
    MultiSkimSampleConfig,
    make_multi_skim_sample,
)
from hepsets.analyses.smart_background.samples import TEST_BLOCKS, refuse_shared_events
from hepsets.analyses.smart_background.training import Lesson, train
from hepsets.analyses.steps import step
from hepsets.core.events import Events, EventWriter, read_parquet
from hepsets.core.measured import Measured
from hepsets.core.parquet import open_parquet
from hepsets.core.purpose import Purpose
from hepsets.core.run import log
from hepsets.deploy.filter.card import FilterCard, SkimCard, TrainingDomain, save_card
from hepsets.evaluate.filter.bias import Bias, WeightedBias
from hepsets.evaluate.filter.choice_error import RULE_CHOICES, resampled
from hepsets.evaluate.filter.choice_error import SAMPLES as CHOICES
from hepsets.evaluate.filter.importance_sampling import (
    ImportanceResult,
    choose_keep_rule,
    choose_logistic_rule,
    importance_speedup,
)
from hepsets.evaluate.filter.keep_rule import KeepRule
from hepsets.evaluate.filter.shared_random import SharedRandom, compare_random_numbers
from hepsets.evaluate.filter.speedup import SpeedupConfig, SpeedupResult, choose_threshold, speedup_at
from hepsets.evaluate.scores.classification import auc_difference, classify
from hepsets.evaluate.scores.sample import mean, scored_events
from hepsets.generate.pythia import SAMPLES, event_type
from hepsets.learn.decay_trees.model import EventModel
from hepsets.learn.decay_trees.soft_labels import balanced_targets
from hepsets.learn.training.fit import FitResult
from hepsets.learn.training.score import score, score_heads
from hepsets.select.variables.generated import passing_observables

MULTI_SKIM = "multi_skim"
"""Name of the model in files and metrics."""

LEAST_PASSING = 100
"""Passing test events of one sample and skim below which nothing is quoted for them."""


@dataclass(frozen=True)
class OneSample:
    """What the filter does for one skim in one of the generated samples.

    Parameters
    ----------
    sample
        Name of the sample.
    retention
        Share of its events that pass the skim.
    passing
        Passing test events.
    auc
        Area under the ROC curve within the sample.
    importance_speedup
        Unbiased speedup of a production of this sample alone, with the keep rule of the mix.
    """

    sample: str
    retention: Measured
    passing: int
    auc: Measured
    importance_speedup: Measured


@dataclass(frozen=True)
class OneSkim:
    """What the filter does for one skim in the production mix.

    Parameters
    ----------
    skim
        Name of the skim.
    retention
        Share of the mix that passes.
    auc, auc_of_event_type
        Area under the ROC curve of the network, and of the sample's retention as score.
    threshold, importance
        Speedups for this skim alone, at its own retention.
    effective_fraction
        Kish's effective number of kept passing events, divided by the number of passing ones.
    effective_fraction_of_all
        The same if the skim uses every event that any skim wants, with the inverse of the greatest
        keep probability as weight.
    biases, weighted_biases
        Observables of passing events after the threshold, and after importance sampling.
    samples
        The same by sample, where enough test events pass.
    """

    skim: str
    retention: Measured
    auc: Measured
    auc_of_event_type: Measured
    threshold: SpeedupResult
    importance: ImportanceResult
    effective_fraction: Measured
    effective_fraction_of_all: Measured
    biases: tuple[Bias, ...]
    weighted_biases: tuple[WeightedBias, ...]
    samples: tuple[OneSample, ...]


@dataclass(frozen=True)
class Alone:
    """A model for one skim alone, trained on the same events.

    ``gain`` is the AUC of the model with all heads less that of this one.
    """

    skim: str
    auc: Measured
    gain: Measured
    importance: ImportanceResult


@dataclass(frozen=True)
class MultiSkim:
    """What the study of many skims found."""

    skims: tuple[OneSkim, ...]
    alone: tuple[Alone, ...]
    random: SharedRandom
    parameters: int
    train_events: int
    test_events: int
    generated: int
    score_events_per_s: float


def study_skims(config: Config, models: Path, events: Path, *, workers: int = 1) -> MultiSkim:
    """Train one network for all skims and measure it on test events of all samples.

    Parameters
    ----------
    config
        The run's; ``multi_skim`` sets the sizes.
    models, events
        Folders for models and events; what an earlier try left there is used again.
    workers
        Processes to generate in.
    """
    events.mkdir(exist_ok=True)
    sizes = config.multi_skim
    train_settings = MultiSkimSampleConfig(events=sizes.train_events, seed=config.seed, trials=sizes.trials)
    test_settings = MultiSkimSampleConfig(events=sizes.test_events, seed=config.seed, first_block=TEST_BLOCKS)
    training = make_or_read(train_settings, events / "skims_train.parquet", workers, Purpose.TRAINING)
    testing = make_or_read(test_settings, events / "skims_test.parquet", workers, Purpose.TEST)
    refuse_shared_events(training.events, testing.events, "the training sample", "the test sample")
    test, skims = testing.events, MultiSkimSampleConfig().skims
    retention = [training.retention(skim) for skim in skims]  # rules are made with it: no test events

    model, result = _train(config, skims, retention, training.events, models, MULTI_SKIM)
    validation = result.validation(training.events)
    validation_scores = score_heads(model, validation).astype(np.float64)
    start = time.perf_counter()
    scores = score_heads(model, test).astype(np.float64)
    rate = len(test) / (time.perf_counter() - start)
    costs = [_costs(config, r.value, 1 / rate) for r in retention]
    choices = [
        _choose(validation, skim, head, cost, config.seed)
        for skim, head, cost in zip(skims, validation_scores.T, costs, strict=True)
    ]
    cards = [chosen.card for chosen in choices]
    save_card(
        FilterCard(
            MULTI_SKIM,
            "mix of " + ", ".join(SAMPLES),
            tuple(cards),
            TrainingDomain.of(training.events),
            event_types=SAMPLES,
        ),
        models / f"{MULTI_SKIM}.card.json",
    )

    keep = np.stack([card.rule(head) for card, head in zip(cards, scores.T, strict=True)], axis=1)
    found = tuple(
        _judge(config, training, test, chosen, head, cost, keep.max(axis=1))
        for chosen, head, cost in zip(choices, scores.T, costs, strict=True)
    )
    alone = tuple(
        _alone(config, skim, retention[skims.index(skim)], training.events, test, scores, models)
        for skim in sizes.alone
    )
    random = compare_random_numbers(keep, test.columns["weight"], costs[0])
    log.info("one random number for %d skims saves %s of the computing", len(skims), random.saving)
    return MultiSkim(
        found,
        alone,
        random,
        model.n_parameters,
        len(training.events),
        len(test),
        sum(training.generated.values()) + sum(testing.generated.values()),
        rate,
    )


# -- events ----------------------------------------------------------------------------------------


def make_or_read(
    settings: MultiSkimSampleConfig, path: Path, workers: int, purpose: Purpose
) -> MultiSkimSample:
    """Events for many skims and a purpose: from ``path`` if an earlier try left them, else made."""
    made = step(path, lambda: _make(settings, path.stem, workers), _write, _read)
    return dataclasses.replace(made, events=made.events.used_for(purpose))


def _make(settings: MultiSkimSampleConfig, name: str, workers: int) -> MultiSkimSample:
    start = time.perf_counter()
    sample = make_multi_skim_sample(settings, workers=workers)
    log.info(
        "%s: %d of %d generated events kept, %.0f s",
        name,
        len(sample.events),
        sum(sample.generated.values()),
        time.perf_counter() - start,
    )
    return sample


def _write(path: Path, sample: MultiSkimSample) -> None:
    counts = {
        "hepsets.generated": json.dumps(sample.generated),
        "hepsets.passing": json.dumps(sample.passing),
    }
    with EventWriter(path, metadata=counts) as writer:
        writer.write(sample.events)


def _read(path: Path) -> MultiSkimSample:
    with open_parquet(path) as file:
        metadata = file.schema_arrow.metadata
    return MultiSkimSample(
        read_parquet(path),
        json.loads(metadata[b"hepsets.generated"]),
        json.loads(metadata[b"hepsets.passing"]),
    )


def _costs(config: Config, retention: float, time_network: float) -> SpeedupConfig:
    """The configured costs, at a skim's own retention."""
    costs = config.speedup.resolve(time_network=time_network)
    return dataclasses.replace(costs, retention=retention)


# -- training --------------------------------------------------------------------------------------


def _train(
    config: Config,
    skims: Sequence[str],
    retention: Sequence[Measured],
    events: Events,
    folder: Path,
    as_: str,
) -> tuple[EventModel, FitResult]:
    """Our own model with a head for each skim; every head learns its two classes in balance."""
    weight, trials = events.columns["weight"], config.multi_skim.trials
    nothing = np.zeros(len(events), dtype=np.int32)
    lessons = []
    for skim, r in zip(skims, retention, strict=True):
        label = events.columns[f"label_{skim}"]
        passes = events.columns.get(f"passes_{skim}", nothing)
        balance = np.where(label, (1 - r.value) / r.value, 1.0)
        lessons.append((*balanced_targets(label, passes, trials, weight, r.value), label, weight * balance))
    targets, weights, labels, label_weights = (
        np.stack(columns, axis=1) for columns in zip(*lessons, strict=True)
    )
    return train(
        config,
        OURS,
        events,
        folder,
        options=model_config(config, OURS, heads=len(skims), event_types=SAMPLES),
        as_=as_,
        lesson=Lesson(targets, weights, labels.astype(bool), label_weights),
    )


def _alone(
    config: Config,
    skim: str,
    retention: Measured,
    events: Events,
    test: Events,
    scores: NDArray[np.float64],
    folder: Path,
) -> Alone:
    """Train a model for one skim alone and compare it with the model of all."""
    model, result = _train(config, [skim], [retention], events, folder, f"only_{skim}")
    validation = result.validation(events)
    start = time.perf_counter()
    own = score(model, test).astype(np.float64)
    costs = _costs(config, retention.value, (time.perf_counter() - start) / len(test))
    chosen = _choose(validation, skim, score(model, validation).astype(np.float64), costs, config.seed)
    label, weight = test.columns[f"label_{skim}"], test.columns["weight"]
    quality = classify(label, own, weight)
    together = scores[:, MultiSkimSampleConfig().skims.index(skim)]
    return Alone(
        skim,
        quality.auc,
        auc_difference(label, together, own, weight),
        chosen.importance(label, own, weight, costs),
    )


# -- judging ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Choices:
    """What was chosen for a skim on validation events, and again on bootstrap samples of them."""

    card: SkimCard
    rules: tuple[KeepRule, ...]
    thresholds: tuple[float, ...]

    def importance(
        self,
        label: NDArray[np.bool_],
        scores: NDArray[np.float64],
        weight: NDArray[np.float64],
        costs: SpeedupConfig,
    ) -> ImportanceResult:
        """Unbiased speedup on test events; the error holds that of the choice."""
        found, *again = (
            importance_speedup(label, rule(scores), weight, costs) for rule in (self.card.rule, *self.rules)
        )
        return dataclasses.replace(found, speedup=_with_spread(found.speedup, again))

    def threshold(
        self,
        label: NDArray[np.bool_],
        scores: NDArray[np.float64],
        weight: NDArray[np.float64],
        costs: SpeedupConfig,
    ) -> SpeedupResult:
        """Speedup with the threshold on test events; the error holds that of the choice."""
        found, *again = (
            speedup_at(cut, label, scores, weight, costs) for cut in (self.card.threshold, *self.thresholds)
        )
        return dataclasses.replace(found, speedup=_with_spread(found.speedup, again))


def _with_spread(speedup: Measured, again: Sequence[SpeedupResult | ImportanceResult]) -> Measured:
    spread = np.std([each.speedup.value for each in again], ddof=1)
    return Measured(speedup.value, float(np.hypot(speedup.se, spread)))


def _choose(
    validation: Events, skim: str, scores: NDArray[np.float64], costs: SpeedupConfig, seed: int
) -> _Choices:
    """Keep rules and threshold of one skim, chosen on validation events."""
    chosen_on = scored_events(validation, scores, label=f"label_{skim}")
    card = SkimCard(
        skim,
        choose_keep_rule(chosen_on, costs, trained=0.5),
        choose_logistic_rule(chosen_on, costs),
        choose_threshold(chosen_on, costs).threshold,
    )
    return _Choices(
        card,
        tuple(
            choose_keep_rule(drawn, costs, trained=0.5) for drawn in resampled(chosen_on, seed, RULE_CHOICES)
        ),
        tuple(choose_threshold(drawn, costs).threshold for drawn in resampled(chosen_on, seed, CHOICES)),
    )


def _judge(
    config: Config,
    counts: MultiSkimSample,
    test: Events,
    chosen: _Choices,
    scores: NDArray[np.float64],
    costs: SpeedupConfig,
    greatest: NDArray[np.float64],
) -> OneSkim:
    """Measure one skim on test events; ``greatest`` is the greatest keep probability of all skims."""
    card = chosen.card
    label, weight = test.columns[f"label_{card.name}"], test.columns["weight"]
    quality = classify(label, scores, weight)
    by_type = np.zeros(len(SAMPLES) + 1)
    for name in counts.generated:
        by_type[event_type(name)] = counts.retention(card.name, name).value
    of_type = classify(label, by_type[test.columns["event_type"]], weight)
    keep = card.rule(scores)
    labelled = test.with_columns(label=label)
    observables = passing_observables(test[np.flatnonzero(label)])
    return OneSkim(
        skim=card.name,
        retention=counts.retention(card.name),
        auc=quality.auc,
        auc_of_event_type=of_type.auc,
        threshold=chosen.threshold(label, scores, weight, costs),
        importance=chosen.importance(label, scores, weight, costs),
        effective_fraction=_effective_fraction(keep[label], weight[label]),
        effective_fraction_of_all=_effective_fraction(greatest[label], weight[label]),
        biases=biases_at(card.threshold, labelled, scores, observables),
        weighted_biases=weighted_biases(keep, labelled, config.seed, observables),
        samples=tuple(_by_sample(counts, test, chosen, scores, costs)),
    )


def _effective_fraction(keep: NDArray[np.float64], weight: NDArray[np.float64]) -> Measured:
    """One over the mean of 1/p of passing events."""
    inverse = mean(1 / keep, weight)
    return Measured(1 / inverse.value, inverse.se / inverse.value**2)


def _by_sample(
    counts: MultiSkimSample,
    test: Events,
    chosen: _Choices,
    scores: NDArray[np.float64],
    costs: SpeedupConfig,
) -> Iterator[OneSample]:
    skim = chosen.card.name
    for name in counts.generated:
        there = test.columns["event_type"] == event_type(name)
        label, weight = test.columns[f"label_{skim}"][there], test.columns["weight"][there]
        if label.sum() < LEAST_PASSING:
            continue
        retention = counts.retention(skim, name)
        quality = classify(label, scores[there], weight)
        gain = chosen.importance(
            label, scores[there], weight, dataclasses.replace(costs, retention=retention.value)
        )
        yield OneSample(
            name,
            retention,
            int(label.sum()),
            quality.auc,
            gain.speedup,
        )
