"""A new skim with few labels: on a trained trunk, frozen or fine-tuned, against training from scratch."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.smart_background.config import OUR_FIT, OURS, Config
from hepsets.analyses.smart_background.many_skims_sample import MultiSkimSampleConfig
from hepsets.analyses.smart_background.samples import TEST_BLOCKS, make_or_read, refuse_shared_events
from hepsets.analyses.smart_background.studies.many_skims import make_or_read as make_or_read_skims
from hepsets.analyses.smart_background.training import RARE, Lesson, train
from hepsets.core.events import Events
from hepsets.core.measured import Measured
from hepsets.core.pdg import PdgMap
from hepsets.core.progress import progress_bar
from hepsets.core.purpose import Purpose
from hepsets.core.run import log
from hepsets.evaluate.filter.importance_sampling import choose_keep_rule, importance_speedup
from hepsets.evaluate.filter.speedup import SpeedupConfig
from hepsets.evaluate.scores.classification import classify
from hepsets.evaluate.scores.sample import scored
from hepsets.learn.decay_trees.model import EventModel
from hepsets.learn.decay_trees.new_head import FINE_TUNING, NewHead, add_head, fine_tune
from hepsets.learn.decay_trees.recipe import build_model, event_recipe
from hepsets.learn.training.config import FitConfig
from hepsets.learn.training.fit import fit
from hepsets.learn.training.score import score, score_heads
from hepsets.select.skims.registry import SKIMS

TRUNK_BLOCKS = 2**23
"""Events of the trunk come from generator blocks that no other sample reaches."""

TRAINED_EVENTS = 30_000
"""Fits with few labels see about so many training events, however often each."""

LEAST_EPOCHS, MOST_EPOCHS = 20, 100


@dataclass(frozen=True)
class LearningPoint:
    """What a method is worth with some number of labels, a mean over draws of the labelled events.

    Parameters
    ----------
    skim, method
        The new skim, and a key of :data:`METHODS`.
    labels
        Labelled events that pass; as many that fail.
    draws
        Disjoint sets of labelled events that were tried.
    auc, importance_speedup
        On test events. The errors hold the spread over the draws and the test sample's own error.
    """

    skim: str
    method: str
    labels: int
    draws: int
    auc: Measured
    importance_speedup: Measured


def study_few_labels(
    config: Config, models: Path, events: Path, *, workers: int = 1
) -> tuple[LearningPoint, ...]:
    """Learning curves of each configured skim, whose labels its trunk has never seen.

    Parameters
    ----------
    config
        The run's; ``few_labels`` sets skims and sizes.
    models, events
        Folders for models and events; what an earlier try left there is used again.
    workers
        Processes to generate in.
    """
    events.mkdir(exist_ok=True)
    trunk_events = _trunk_events(config, events / "few_labels_trunk.parquet", workers)
    return tuple(
        point
        for skim in config.few_labels.skims
        for point in _learning_curve(config, skim, trunk_events, models, events, workers)
    )


# -- methods ---------------------------------------------------------------------------------------


def _head(trunk: EventModel, few: Events, seed: int) -> NewHead:
    return add_head(trunk, few, few.columns["label"], seed=seed)


def _fine_tuned(trunk: EventModel, few: Events, seed: int) -> NewHead:
    return fine_tune(trunk, few, few.columns["label"], config=_for_few(FINE_TUNING, len(few), seed))


def _from_scratch(trunk: EventModel, few: Events, seed: int) -> NewHead:
    """The trunk's architecture, but nothing that it has learnt."""
    model = build_model(
        OURS,
        PdgMap.fit(few.particles["pdg"], min_count=min(RARE, max(2, len(few) // 20))),
        dataclasses.replace(trunk.config, heads=1, seed=seed),
    )
    result = fit(model, few, few.columns["label"], config=_for_few(OUR_FIT, len(few), seed))
    held_out = result.validation_indices
    return NewHead(model, held_out, score(model, few[held_out]).astype(np.float64))


METHODS: Mapping[str, Callable[[EventModel, Events, int], NewHead]] = {
    "head": _head,
    "fine_tune": _fine_tuned,
    "scratch": _from_scratch,
}
"""From a trunk and a few labelled events to a model whose last head is that of the new skim."""


def _for_few(config: FitConfig, events: int, seed: int) -> FitConfig:
    """Small batches, and more epochs the fewer events there are; the best validation state is kept."""
    epochs = int(np.clip(TRAINED_EVENTS // events, LEAST_EPOCHS, MOST_EPOCHS))
    return dataclasses.replace(config, epochs=epochs, least_steps=0, schedule="cosine", batch=64, seed=seed)


# -- curves ----------------------------------------------------------------------------------------


def _learning_curve(
    config: Config, skim: str, trunk_events: Events, models: Path, events: Path, workers: int
) -> list[LearningPoint]:
    sizes = config.few_labels
    of_skim = dataclasses.replace(config, data=dataclasses.replace(config.data, skim=skim))
    made = {
        name: make_or_read(of_skim, events / f"few_labels_{skim}_{name}.parquet", n, block, 0, workers)
        for name, n, block in (
            ("train", 2 * max(sizes.labels), 0),
            ("test", sizes.test_events, TEST_BLOCKS),
        )
    }
    pool = made["train"].events.used_for(Purpose.TRAINING)
    test = made["test"].events.used_for(Purpose.TEST)
    refuse_shared_events(pool, test, "the labelled sample", "the test sample")
    retention = sum(one.passing for one in made.values()) / sum(one.generated for one in made.values())
    trunk = _trunk(
        config, [name for name in SKIMS.own if name != skim], trunk_events, models, f"all_but_{skim}"
    )
    start = time.perf_counter()
    score(trunk, test)
    costs = config.speedup.resolve(time_network=(time.perf_counter() - start) / len(test))
    costs = dataclasses.replace(costs, retention=retention)

    draws = {size: _draws(pool, size, sizes.draws, config.seed) for size in sizes.labels}
    points = []
    with progress_bar(
        f"learning {skim} from few labels", len(METHODS) * sum(map(len, draws.values()))
    ) as step:
        for size, drawn in draws.items():
            for method, start_model in METHODS.items():
                found = []
                for number, few in enumerate(drawn):
                    new = start_model(trunk, pool[few], config.seed + number)
                    found.append(_judge(new, pool[few], test, costs))
                    step(1)
                points.append(
                    LearningPoint(
                        skim,
                        method,
                        size,
                        len(drawn),
                        _mean([auc for auc, _ in found]),
                        _mean([gain for _, gain in found]),
                    )
                )
                log.info(
                    "%s, %d labels, %s: AUC %s, unbiased speedup %s",
                    skim,
                    size,
                    method,
                    points[-1].auc,
                    points[-1].importance_speedup,
                )
    return points


def _judge(new: NewHead, few: Events, test: Events, costs: SpeedupConfig) -> tuple[Measured, Measured]:
    """AUC and unbiased speedup on test events, with a keep rule from the labelled events alone."""
    held_out = few.held_out(new.held_out)
    chosen_on = scored(held_out.columns["label"], new.scores, purpose=held_out.purpose)
    rule = choose_keep_rule(chosen_on, costs, trained=0.5)
    label, weight = test.columns["label"], test.columns["weight"]
    scores = score_heads(new.model, test)[:, -1].astype(np.float64)
    gain = importance_speedup(label, rule(scores), weight, costs)
    return classify(label, scores).auc, gain.speedup


def _mean(found: list[Measured]) -> Measured:
    """Mean over draws; all are judged on the same test events, whose error does not average out."""
    values = np.array([one.value for one in found])
    spread = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
    return Measured(float(values.mean()), float(np.hypot(spread, np.mean([one.se for one in found]))))


def _draws(pool: Events, size: int, most: int, seed: int) -> list[NDArray[np.int64]]:
    """Disjoint sets of ``size`` passing and as many failing events, at most ``most`` sets."""
    random = np.random.default_rng([seed, size])
    label = pool.columns["label"]
    passing, failing = (random.permutation(np.flatnonzero(which)) for which in (label, ~label))
    number = min(most, len(passing) // size, len(failing) // size)
    return [
        np.sort(np.concatenate([passing[i * size : (i + 1) * size], failing[i * size : (i + 1) * size]]))
        for i in range(number)
    ]


# -- the trunk -------------------------------------------------------------------------------------


def _trunk_events(config: Config, path: Path, workers: int) -> Events:
    settings = MultiSkimSampleConfig(
        shares={config.data.sample: 1.0},
        keep=dict.fromkeys((*SKIMS.own, *config.few_labels.skims), 1.0),
        keep_failing=0.15,  # about half of the kept events fail all
        events=config.few_labels.trunk_events,
        seed=config.seed,
        first_block=TRUNK_BLOCKS,
    )
    return make_or_read_skims(settings, path, workers, Purpose.TRAINING).events


def _trunk(config: Config, skims: list[str], events: Events, folder: Path, as_: str) -> EventModel:
    """Our own model with a head for each of ``skims``; every head learns its two classes in balance."""
    weight = events.columns["weight"]
    labels = np.stack([events.columns[f"label_{skim}"] for skim in skims], axis=1)
    retention = np.average(labels, axis=0, weights=weight)
    weights = weight[:, None] * np.where(labels, (1 - retention) / retention, 1.0)
    model, _ = train(
        config,
        OURS,
        events,
        folder,
        options=event_recipe(OURS).configured({"heads": len(skims)}),
        as_=as_,
        lesson=Lesson(labels.astype(np.float64), weights),
    )
    return model
