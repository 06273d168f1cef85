"""Toys: where a trunk was taught what a task asks it must help, where labels mean nothing it must not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.toy_corpus import toy_corpus, toy_events

from hepsets.analyses.pretraining.config import Config, LabelsConfig
from hepsets.analyses.pretraining.curves import Job, log_loss, train_cell
from hepsets.analyses.pretraining.samples import Sample
from hepsets.analyses.pretraining.savings import savings_of
from hepsets.analyses.pretraining.summary import helps
from hepsets.analyses.pretraining.tasks import EVENT, LABEL
from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.learn.pretraining.corpus import LABELS, with_marks
from hepsets.learn.pretraining.objective import objective_of, pretrain
from hepsets.learn.pretraining.tuning import head_inputs, seen_model
from hepsets.learn.training.config import FitConfig

TINY = Config(
    models=("supervised",),
    tasks=("pi0-count",),
    labels=LabelsConfig(counts=(10, 20), scratch_counts=(40,), draws=3, development=100, test=400),
    rates=(1e-3, 1e-2),
    fit=FitConfig(epochs=8, batch=32, device="cpu"),
)


@pytest.fixture(scope="module")
def trunk():
    """One that was told which events hold many particles."""
    trunk, data = toy_corpus(400)
    config = FitConfig(epochs=12, batch=32, learning_rate=5e-3, device="cpu")
    train, held = data.select(torch.arange(340)), data.select(torch.arange(340, 400))
    pretrain(trunk, train, held, objective_of("supervised"), config, samples=2)
    return trunk.eval()


def sample_of(label_of):
    """A task on toy events; ``label_of`` says what is asked."""
    seen, generated = toy_events(700, seed=9)
    label = label_of(generated.columns[LABELS][:, 0] > 0)
    table = with_marks(seen).with_columns(**{LABEL: label, EVENT: np.arange(700)})
    parts = (table[:200], table[200:300], table[300:])
    purposes = (Purpose.TRAINING, Purpose.VALIDATION, Purpose.TEST)
    tables = [part.used_for(purpose) for part, purpose in zip(parts, purposes, strict=True)]
    return Sample(*tables, {}, 0.001)


def cells_of(trunk, sample, tmp_path):
    whole = seen_model(trunk, "head")
    tables = {"pool": sample.pool, "development": sample.development, "test": sample.test}
    data = {part: whole.prepare(table) for part, table in tables.items()}
    heads = {part: head_inputs(whole, one) for part, one in data.items()}
    found = []
    for pretraining in ("none", "supervised"):
        job = Job(TINY, "pi0-count", pretraining, tmp_path, tmp_path, tmp_path)
        for tuning, labels in job.wanted():
            inputs = heads if tuning == "head" else data
            found.append(train_cell(job, trunk, sample, inputs, tuning, labels))
    return found


def test_a_trunk_that_was_taught_what_is_asked_saves_labels(trunk, tmp_path):
    cells = cells_of(trunk, sample_of(lambda many: many), tmp_path)
    assert {(one.pretraining, one.tuning, one.labels) for one in cells} >= {
        ("none", "all", 40),
        ("supervised", "head", 10),
        ("supervised", "all", 20),
    }
    assert all(len(one.points) == 3 and set(one.tried) == set(TINY.rates) for one in cells)
    assert any(helps(one.saving) for one in savings_of(cells) if one.saving.labels == 10)


def test_where_labels_mean_nothing_no_trunk_helps(trunk, tmp_path):
    rng = np.random.default_rng(3)
    cells = cells_of(trunk, sample_of(lambda many: rng.random(len(many)) < 0.5), tmp_path)
    assert all(abs(one.auc.value - 0.5) < 0.1 for one in cells)
    assert not any(helps(one.saving) for one in savings_of(cells))


def test_events_of_the_wrong_purpose_are_refused(trunk, tmp_path):
    sample = sample_of(lambda many: many)
    wrong = Sample(sample.pool, sample.test, sample.test, {}, 0.001)
    job = Job(TINY, "pi0-count", "none", tmp_path, tmp_path, tmp_path)
    with pytest.raises(InputError, match="a learning rate is chosen"):
        train_cell(job, trunk, wrong, {}, "all", 10)


def test_a_fair_coin_costs_ln_2():
    assert log_loss(np.array([True, False]), np.zeros(2)) == pytest.approx(np.log(2))
