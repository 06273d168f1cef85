"""The study of new skims with few labels, at a size where what it finds is noise."""

import dataclasses
import json

import numpy as np
import pytest
from helpers.json_schema import problems, result_schema
from helpers.redrawn import redrawn
from helpers.tiny_run import tiny_run

from hepsets.analyses import smart_background
from hepsets.analyses.smart_background import Config
from hepsets.analyses.smart_background.config import (
    OURS,
    DataConfig,
    FewLabelsConfig,
    FitChanges,
    LimitConfig,
    check,
)
from hepsets.analyses.smart_background.studies.few_labels import METHODS, _draws, study_few_labels
from hepsets.core.errors import InputError
from hepsets.core.events import read_parquet
from hepsets.learn.files import load
from hepsets.select.skims.registry import SKIMS

pytest.importorskip("pythia8mc")

pytestmark = pytest.mark.validate  # slow: a whole study

TINY = Config(
    scale="quick",
    data=DataConfig(train_events=160, test_events=160, trials=0, keep=True),
    models=(OURS,),
    training_seeds=1,
    fit=FitChanges(epochs=2, least_steps=0),
    limit=LimitConfig(events=60, trials=2, further=4),
    studies=("few_labels",),
    few_labels=FewLabelsConfig(
        skims=("semileptonic_b0",), labels=(20, 40), draws=2, trunk_events=400, test_events=60
    ),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder and result of a tiny run with the study."""
    folder, result = tiny_run(smart_background, "smart-background", TINY, tmp_path_factory)
    return folder, result.studies.few_labels


def test_every_method_has_a_point_for_every_number_of_labels(finished):
    folder, points = finished
    expected = [(number, method) for number in (20, 40) for method in METHODS]
    assert [(point.labels, point.method) for point in points] == expected
    assert [point.draws for point in points] == 3 * [2] + 3 * [1]
    metrics = json.loads((folder / "result.json").read_text())["metrics"]["studies"]["few_labels"]
    assert [entry["skim"] for entry in metrics] == 6 * ["semileptonic_b0"]
    for entry in metrics:
        assert 0 < entry["auc"] < 1
        assert min(entry["auc_se"], entry["importance_speedup"], entry["importance_speedup_se"]) > 0


def test_the_report_shows_the_learning_curve(finished):
    folder, _ = finished
    assert "New skim, few labels: semileptonic_b0" in (folder / "report.html").read_text()
    assert (folder / "figures" / "few_labels_semileptonic_b0.png").stat().st_size > 10_000


def test_the_trunk_has_never_seen_the_new_skim(finished):
    folder, _ = finished
    trunk = load(folder / "models" / "all_but_semileptonic_b0.safetensors")
    assert trunk.config.heads == len(SKIMS) - 1


def test_labelled_test_and_trunk_events_are_different_ones(finished):
    folder, _ = finished
    numbers = [
        set(read_parquet(folder / "events" / f"few_labels_{name}.parquet").columns["event_number"].tolist())
        for name in ("semileptonic_b0_train", "semileptonic_b0_test", "trunk")
    ]
    assert all(not one & other for i, one in enumerate(numbers) for other in numbers[:i])


def test_draws_are_balanced_disjoint_and_repeatable(finished):
    folder, _ = finished
    pool = read_parquet(folder / "events" / "few_labels_semileptonic_b0_train.parquet")
    draws = _draws(pool, 20, 5, seed=3)
    assert len(draws) == 2  # of 40 passing events
    assert not set(draws[0]) & set(draws[1])
    for draw, again in zip(draws, _draws(pool, 20, 5, seed=3), strict=True):
        assert pool.columns["label"][draw].sum() == 20 == len(draw) // 2
        assert np.array_equal(draw, again)


def test_a_repeated_study_generates_nothing_again_and_finds_the_same_auc(finished, monkeypatch):
    folder, points = finished
    for module in ("one_skim_sample", "many_skims_sample"):
        monkeypatch.setattr(
            f"hepsets.analyses.smart_background.{module}.generate_block",
            lambda *_: pytest.fail("generated again"),
        )
    again = study_few_labels(TINY, folder / "models", folder / "events")
    assert [point.auc for point in again] == [point.auc for point in points]


@pytest.mark.parametrize("change", [{"skims": ("nothing",)}, {"labels": ()}, {"labels": (3,)}])
def test_impossible_settings_are_refused(change):
    config = dataclasses.replace(TINY, few_labels=dataclasses.replace(TINY.few_labels, **change))
    with pytest.raises(InputError, match=r"few_labels\."):
        check(config)


def test_the_report_is_drawn_again_byte_for_byte_without_computing(finished, tmp_path, monkeypatch):
    first, again = redrawn(finished[0], smart_background, tmp_path, monkeypatch)
    assert again == first


def test_the_result_is_what_the_shipped_schema_says(finished):
    assert problems(json.loads((finished[0] / "result.json").read_text()), result_schema()) == []
