"""The study of many skims, from generation to the report, at a size where what it finds is noise."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from helpers.json_schema import problems, result_schema
from helpers.random_events import random_events
from helpers.redrawn import redrawn
from helpers.tiny_run import tiny_run

from hepsets.analyses import smart_background
from hepsets.analyses.smart_background import Config
from hepsets.analyses.smart_background.config import (
    OURS,
    DataConfig,
    FitChanges,
    LimitConfig,
    MultiSkimConfig,
    check,
)
from hepsets.analyses.smart_background.studies.many_skims import MULTI_SKIM, _choose, study_skims
from hepsets.core.errors import InputError
from hepsets.core.events import read_parquet
from hepsets.core.measured import Measured
from hepsets.core.purpose import Purpose
from hepsets.deploy.filter.card import load_card
from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings
from hepsets.deploy.filter.export import export_from_run
from hepsets.evaluate.filter.choice_error import RULE_CHOICES, choice_error
from hepsets.evaluate.filter.importance_sampling import choose_keep_rule, importance_speedup
from hepsets.evaluate.filter.speedup import SpeedupConfig, choose_threshold, speedup_at
from hepsets.evaluate.scores.sample import scored_events
from hepsets.generate.pythia import SAMPLES
from hepsets.learn.decay_trees.model import EventModel
from hepsets.learn.files import load
from hepsets.learn.training.score import score_heads
from hepsets.select.skims.registry import SKIMS

pytest.importorskip("pythia8mc")

pytestmark = pytest.mark.validate  # slow: a whole study

TINY = Config(
    scale="quick",
    data=DataConfig(train_events=160, test_events=160, trials=2, keep=True),
    models=(OURS,),
    training_seeds=1,
    fit=FitChanges(epochs=2, least_steps=0),
    limit=LimitConfig(events=60, trials=6, further=10),
    studies=("skims",),
    multi_skim=MultiSkimConfig(train_events=200, test_events=200, trials=2, alone=("hadronic_b0",)),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder and result of a tiny run with the study."""
    folder, result = tiny_run(smart_background, "smart-background", TINY, tmp_path_factory)
    return folder, result.studies.skims


@pytest.fixture(scope="module")
def metrics(finished):
    return json.loads((finished[0] / "result.json").read_text())["metrics"]


def test_every_skim_joins_the_metrics_of_the_models(metrics):
    for way in ("threshold", "importance"):
        entries = [entry for entry in metrics[way] if entry["model"] == MULTI_SKIM]
        assert [entry["skim"] for entry in entries] == list(SKIMS)
        for entry in entries:
            assert {"speedup", "speedup_se", "effective_fraction", "max_abs_pull"} <= set(entry)
            assert 0 < entry["effective_fraction"] < 1 + 1e-12 or way == "threshold"


def test_the_study_has_its_own_metrics(metrics):
    study = metrics["studies"]["skims"]
    assert [entry["skim"] for entry in study["skims"]] == list(SKIMS)
    for entry in study["skims"]:
        assert 0 < entry["retention"] < 0.2
        assert entry["auc_se"] > 0
    assert all(entry["passing"] >= 100 and entry["sample"] in SAMPLES for entry in study["samples"])
    assert [entry["skim"] for entry in study["alone"]] == ["hadronic_b0"]
    assert np.isfinite(study["alone"][0]["gain_of_all"])


def test_using_all_simulated_events_never_makes_a_skim_worse(finished):
    for each in finished[1].skims:
        assert each.effective_fraction.value == pytest.approx(each.importance.effective_fraction)
        assert each.effective_fraction_of_all.value >= each.effective_fraction.value - 1e-12


def test_a_shared_random_number_simulates_no_more_and_saves_time(metrics):
    found = metrics["studies"]["skims"]["shared_random"]
    wanted = [share["value"] for share in found["each"].values()]
    assert max(wanted) <= found["simulated_shared"] <= found["simulated_independent"] <= sum(wanted)
    assert 0 <= found["saving"] <= found["saving_of_separate"] < 1
    assert found["saving_se"] >= 0


def test_the_report_tells_of_many_skims(finished):
    page = (finished[0] / "report.html").read_text()
    for words in ("Many skims", "One random number for all skims", *SKIMS):
        assert words in page
    for figure in ("skims_by_sample", "shared_random"):
        assert (finished[0] / "figures" / f"{figure}.png").stat().st_size > 5000


def test_the_card_names_skims_and_event_types_in_order(finished):
    card = load_card(finished[0] / "models" / f"{MULTI_SKIM}.card.json")
    assert tuple(skim.name for skim in card.skims) == tuple(SKIMS)
    assert card.event_types == SAMPLES
    for skim, each in zip(card.skims, finished[1].skims, strict=True):
        assert skim.rule.trained == 0.5  # classes are balanced in training
        assert skim.rule.population == pytest.approx(each.retention.value)
        assert skim.threshold == each.threshold.threshold


def test_the_model_can_be_exported_and_gives_its_scores_and_weights(finished, tmp_path):
    folder, _ = finished
    test = read_parquet(folder / "events" / "skims_test.parquet")
    path = tmp_path / "filter.onnx"
    _, difference = export_from_run(folder, MULTI_SKIM, path, folder / "events" / "skims_test.parquet")
    assert difference < 1e-5
    decision = EventFilter.load(path).decide(test, FilterSettings())
    scores = score_heads(load(folder / "models" / f"{MULTI_SKIM}.safetensors", EventModel), test)
    assert np.allclose(decision.scores, scores, atol=1e-5)
    # one random number for all: an event that a skim takes is taken by every skim that wanted it more
    most = decision.probabilities.max(axis=1)
    wants_most = decision.probabilities == most[:, None]
    assert (decision.kept == ((decision.weights > 0) & wants_most).any(axis=1)).all()


def test_what_an_earlier_try_left_is_used_again(finished, monkeypatch):
    folder, found = finished
    for module, name in (
        ("analyses.smart_background.many_skims_sample", "generate_block"),
        ("analyses.smart_background.training", "fit"),
    ):
        monkeypatch.setattr(f"hepsets.{module}.{name}", lambda *_, **__: pytest.fail("done again"))
    again = study_skims(TINY, folder / "models", folder / "events")
    assert [each.auc for each in again.skims] == [each.auc for each in found.skims]


def test_a_skim_that_does_not_exist_cannot_be_trained_alone():
    config = dataclasses.replace(TINY, multi_skim=MultiSkimConfig(alone=("hadronic_b1",)))
    with pytest.raises(InputError, match="hadronic_b1"):
        check(config)


COSTS = SpeedupConfig(retention=0.05, time_network=0.001)


def sample(number: int, seed: int):
    """Events with a label of a skim, and scores that tell it."""
    random = np.random.default_rng(seed)
    label = np.arange(number) % 2 == 0
    events = random_events(number, seed=seed, mean_particles=2)
    events = events.with_columns(label_jpsi=label, weight=np.where(label, 1.0, 19.0))
    return events, 1 / (1 + np.exp(-random.normal(np.where(label, 1.5, -1.5))))


def test_errors_of_speedups_hold_those_of_the_choice_on_validation_events():
    events, chosen_scores = sample(200, 1)
    validation = events.used_for(Purpose.TRAINING).held_out(np.arange(200))
    test, scores = sample(2000, 2)
    label, weight = test.columns["label_jpsi"], test.columns["weight"]
    found = _choose(validation, "jpsi", chosen_scores, COSTS, seed=3)
    chosen_on = scored_events(validation, chosen_scores, label="label_jpsi")

    plain = importance_speedup(label, found.card.rule(scores), weight, COSTS)
    choice = choice_error(
        lambda drawn: choose_keep_rule(drawn, COSTS, trained=0.5),
        lambda rule: importance_speedup(label, rule(scores), weight, COSTS).speedup.value,
        chosen_on,
        seed=3,
        samples=RULE_CHOICES,
    )
    whole = found.importance(label, scores, weight, COSTS)
    assert whole.speedup == Measured(plain.speedup.value, np.hypot(plain.speedup.se, choice))
    assert choice > 0

    cut = speedup_at(found.card.threshold, label, scores, weight, COSTS)
    choice = choice_error(
        lambda drawn: choose_threshold(drawn, COSTS).threshold,
        lambda threshold: speedup_at(threshold, label, scores, weight, COSTS).speedup.value,
        chosen_on,
        seed=3,
    )
    whole = found.threshold(label, scores, weight, COSTS)
    assert whole.speedup == Measured(cut.speedup.value, np.hypot(cut.speedup.se, choice))
    assert choice > cut.speedup.se / 10


def test_the_report_is_drawn_again_byte_for_byte_without_computing(finished, tmp_path, monkeypatch):
    first, again = redrawn(finished[0], smart_background, tmp_path, monkeypatch)
    assert again == first


def test_the_result_is_what_the_shipped_schema_says(finished):
    assert problems(json.loads((finished[0] / "result.json").read_text()), result_schema()) == []
