"""The steps of a run, in order."""

from __future__ import annotations

from hepsets.analyses.pretraining.config import Config, check
from hepsets.analyses.pretraining.curves import train_all
from hepsets.analyses.pretraining.flavour import TASK, taggers_of, train_taggers
from hepsets.analyses.pretraining.limit import limits_of
from hepsets.analyses.pretraining.page import make_page
from hepsets.analyses.pretraining.result import Result, TaskFacts
from hepsets.analyses.pretraining.samples import check_apart, get_sample
from hepsets.analyses.pretraining.savings import costs_of, savings_of
from hepsets.analyses.pretraining.summary import markdown
from hepsets.analyses.pretraining.tasks import TASKS
from hepsets.analyses.pretraining.trunks import get_corpus, get_trunks
from hepsets.analyses.report import report
from hepsets.core.run import Origin, RunFolder, write_atomically


def run(config: Config, folder: RunFolder, *, workers: int = 1) -> Result:
    """Make the events, pre-train, train with few labels, say what it saves and costs, report."""
    check(config)
    events, models, cells = (folder.path / name for name in ("events", "models", "cells"))
    corpus = get_corpus(config, folder.path, workers=workers)
    samples = {task: get_sample(config, task, events, workers=workers) for task in config.tasks}
    check_apart(samples, corpus.hashes)
    limits = limits_of(config, samples, folder.path / "limits", workers=workers)
    trunks = get_trunks(config, corpus, events, models, workers=workers)
    found = train_all(config, events, models, cells, workers=workers)
    train_taggers(config, events, cells, workers=workers)
    savings = savings_of(found)
    seconds_per_event = {task: sample.seconds_per_event for task, sample in samples.items()}
    result = Result(
        config,
        Origin.now(),
        len(corpus.hashes),
        {task: TaskFacts(TASKS[task].asks, seconds) for task, seconds in seconds_per_event.items()},
        trunks,
        found,
        limits,
        savings,
        taggers_of(config, found, samples[TASK], cells) if TASK in samples else (),
        costs_of(
            savings, corpus.seconds, {one.pretraining: one.seconds for one in trunks}, seconds_per_event
        ),
    )
    report(result, make_page, folder.path)
    write_atomically(folder.path / "tables.md", markdown(result))
    return result
