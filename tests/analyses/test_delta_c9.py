"""A tiny run of the ΔC9 analysis, from decays to the report."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from helpers.json_schema import problems, result_schema
from helpers.redrawn import redrawn
from helpers.shown import says_and_draws
from helpers.tiny_run import tiny_run

from hepsets.analyses import delta_c9
from hepsets.analyses.delta_c9 import SCALES, Config
from hepsets.analyses.delta_c9.cells import estimate, predict_cell, refuse_shared_events, run_cells
from hepsets.analyses.delta_c9.config import DataConfig, OnSetsConfig, StudyConfig, check
from hepsets.analyses.delta_c9.predictions import Key, read_predictions, write_predictions
from hepsets.analyses.delta_c9.samples import (
    CALIBRATION,
    LINEARITY,
    POOL,
    TOYS,
    TRAINING,
    Cell,
    cells,
    sample,
    sample_for,
    seed_of,
)
from hepsets.analyses.delta_c9.training import train_cell
from hepsets.core import config as configuration
from hepsets.core.errors import InputError
from hepsets.core.purpose import Purpose
from hepsets.generate.kstmumu.bound import cramer_rao_bound
from hepsets.generate.kstmumu.density import VARIABLES, WINDOWS
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.learn.data_sets.estimator import SetEstimates
from hepsets.learn.data_sets.exact_likelihood import ExactLikelihood
from hepsets.learn.data_sets.morphing import MorphingConfig
from hepsets.learn.data_sets.published_fit import PublishedFit
from hepsets.represent.data_sets.pools import disjoint_sets

TINY = dataclasses.replace(
    configuration.from_mapping(Config, configuration.merge(SCALES["quick"], {"scale": "quick"})),
    levels=("generator", "background"),
    set_events=(500, 1000),
    truths=(0.0, -0.8),
    data=DataConfig(
        events_per_value=1500,
        reconstructed_per_value=1500,
        ours_per_value=600,
        toys={"generator": 8, "background": 8},
        linearity_toys=2,
    ),
    on_sets=OnSetsConfig(set_events=(500,)),
    study=StudyConfig(
        calibration_sets=20, pooled_sets=20, pool_events=1000, q2_shifts=(0.02,), suppression_events=3000
    ),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder and result of a tiny run, which takes its bounds and images from a fifth of the events."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hepsets.analyses.delta_c9.bounds.BOUND_EVENTS", 40_000)
        patch.setattr("hepsets.analyses.delta_c9.images.IMAGE_EVENTS", 40_000)
        return tiny_run(delta_c9, "delta-c9", TINY, tmp_path_factory)


def test_the_metrics_have_the_names_that_tools_read(finished):
    folder, _ = finished
    metrics = json.loads((folder / "result.json").read_text())["metrics"]
    names = {"level", "window", "model", "events", "delta_c9", "std", "std_se", "bias", "bias_se", "toys"}
    for row in metrics["results"]:
        assert names | {"coverage68"} <= set(row)
        assert row["level"] in ("generator", "background")
        assert row["window"] == "0-20"
    assert {row["model"] for row in metrics["results"] if row["level"] == "generator"} == {
        "exact",
        "morphing",
        "set_summary",
        "event_by_event",
        "event_by_event_normalised",
        "deep_sets",
        "cnn",
    }
    assert all({"level", "window", "events", "delta_c9", "sigma"} <= set(row) for row in metrics["bound"])
    assert set(metrics["efficiency"]) == {"value", "se"}
    assert set(metrics["resolution"]) == {"q_squared", "costheta_mu", "costheta_K", "chi"}
    assert {"cut", "fom", "b_over_s_before", "b_over_s_after", "signal_efficiency"} <= set(
        metrics["suppression"]
    )


def test_larger_sets_are_made_of_the_same_toys(finished):
    _, result = finished
    toys = {row.events: row.quality.toys for row in result.comparison.rows if row.model == "morphing"}
    assert toys == {500: 8, 1000: 4}


def test_generated_sets_have_the_bound_of_cramer_and_rao(finished):
    _, result = finished
    for bound in result.comparison.bounds:
        if bound.level == "generator":
            exact = cramer_rao_bound(bound.delta_c9, WINDOWS[bound.window], bound.events)
            assert bound.sigma == bound.sigma_attainable == exact
        else:
            assert 0 < bound.sigma < bound.sigma_attainable


def test_a_bound_falls_with_the_root_of_the_events(finished):
    _, result = finished
    sigma = {(b.level, b.delta_c9, b.events): b.sigma for b in result.comparison.bounds}
    for (level, truth, events), value in sigma.items():
        if events == 500:
            assert value / sigma[level, truth, 1000] == pytest.approx(math.sqrt(2))


def test_the_report_has_every_plot(finished):
    folder, _ = finished
    figures = {path.stem for path in (folder / "figures").glob("*.png")}
    assert {
        "linearity_generator",
        "linearity_background",
        "predictions_generator_0-20",
        "errors_generator",
        "spread_generator",
        "coverage_generator",
        "calibration_generator",
        "likelihood_background",
        "posteriors_generator",
        "pools",
        "q2_shift_generator",
        "nuisances",
        "efficiency",
        "resolution",
        "asymmetries",
        "mbc_delta_e",
        "sideband",
        "suppression",
        "images",
    } <= figures
    html = (folder / "report.html").read_text()
    assert "This is a closure test" in html
    assert "<!-- simulation -->" in html
    assert "luminosity" in html
    assert "http://" not in html.replace("http://www.w3.org", "")


def test_test_frames_that_share_a_decay_with_training_are_refused(tmp_path):
    decays = sample_decays(400, -0.8, 1).select_columns([*VARIABLES, "delta_c9"])
    train, test = tmp_path / "train.parquet", tmp_path / "test.parquet"
    decays[:300].write_parquet(train)
    data = DataConfig(train=(str(train),), test=(str(test),))
    decays[300:].write_parquet(test)
    refuse_shared_events(dataclasses.replace(Config(), data=data))
    decays[299:].with_columns(delta_c9=np.zeros(101)).write_parquet(test)
    with pytest.raises(InputError, match="1 of 101 events of"):
        refuse_shared_events(dataclasses.replace(Config(), data=data))


def test_saved_models_make_the_same_predictions_again(finished):
    folder, result = finished
    cell = Cell("generator", "0-20")
    estimators = train_cell(TINY, cell, folder / "models" / cell.name)
    config = dataclasses.replace(TINY, studies=())
    again = dict(predict_cell(config, cell, estimators))
    for key, estimates in again.items():
        np.testing.assert_allclose(estimates.value, result.predictions[cell][key].value, atol=1e-6)


def test_a_finished_cell_is_read_not_made_again(finished, monkeypatch):
    folder, result = finished
    monkeypatch.setattr(delta_c9.cells, "_run_cell", None)
    again = run_cells(TINY, folder)
    assert list(again) == list(cells(TINY)) == list(result.predictions)


def test_events_of_every_purpose_have_a_seed_of_their_own():
    seeds = [
        seed_of(TINY, cell, purpose, number)
        for cell in (Cell("generator", "0-20"), Cell("generator", "1-19"), Cell("detector", "0-20"))
        for purpose in (TRAINING, TOYS)
        for number in range(50)
    ]
    assert len(set(seeds)) == len(seeds)


def test_toys_share_no_decay_with_training_even_at_the_same_value():
    cell, number = Cell("generator", "0-20"), 3
    trained = sample_for(TINY, cell, TRAINING, number, -1.0, 500)
    judged = [sample_for(TINY, cell, use, number, -1.0, 500) for use in (TOYS, LINEARITY, CALIBRATION, POOL)]
    assert trained.purpose is Purpose.TRAINING
    for frame in judged:
        assert frame.purpose is Purpose.TEST
        assert not np.isin(frame["q_squared"], trained["q_squared"]).any()


def test_models_are_neither_judged_on_training_events_nor_trained_on_toys():
    cell = Cell("generator", "0-20")
    trained = disjoint_sets(sample_for(TINY, cell, TRAINING, 0, -1.0, 600), 300)
    exact = {"exact": {None: ExactLikelihood(WINDOWS["0-20"], (-3.0, 2.0))}}
    with pytest.raises(InputError, match="training events where models are judged"):
        list(estimate(exact, trained, 300))
    toys = sample_for(TINY, cell, TOYS, 0, -1.0, 600)
    with pytest.raises(InputError, match="test events where morphing is trained"):
        delta_c9.training._train(TINY, cell, "morphing", None, toys, {}, Path("nowhere"))


def test_background_fluctuates_from_sample_to_sample():
    cell = Cell("background", "0-20")
    counts = [len(sample(TINY, cell, 0.0, 400, seed)) - 400 for seed in range(20)]
    assert np.mean(counts) == pytest.approx(440, abs=20)
    assert np.std(counts, ddof=1) == pytest.approx(math.sqrt(440), rel=0.6)


@pytest.mark.parametrize("level", ["generator", "detector", "background"])
def test_the_region_of_the_resonances_can_be_left_out(level):
    cell = Cell(level, "0-20-nonresonant")
    q_squared = sample(TINY, cell, -0.8, 300, seed_of(TINY, cell, TOYS))["q_squared"]
    assert not ((q_squared > 8.9) & (q_squared < 14)).any()
    assert (q_squared > 14).any()
    config = dataclasses.replace(TINY, windows=("0-20-nonresonant",))
    check(config)
    assert config.shown_truth("0-20-nonresonant") == -0.82


def test_predictions_are_read_as_they_were_written(tmp_path):
    rng = np.random.default_rng(1)
    predictions = {
        key: SetEstimates(*rng.normal(size=(3, n)))
        for key, n in (
            (Key("toys", "morphing", 0.0, 500), 3),
            (Key("toys", "morphing", 0.0, 1000), 1),
            (Key("toys", "exact", 0.0, 1000), 1),
            (Key("shifted", "exact", -0.8, 500, -0.02), 4),
            (Key("shifted", "exact", -0.8, 500, 0.02), 4),
        )
    }
    write_predictions(tmp_path / "p.parquet", predictions)
    again = read_predictions(tmp_path / "p.parquet")
    assert list(again) == list(predictions)
    for key, estimates in predictions.items():
        for name in ("value", "low", "high"):
            np.testing.assert_array_equal(getattr(again[key], name), getattr(estimates, name))


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_is_a_complete_configuration(scale):
    values = configuration.merge(SCALES[scale], {"scale": scale})
    config = configuration.from_mapping(Config, values)
    check(config)
    assert configuration.from_mapping(Config, configuration.to_mapping(config)) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"truths": ()}, "truths"),
        ({"set_events": (8000, 12_000)}, "multiples of the smallest"),
        ({"data": DataConfig(toys={"generator": 4})}, "enough for two"),
        ({"data": DataConfig(ours_per_value=130_000)}, "at most 120000"),
        ({"on_sets": OnSetsConfig(set_events=(4000,))}, "some of set_events"),
        ({"morphing": MorphingConfig(fit=PublishedFit(seed=3))}, "one seed"),
        ({"data": DataConfig(train=("a.parquet",))}, "--test-data"),
    ],
)
def test_what_cannot_be_run_is_refused_at_once(change, message):
    with pytest.raises(InputError, match=message):
        check(dataclasses.replace(Config(), **change))


@pytest.mark.validate
def test_the_report_is_drawn_again_byte_for_byte_without_computing(finished, tmp_path, monkeypatch):
    first, again = redrawn(finished[0], delta_c9, tmp_path, monkeypatch)
    assert again == first


def test_the_result_is_what_the_shipped_schema_says(finished):
    assert problems(json.loads((finished[0] / "result.json").read_text()), result_schema()) == []


def test_its_result_tells_the_headline_with_errors_and_draws_it(finished):
    says_and_draws(finished[1])
