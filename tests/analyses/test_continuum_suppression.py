"""A tiny run of continuum suppression, from generation to the report."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from tiny_run import tiny_run

from hepsets.analyses import continuum_suppression
from hepsets.analyses.continuum_suppression import SCALES, Config
from hepsets.analyses.continuum_suppression.comparison import score_of
from hepsets.analyses.continuum_suppression.settings import (
    BDT,
    OURS,
    TAG_BDT,
    DataConfig,
    DiscoConfig,
    check,
)
from hepsets.analyses.continuum_suppression.trainings import Training, class_weights, load, train_all
from hepsets.analyses.continuum_suppression.trust import nominal_part
from hepsets.core import config as configuration
from hepsets.core.errors import InputError
from hepsets.core.particle_sets import read_particle_sets
from hepsets.core.run import RunFolder
from hepsets.learn.boosted_trees import BoostedTreesConfig
from hepsets.learn.fit import FitConfig
from hepsets.select.continuum_variables import VARIABLES
from hepsets.simulate.belle2 import SHIFTS

pytest.importorskip("pythia8mc")

TINY = Config(
    scale="quick",
    data=DataConfig(
        train_events=500, test_events=500, shifted_events=200, generic_signal_events=4, keep=True
    ),
    models=(BDT, TAG_BDT, "multi_deep_sets", OURS),
    fit=FitConfig(epochs=2, learning_rate=5e-3),
    trees=BoostedTreesConfig(trees=40),
    unseen_modes=("anti-D0 pi+",),
    trust_models=(BDT, "multi_deep_sets"),
    disco=DiscoConfig(strengths=(1.0,)),
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Folder and result of a tiny run."""
    return tiny_run(continuum_suppression, "continuum-suppression", TINY, tmp_path_factory)


def test_the_metrics_have_the_names_that_tools_read(finished):
    folder, _ = finished
    metrics = json.loads((folder / "result.json").read_text())["metrics"]
    for model in metrics["models"]:
        assert {
            "name",
            "auc",
            "auc_se",
            "background_at_90",
            "background_at_90_se",
            "mbc_distance_correlation",
            "sculpting_p_value",
        } <= set(model)
    assert set(metrics["gain_over_bdt_at_90"]) == {TAG_BDT, "multi_deep_sets", OURS}
    assert set(metrics["gain_over_bdt_at_90"][OURS]) == {"value", "se"}
    shifts = {(row["model"], row["shift"]) for row in metrics["shifted_detector"]}
    assert shifts == {(model, shift) for model in TINY.models for shift in ("nominal", *SHIFTS)}
    assert all({"model", "mode", "signal_efficiency"} <= set(row) for row in metrics["unseen_modes"])


def test_signal_and_background_are_told_apart(finished):
    _, result = finished
    assert {model.name: model.auc.value > 0.75 for model in result.models} == {
        BDT: True,
        TAG_BDT: True,
        "multi_deep_sets": True,
        OURS: True,
    }


def test_the_gain_is_one_minus_the_ratio_of_backgrounds(finished):
    _, result = finished
    by_name = {model.name: model for model in result.models}
    for model in result.models:
        ratio = model.left.background / by_name[BDT].left.background
        assert model.gain.value == pytest.approx(1 - ratio)


def test_events_have_the_thirty_variables_and_both_classes(finished):
    folder, result = finished
    train_events = read_particle_sets(folder / "events" / "train.parquet")
    assert set(VARIABLES) <= set(train_events.columns)
    label = train_events.columns["label"]
    assert label.sum() >= 250
    assert (~label).sum() >= 250
    numbers = [set(events.columns["event_number"].tolist()) for events in (train_events, result.samples.test)]
    assert not numbers[0] & numbers[1]


def test_classes_weigh_the_same_in_training(finished):
    _, result = finished
    events = result.samples.train
    weights, label = class_weights(events), events.columns["label"]
    assert weights[label].sum() == pytest.approx(weights[~label].sum())
    assert weights.mean() == pytest.approx(1)


def test_saved_models_give_the_scores_of_the_report(finished):
    folder, result = finished
    for model in result.models:
        again = load(Training(model.name), folder / "models").model
        np.testing.assert_allclose(score_of(again, result.samples.test), model.scores, atol=1e-6)


def test_models_do_not_depend_on_how_many_are_trained_at_once(finished, tmp_path):
    folder, result = finished
    config = dataclasses.replace(TINY, models=(BDT, "multi_deep_sets"), studies=("disco",))
    samples = dataclasses.replace(result.samples, train_file=folder / "events" / "train.parquet")
    two = train_all(config, samples, tmp_path, workers=2)
    assert [training.file for training in two] == [BDT, "multi_deep_sets", "multi_deep_sets_disco_1"]
    for training, trained in two.items():
        alone = load(training, folder / "models").model
        test = result.samples.test
        np.testing.assert_array_equal(score_of(trained.model, test), score_of(alone, test))


def test_the_nominal_detector_is_judged_on_the_events_that_the_shifted_ones_saw(finished):
    _, result = finished
    test = result.samples.test
    middle = {
        kind: np.median(test.columns["event_number"][test.columns["sample"] == kind])
        for kind in set(test.columns["sample"].tolist())
    }
    first = test.columns["event_number"] <= np.array([middle[kind] for kind in test.columns["sample"]])
    nominal = nominal_part(dataclasses.replace(result.samples, shifted={"none": test[first]}))
    assert 0.4 < len(nominal) / len(test) < 0.6
    np.testing.assert_array_equal(nominal.columns["event_number"], test.columns["event_number"][first])


def test_an_unseen_mode_is_seen_by_nobody_in_training(finished):
    folder, result = finished
    assert (folder / "models" / "bdt_without_anti-D0_pi+.json").is_file() == bool(result.trust.unseen)


def test_the_report_has_every_plot(finished):
    folder, _ = finished
    html = (folder / "report.html").read_text()
    for title in ("Separation", "The thirty variables", "Independence of Mbc", "Another detector"):
        assert title in html
    figures = {path.stem for path in (folder / "figures").glob("*.png")}
    assert {
        "background",
        "ratio",
        "variables",
        "correlations",
        "sculpting",
        "disco",
        "shifted_detectors",
        "importance_bdt",
        "importance_multi_deep_sets",
        "calibration",
        "training",
        "training_trees",
    } <= figures
    assert "http://" not in html.replace("http://www.w3.org", "")


@pytest.mark.parametrize("scale", SCALES)
def test_every_scale_is_a_complete_configuration(scale):
    values = configuration.merge(SCALES[scale], {"scale": scale})
    config = configuration.from_mapping(Config, values)
    check(config)
    assert config.data.test_events >= 1000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": ("multi_deep_sets",)}, "bdt"),
        ({"models": (BDT, "gcn_stack")}, "gcn_stack"),
        ({"unseen_modes": ("B0 -> J/psi KS",)}, "unseen_modes"),
        ({"disco": DiscoConfig(model=BDT)}, "no such penalty"),
        ({"data": DataConfig(train=("a.root",))}, "--test-data"),
        ({"fit": FitConfig(seed=3)}, "one seed"),
    ],
)
def test_what_cannot_be_run_is_refused_at_once(change, message):
    with pytest.raises(InputError, match=message):
        check(dataclasses.replace(Config(), **change))


def test_an_ntuple_feeds_the_models_on_the_thirty_variables(tmp_path):
    uproot = pytest.importorskip("uproot")
    rng = np.random.default_rng(1)
    paths = []
    for name in ("train", "test"):
        signal = np.arange(600) % 2 == 0
        columns = {}
        for variable in VARIABLES:
            branch = variable
            if variable.startswith("cleoCone"):
                branch = f"CleoConeCS__bo{variable[8:]}__bc"
            elif variable[:2] in ("et", "mm", "hs", "ho"):
                branch = f"KSFWVariables__bo{variable}__bc"
            columns[branch] = rng.normal(0.4 * signal, 1.0)
        columns |= {"Mbc": rng.uniform(5.24, 5.29, 600), "deltaE": rng.uniform(-0.2, 0.2, 600)}
        columns["isSignal"] = signal.astype(np.float64)
        paths.append(tmp_path / f"{name}.root")
        with uproot.recreate(paths[-1]) as file:
            file["tree"] = columns
    config = dataclasses.replace(
        TINY,
        data=DataConfig(train=(str(paths[0]),), test=(str(paths[1]),)),
        models=(BDT, "fixed_mlp", "deep_sets"),
    )
    folder = tmp_path / "run"
    with RunFolder(folder, config) as run_folder:
        result = continuum_suppression.run(config, run_folder)
        run_folder.finish("continuum-suppression", config.scale, config.seed, result.metrics)
    assert [model.name for model in result.models] == [BDT, "fixed_mlp"]
    assert result.models[0].auc.value > 0.8
    assert (folder / "report.html").stat().st_size > 100_000
