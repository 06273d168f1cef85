"""A whole run of pre-training, small enough for a test."""

from __future__ import annotations

import dataclasses
import json

import pytest
from helpers.json_schema import problems, result_schema
from helpers.redrawn import redrawn
from helpers.shown import says_and_draws
from helpers.tiny_run import tiny_run

from hepsets.analyses import pretraining
from hepsets.analyses.pretraining import Config
from hepsets.analyses.pretraining.config import LabelsConfig, LimitConfig, check
from hepsets.analyses.pretraining.samples import read_sample
from hepsets.analyses.pretraining.tasks import EVENT
from hepsets.analyses.pretraining.trunks import get_corpus
from hepsets.core.errors import InputError
from hepsets.deploy.corpus import CorpusConfig
from hepsets.deploy.pretraining import PretrainConfig
from hepsets.learn.pretraining.encoder import TrunkConfig
from hepsets.learn.training.config import FitConfig

TINY = Config(
    scale="quick",
    models=("supervised", "masked+contrastive"),
    tasks=("smart-background", "flavour-tagging"),
    pretrain=PretrainConfig(
        corpus=CorpusConfig(events=200, shard_events=100, skims=("jpsi",)),
        trunk=TrunkConfig(units=8, layers=1, attention_heads=2, embedding=4),
        fit=FitConfig(epochs=1, batch=64, device="cpu"),
    ),
    weights=(0.3, 3.0),
    labels=LabelsConfig(counts=(10, 20), scratch_counts=(30,), draws=2, development=20, test=40),
    limit=LimitConfig(events=40, trials=10),
    rates=(1e-3, 1e-2),
    fit=FitConfig(epochs=1, batch=32, device="cpu"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    pytest.importorskip("pythia8mc")
    return tiny_run(pretraining, "pretraining", TINY, tmp_path_factory)


def test_a_run_keeps_to_the_schema_and_has_all_that_was_promised(made):
    folder, result = made
    found = json.loads((folder / "result.json").read_text())
    assert problems(found, result_schema()) == []
    metrics = found["metrics"]
    assert set(metrics) == {
        "curves",
        "elsewhere",
        "limit",
        "label_saving",
        "masked",
        "contrastive",
        "flavour_tagging",
        "compute",
    }
    assert {one["task"] for one in metrics["label_saving"]} == set(TINY.tasks)
    each = {(one["task"], one["pretraining"], one["tuning"], one["labels"]) for one in metrics["curves"]}
    assert len(each) == len(TINY.tasks) * (3 + 2 * 2 * len(TINY.models))
    assert len(metrics["curves"]) == TINY.labels.draws * len(each)
    assert {one["pretraining"] for one in metrics["compute"]} == set(TINY.models)
    outside = {(one["task"], one["pretraining"], one["tuning"], one["test"]) for one in metrics["elsewhere"]}
    assert len(outside) == len(metrics["elsewhere"]) == 2 * len(TINY.tasks) * (1 + 2 * len(TINY.models))
    assert all(one["labels"] == 20 and one["auc_se"] > 0 for one in metrics["elsewhere"])
    assert set(metrics["limit"]) == {"smart-background"}
    assert metrics["limit"]["smart-background"]["auc"] > 0.5
    assert "tracks.identity" in metrics["masked"]
    assert metrics["contrastive"]["chance"] == pytest.approx(1 / 100)
    assert len(metrics["flavour_tagging"]) == 1 + 2 * len(TINY.models) + 3
    alone, both = result.trunks
    assert not alone.pilots
    assert both.objective.contrastive == min(both.pilots, key=both.pilots.get)


def test_no_event_of_a_task_is_in_another_part_or_in_the_corpus(made):
    folder, _ = made
    known = set(get_corpus(TINY, folder).hashes.tolist())
    for task in TINY.tasks:
        sample = read_sample(task, folder / "events")
        parts = [set(one.columns[EVENT].tolist()) for one in (sample.pool, sample.development, sample.test)]
        assert sum(map(len, parts)) == 60 + 20 + 40
        assert len(set.union(*parts)) == 120
        assert not set.union(*parts) & known


@pytest.mark.validate
def test_a_report_is_drawn_again_byte_by_byte(made, tmp_path, monkeypatch):
    first, again = redrawn(made[0], pretraining, tmp_path, monkeypatch)
    assert first == again


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"models": ("masked", "masked")}, "each once"),
        ({"tasks": ("vertexing",)}, "some of continuum-suppression"),
        ({"labels": LabelsConfig(shift="none")}, "labels.shift"),
        ({"labels": LabelsConfig(counts=(30,), scratch_counts=())}, "at least two numbers"),
        ({"fit": FitConfig(seed=4)}, "one seed for the run"),
        (
            {"pretrain": PretrainConfig(corpus=CorpusConfig(skims=("semileptonic_b0",)))},
            "this one is the new task",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(changed, said):
    with pytest.raises(InputError, match=said):
        check(dataclasses.replace(TINY, **changed))


def test_its_result_tells_the_headline_with_errors_and_draws_it(made):
    says_and_draws(made[1])
