"""The study of losses, at a size where what it finds is noise."""

from __future__ import annotations

import json

import pytest
from helpers.tiny_run import tiny_run

from hepsets.analyses import smart_background
from hepsets.analyses.smart_background import Config
from hepsets.analyses.smart_background.config import OURS, DataConfig, FitChanges, LimitConfig

pytest.importorskip("pythia8mc")

pytestmark = pytest.mark.validate  # slow: a whole study


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder and rows of a tiny run with the study."""
    config = Config(
        scale="quick",
        data=DataConfig(train_events=200, test_events=200, trials=2),
        models=(OURS,),
        training_seeds=1,
        fit=FitChanges(epochs=2, least_steps=0),
        limit=LimitConfig(events=60, trials=2, further=4),
        studies=("loss",),
    )
    folder, result = tiny_run(smart_background, "smart-background", config, tmp_path_factory)
    return folder, result.studies.loss


def test_every_training_is_there_with_every_form_that_suits_it(finished):
    _, rows = finished
    assert [(row.name, row.form) for row in rows] == [
        ("cross entropy, labels", "root"),
        ("cross entropy, labels", "logistic"),
        ("cross entropy, labels, then computing time", "logistic"),
        ("cross entropy, soft labels", "root"),
        ("cross entropy, soft labels", "logistic"),
        ("cross entropy, soft labels, then computing time", "logistic"),
        ("computing time from the start", "logistic"),
    ]


def test_ratios_are_those_of_the_speedups_to_the_first_row(finished):
    _, rows = finished
    assert rows[0].ratio.value == 1
    assert rows[0].ratio.se == 0
    for row in rows:
        assert row.ratio.value == pytest.approx(row.speedup.value / rows[0].speedup.value)
        assert 0 < row.floor <= 1


def test_our_own_model_is_not_trained_twice(finished):
    folder, _ = finished
    names = {path.stem for path in (folder / "models").glob("*.safetensors")}
    assert names == {OURS, f"{OURS}_then_time", "loss_entropy", "loss_entropy_then_time", "loss_time"}


def test_metrics_and_report_hold_the_study(finished):
    folder, rows = finished
    metrics = json.loads((folder / "result.json").read_text())["metrics"]["studies"]["loss"]
    assert [entry["training"] for entry in metrics] == [row.name for row in rows]
    assert "A loss that knows its purpose" in (folder / "report.html").read_text()
    assert (folder / "figures" / "loss.png").stat().st_size > 10_000
