import dataclasses
import json
import tomllib

import numpy as np
import optuna
import pyarrow.parquet as pq
import pytest
from helpers.json_schema import problems, result_schema
from helpers.redrawn import redrawn
from helpers.shown import says_and_draws
from helpers.tiny_run import tiny_run

from hepsets.analyses import smart_background
from hepsets.analyses.smart_background import SCALES, Config
from hepsets.analyses.smart_background.config import (
    OURS,
    DataConfig,
    FitChanges,
    LimitConfig,
    check,
    fit_config,
)
from hepsets.analyses.smart_background.samples import get_samples
from hepsets.core import config as configuration
from hepsets.core.errors import InputError
from hepsets.core.run import RunFolder
from hepsets.deploy.filter.event_filter import EventFilter, FilterSettings
from hepsets.deploy.filter.export import export_from_run
from hepsets.generate.blocks import BLOCK_EVENTS
from hepsets.generate.pythia import generate_block
from hepsets.learn.files import load
from hepsets.learn.training.score import score
from hepsets.select.skims.registry import run_skims

TINY = Config(
    scale="quick",
    data=DataConfig(train_events=160, test_events=160, trials=2, keep=True),
    models=("deep_sets_pdg", OURS),
    training_seeds=2,
    fit=FitChanges(epochs=2, least_steps=0),
    limit=LimitConfig(events=60, trials=6, further=10),
    studies=("layers", "embedding"),
    layers=("DS_3_GCN_1", "DS_4_GCN_none"),
)
"""A run that takes seconds: what it finds is noise, but it goes through every stage."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder and result of a tiny run."""
    return tiny_run(smart_background, "smart-background", TINY, tmp_path_factory)


@pytest.fixture(scope="module")
def samples(finished):
    """The events of the tiny run, which it has left in its folder."""
    return get_samples(TINY, finished[0] / "events")


def test_a_run_leaves_config_result_report_figures_and_models(finished):
    folder, _ = finished
    assert {path.name for path in folder.iterdir()} == {
        "config.toml", "result.json", "report.html", "report.json", "report.npz", "table.md",
        "figures", "models", "predictions", "log.txt", "events",
    }  # fmt: skip
    assert (folder / "figures" / "roc.png").stat().st_size > 10_000
    config = configuration.from_mapping(Config, tomllib.loads((folder / "config.toml").read_text()))
    assert config == TINY


def test_what_each_model_says_of_each_test_event_is_kept(finished, samples):
    folder, result = finished
    found = pq.read_table(folder / "predictions" / "test.parquet")
    assert found.column_names == ["event_number", "label", "weight", *TINY.models]
    np.testing.assert_array_equal(found["event_number"].to_numpy(), samples.test.columns["event_number"])
    for model in result.models:
        np.testing.assert_allclose(found[model.name].to_numpy(), model.scores, atol=1e-6)


def test_the_metrics_have_the_names_that_tools_read(finished):
    folder, _ = finished
    metrics = json.loads((folder / "result.json").read_text())["metrics"]
    assert {
        "name", "parameters", "loss", "accuracy", "auc", "auc_se", "max_speedup", "max_speedup_se",
        "threshold", "true_positive_rate", "false_positive_rate", "train_events_per_s", "score_events_per_s",
    } <= set(metrics["models"][0])  # fmt: skip
    assert {"auc", "auc_se", "max_speedup"} <= set(metrics["limit"])
    assert {"value", "se"} == set(metrics["retention"]["hadronic_b0"])
    assert metrics["generation"]["events_per_s"] > 0
    assert metrics["best_model"] in TINY.models
    for way in ("threshold", "importance"):
        assert [entry["model"] for entry in metrics[way]] == list(TINY.models)
        assert {"model", "skim", "speedup", "speedup_se", "effective_fraction", "max_abs_pull"} <= set(
            metrics[way][0]
        )
    for entry in metrics["effective_fraction"]:
        bins = len(entry["edges"]) - 1
        for name in ("passing", "effective_fraction", "effective_fraction_se", "speedup", "speedup_se"):
            assert len(entry[name]) == bins, name
    assert [(each["model"], each["observable"]) for each in metrics["protect"]] == [
        (name, "missing_energy") for name in TINY.models
    ]
    observables = {entry["observable"] for entry in metrics["effective_fraction"] if entry["model"] == OURS}
    assert {"mbc", "delta_e", "missing_energy", "photon_multiplicity"} <= observables
    observables = {entry["observable"] for entry in metrics["bias"] if entry["model"] == OURS}
    assert len(observables) >= 8
    assert {"mbc", "delta_e", "charged_multiplicity", "r2", "b_momentum", "missing_energy"} <= observables
    assert [row["name"] for row in metrics["studies"]["layers"]] == list(TINY.layers)


def test_samples_are_balanced_and_their_weights_bring_the_population_back(samples):
    for events in (samples.train, samples.test):
        label, weight = events.columns["label"], events.columns["weight"]
        assert label.mean() == 0.5
        assert np.average(label, weights=weight) == pytest.approx(samples.retention.value, rel=0.5)
    train = set(samples.train.columns["event_number"].tolist())
    assert train.isdisjoint(samples.test.columns["event_number"].tolist())


def test_labels_are_those_that_the_skim_gives_each_event_alone(samples):
    train = samples.train
    numbers = train.columns["event_number"]
    again = run_skims(train, ["hadronic_b0"], seed=TINY.seed, event_numbers=numbers)["hadronic_b0"]
    assert np.array_equal(again, train.columns["label"])
    block = generate_block("mixed", TINY.seed, int(numbers[0]) // BLOCK_EVENTS)
    alone = block[int(numbers[0]) % BLOCK_EVENTS :][:1]
    assert np.array_equal(alone.particles["px"], train[:1].particles["px"])


def test_the_saved_models_give_the_scores_of_the_report(finished, samples):
    folder, result = finished
    for model in result.models:
        loaded = load(folder / "models" / f"{model.name}.safetensors")
        assert np.allclose(score(loaded, samples.test), model.scores, atol=1e-6)


def test_every_model_can_be_exported_as_a_filter(finished, samples, tmp_path):
    folder, result = finished
    path = tmp_path / "filter.onnx"
    events, difference = export_from_run(folder, OURS, path, folder / "events" / "test.parquet")
    assert events > 100
    assert difference < 1e-5
    best = next(model for model in result.models if model.name == OURS)
    decision = EventFilter.load(path).decide(samples.test, FilterSettings())
    assert np.allclose(decision.scores[:, 0], best.scores, atol=1e-5)
    protected = EventFilter.load(path).decide(samples.test, FilterSettings(protect="missing_energy"))
    label, inside = samples.test.columns["label"], ~protected.strange.outside
    worth = 1 / np.mean(1 / protected.probabilities[label, 0])
    if inside.all():
        assert worth == pytest.approx(best.protections[0].importance.effective_fraction, rel=1e-3)


@pytest.mark.parametrize(
    ("protect", "message"), [(("nonsense",), "no observable"), (("r2", "r2"), "each observable once")]
)
def test_observables_to_protect_that_are_not_there_are_refused(protect, message):
    with pytest.raises(InputError, match=message):
        check(dataclasses.replace(TINY, protect=protect))


def test_a_resumed_run_trains_nothing_again_and_finds_the_same(finished, tmp_path, monkeypatch):
    _folder, result = finished

    def interrupted():
        with RunFolder(tmp_path / "run", TINY) as run_folder:
            monkeypatch.setattr("hepsets.analyses.smart_background.analysis.run_studies", stop)
            smart_background.run(TINY, run_folder)

    def stop(*_, **__):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    monkeypatch.undo()
    assert not (tmp_path / "run").exists()
    monkeypatch.setattr(
        "hepsets.analyses.smart_background.one_skim_sample.generate_block",
        lambda *_: pytest.fail("generated again"),
    )
    monkeypatch.setattr("hepsets.analyses.smart_background.analysis.report", lambda *_: None)
    with RunFolder(tmp_path / "run", TINY, resume=True) as run_folder:
        resumed = smart_background.run(TINY, run_folder)
        run_folder.finish("smart-background", TINY.scale, TINY.seed, resumed.metrics)
    for one, two in zip(result.models, resumed.models, strict=True):
        assert one.classification.auc == two.classification.auc
        assert one.speedup.threshold == pytest.approx(two.speedup.threshold, abs=0.2)
    assert result.limit.auc == resumed.limit.auc


def test_the_page_needs_nothing_from_outside(finished):
    page = (finished[0] / "report.html").read_text()
    assert "Limit" in page
    assert "<!-- simulation -->" in page  # over its figures
    assert "src=" not in page.replace('src="data:', "")
    assert 'href="http' not in page


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_is_a_complete_configuration(scale):
    config = configuration.from_mapping(Config, {**SCALES[scale], "scale": scale})
    check(config)
    assert config.models[-1] == OURS
    assert configuration.from_mapping(Config, tomllib.loads(configuration.to_toml(config))) == config


def test_the_full_scale_is_the_studys_own_size():
    config = configuration.from_mapping(Config, SCALES["full"])
    assert (config.data.train_events, config.data.test_events) == (400_000, 400_000)
    assert fit_config(config, "deep_sets").epochs == 10


def test_tuning_goes_on_where_it_stopped_and_never_reads_test_events(tmp_path, monkeypatch):
    config = dataclasses.replace(TINY, studies=())
    storage = tmp_path / "tune.sqlite"
    first = smart_background.tune(config, "gcn_stack", trials=1, storage=storage)
    second = smart_background.tune(config, "gcn_stack", trials=1, storage=storage)
    assert (first.trials, second.trials) == (1, 2)
    assert second.auc >= first.auc
    (study,) = optuna.get_all_study_summaries(f"sqlite:///{storage}")
    one, two = optuna.load_study(study_name=study.study_name, storage=f"sqlite:///{storage}").trials
    assert one.params != two.params
    assert [path.name for path in tmp_path.rglob("*.parquet")] == ["train.parquet"]


def test_data_that_are_refused_leave_no_storage_of_a_tuning(tmp_path):
    config = dataclasses.replace(TINY, data=dataclasses.replace(TINY.data, train=("none.parquet",)))
    with pytest.raises(InputError, match=r"none\.parquet"):
        smart_background.tune(config, "gcn_stack", trials=1, storage=tmp_path / "tune.sqlite")
    assert not list(tmp_path.iterdir())


def test_a_storage_that_is_no_data_base_is_refused(tmp_path):
    (tmp_path / "tune.sqlite").write_text("nonsense")
    with pytest.raises(InputError, match="cannot be used"):
        smart_background.tune(TINY, "gcn_stack", trials=1, storage=tmp_path / "tune.sqlite")


def test_the_report_is_drawn_again_byte_for_byte_without_computing(finished, tmp_path, monkeypatch):
    first, again = redrawn(finished[0], smart_background, tmp_path, monkeypatch)
    assert again == first


def test_the_result_is_what_the_shipped_schema_says(finished):
    assert problems(json.loads((finished[0] / "result.json").read_text()), result_schema()) == []


def test_its_result_tells_the_headline_with_errors_and_draws_it(finished):
    says_and_draws(finished[1])
